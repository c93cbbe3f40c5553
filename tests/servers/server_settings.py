"""The settings of the service, with the views that the tests of the web servers ask."""

from config.settings import *  # noqa: F403

ROOT_URLCONF = "tests.views"
