"""Tell the budget, the choice with its reason, and the next two commands. Writes nothing."""

import sys

sys.stdout.reconfigure(errors="replace")
print({{ plan | summary(cookiecutter.project_slug) | tojson }}, end="")
