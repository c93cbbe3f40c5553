"""Tell the budget, the choice with its reason, and the next two commands."""

import sys
from pathlib import Path

# Cookiecutter renders every folder; those for the files of other hosting targets are empty.
for folder in {{ plan | deploy_folders }}:
    if Path(folder).is_dir() and not any(Path(folder).iterdir()):
        Path(folder).rmdir()

sys.stdout.reconfigure(errors="replace")
print({{ plan | summary(cookiecutter.project_slug) | tojson }}, end="")
