"""The settings of the project, with a view that holds its connection long enough to be counted."""

from config.settings import *  # noqa: F403

ROOT_URLCONF = "simulated.urls"
