"""Tell the budget, the choice with its reason, and the next two commands."""

import os  # pathlib alone would take as long to import as all of this takes to run
import sys

# Cookiecutter renders every folder; those for the files of other answers are empty.
choices = ["bounded", "pooled", "postgrespool2", "sqlalchemy_pool"]
for folder in {{ plan | deploy_folders }} + [f"pgconnections/{each}" for each in choices]:
    if os.path.isdir(folder) and not os.listdir(folder):
        os.rmdir(folder)

sys.stdout.reconfigure(errors="replace")
print({{ plan | summary(cookiecutter.project_slug) | tojson }}, end="")
