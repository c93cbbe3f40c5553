"""Settings of the service. Everything about database connections is in pgconnections/."""

import os

from django.core.exceptions import ImproperlyConfigured

from pgconnections.environment import DEBUG
{% if plan.pooling == 'django-postgrespool2' %}
from pgconnections.settings import DATABASE_POOL_ARGS, DATABASES
{% else %}
from pgconnections.settings import DATABASES
{% endif %}

SECRET_KEY = os.environ.get("SECRET_KEY", "development-only" if DEBUG else "")
if not SECRET_KEY:
    raise ImproperlyConfigured("SECRET_KEY is not set: 50 or more random characters are expected.")

# None with DEBUG means this machine only.
hosts = os.environ.get("ALLOWED_HOSTS", "" if DEBUG else "{{ target.allowed_hosts.value }}")
ALLOWED_HOSTS = hosts.split(",") if hosts else []

INSTALLED_APPS = [
    "pgconnections",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
]

MIDDLEWARE = [
    "pgconnections.health.HealthMiddleware",  # before ALLOWED_HOSTS is looked at
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "config.urls"

{% if cookiecutter.server == 'asgi' %}
ASGI_APPLICATION = "config.asgi.application"
{% else %}
WSGI_APPLICATION = "config.wsgi.application"
{% endif %}

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TIME_ZONE = "UTC"

# To the standard error output, where every host collects it: by default Django mails the traceback
# of a failed request to ADMINS, and to nobody else.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {"django": {"handlers": []}},
}

# TLS ends at the proxy in front of the service, which says so in this header.
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
HTTPS_ONLY = os.environ.get("HTTPS_ONLY", "0" if DEBUG else "1") == "1"
SECURE_SSL_REDIRECT = HTTPS_ONLY
SECURE_HSTS_SECONDS = 3600 if HTTPS_ONLY else 0  # a year, once all is well over TLS
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS_ONLY
SECURE_HSTS_PRELOAD = HTTPS_ONLY
SESSION_COOKIE_SECURE = HTTPS_ONLY
CSRF_COOKIE_SECURE = HTTPS_ONLY
