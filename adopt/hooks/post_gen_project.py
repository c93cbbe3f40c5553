"""Tell the budget, the choice with its reason, and what to add to the project."""

import os
import sys

# Cookiecutter renders every folder; those for the files of other answers are empty.
for folder in ("bounded", "pgbouncer", "pooled", "postgis", "postgrespool2"):
    if os.path.isdir(folder) and not os.listdir(folder):
        os.rmdir(folder)

with open("README.md", encoding="utf-8") as file:
    readme = file.read()
lines = readme.partition("## What to add\n")[2].partition("\n## ")[0]

sys.stdout.reconfigure(errors="replace")
summary = {{ plan | summary(cookiecutter.project_slug) | tojson }}
if summary:
    print(summary + lines, end="")
