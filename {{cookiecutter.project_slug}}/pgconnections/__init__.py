"""Everything about this service's PostgreSQL connections. Start with settings.py and budget.py."""

SERVICE = "{{ cookiecutter.project_slug }}"
