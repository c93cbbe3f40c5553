"""The settings of the service, with the views that are loaded."""

from config.settings import *  # noqa: F403

ROOT_URLCONF = "bench_urls"

if DATABASES["default"]["CONN_MAX_AGE"]:  # noqa: F405
    # Seconds. With a minute the connections that are opened would tell how long the run was.
    DATABASES["default"]["CONN_MAX_AGE"] = 3600  # noqa: F405
