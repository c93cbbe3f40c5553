"""Tell the budget, the choice with its reason, and what to add to the project; in an update of it,
what changes, what is left to do, and which files need a look."""

import os
import sys

# What other answers had.
for name in {{ leftovers }}:
    if os.path.isfile(name):
        os.remove(name)
# Cookiecutter renders every folder; those for the files of other answers are empty.
for folder in ("bounded", "pgbouncer", "pooled", "postgis", "postgrespool2", "sqlalchemy_pool"):
    if os.path.isdir(folder) and not os.listdir(folder):
        os.rmdir(folder)

sys.stdout.reconfigure(errors="replace")
print({{ plan | summary(cookiecutter.project_slug) | tojson }} + {{ changes | tojson }}, end="")
{% if merging %}

from pathlib import Path
from runpy import run_path

project, old = Path({{ merging.project | tojson }}), Path({{ merging.old | tojson }})
look = run_path({{ merging.code | tojson }})["keep_edits"](project, old, Path.cwd(), "")
if look:
    print("\nFiles that need a look\n", *look, sep="\n  ", end="\n\n")
{% elif plan | summary(cookiecutter.project_slug) %}

with open("README.md", encoding="utf-8") as file:
    readme = file.read()
print(readme.partition("## What to add\n")[2].partition("\n## ")[0], end="")
{% endif %}
