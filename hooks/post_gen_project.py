"""Tell the budget, the choice with its reason, and the next two commands; in an update of a project,
what changes, what is left to do, and which files need a look."""

import os  # pathlib alone would take as long to import as all of this takes to run
import sys

# What other answers had, in the folder that is the template's; elsewhere it is named.
left = [name for name in {{ leftovers }} if os.path.isfile(name)]
for name in left:
    if name.startswith("pgconnections/"):
        os.remove(name)
# Cookiecutter renders every folder; those for the files of other answers are empty.
choices = ["bounded", "pooled", "postgrespool2", "sqlalchemy_pool"]
for folder in {{ plan | deploy_folders }} + [f"pgconnections/{each}" for each in choices]:
    if os.path.isdir(folder) and not os.listdir(folder):
        os.rmdir(folder)

sys.stdout.reconfigure(errors="replace")
print({{ plan | summary(cookiecutter.project_slug) | tojson }} + {{ changes | tojson }}, end="")
for name in left:
    if not name.startswith("pgconnections/"):
        print(f"Of other answers, and still there: {name}")
{% if merging %}

from pathlib import Path
from runpy import run_path

project, old = Path({{ merging.project | tojson }}), Path({{ merging.old | tojson }})
look = run_path({{ merging.code | tojson }})["keep_edits"](project, old, Path.cwd(), "pgconnections/")
if look:
    print("\nFiles that need a look\n", *look, sep="\n  ", end="\n\n")
{% endif %}
