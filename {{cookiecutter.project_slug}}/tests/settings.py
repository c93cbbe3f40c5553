"""The settings of the service, with the views that the smoke tests ask."""

from config.settings import *  # noqa: F403

ROOT_URLCONF = "tests.urls"
