"""Every setting of the server, read from the environment, with its default and its meaning.

The embedded stack (``persons-api up``) sets these variables for its processes; an installation with services
of its own sets the same ones. There is no other difference between the two.
"""

from datetime import timedelta
from typing import Any

from celery.schedules import crontab

from persons_api import env

# --- the program
# -------------------------------------------------------------------------------------------------

#: Signs sessions. Without it only a debug server starts.
DEBUG = env.boolean("PERSONS_API_DEBUG", default=False)
SECRET_KEY = env.secret("PERSONS_API_SECRET_KEY") or ("debug-only" if DEBUG else "")
#: Host names that the server answers to.
ALLOWED_HOSTS = env.words("PERSONS_API_ALLOWED_HOSTS", ["*"])
#: Level of our own log lines.
LOG_LEVEL = env.text("PERSONS_API_LOG_LEVEL", "INFO").upper()

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "core",
    "insights",
]
MIDDLEWARE = [
    # Sets Content-Length: an answer of known size need not travel in chunks.
    "django.middleware.common.CommonMiddleware",
]
ROOT_URLCONF = "persons_api.urls"
WSGI_APPLICATION = "persons_api.wsgi.application"
AUTH_USER_MODEL = "core.User"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
#: Paths are matched with and without a slash; a redirect would lose the body of a POST.
APPEND_SLASH = False
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en-us"
USE_I18N = False
STATIC_URL = "/static/"
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]

# --- PostgreSQL: the truth about identity
# ----------------------------------------------------------------------

_postgres = env.url(
    "DATABASE_URL", "postgres://postgres@127.0.0.1:5432/persons_api", schemes=("postgres", "postgresql")
)
_postgres_user, _postgres_password = env.credentials(_postgres)
DATABASES: dict[str, dict[str, Any]] = {
    "default": {
        "ENGINE": "persons_api.postgresql",
        "HOST": _postgres.hostname,
        "PORT": _postgres.port or 5432,
        "NAME": _postgres.path.lstrip("/"),
        "USER": _postgres_user,
        "PASSWORD": _postgres_password,
        "OPTIONS": {
            "connect_timeout": 5,
            # Allows ``core.database.fetch_prepared``; other statements are not prepared.
            "prepare_threshold": 5,
            "pool": {
                "min_size": 1,
                "max_size": env.integer("PERSONS_API_DATABASE_POOL", 20, least=1),
                "timeout": 5,
                "max_idle": 60,
            },
        },
    }
}

# --- ClickHouse: events, and a replica of persons
# -----------------------------------------------------------------

_clickhouse = env.url(
    "CLICKHOUSE_URL", "http://default@127.0.0.1:8123/persons_api", schemes=("http", "https")
)
_clickhouse_user, _clickhouse_password = env.credentials(_clickhouse)
CLICKHOUSE = {
    "interface": _clickhouse.scheme,
    "host": _clickhouse.hostname,
    "port": _clickhouse.port or (8443 if _clickhouse.scheme == "https" else 8123),
    "username": _clickhouse_user or "default",
    "password": _clickhouse_password,
    "database": _clickhouse.path.lstrip("/") or "default",
}

# --- Valkey: task queue and answers of tasks
# -----------------------------------------------------------------------

VALKEY_URL = env.url("VALKEY_URL", "redis://127.0.0.1:6379/0", schemes=("redis", "rediss")).geturl()
#: Seconds after which a command to Valkey counts as failed.
VALKEY_TIMEOUT = 2.0

# --- capture
# -----------------------------------------------------------------------------------------------------

#: Bytes of a capture request on the wire; more is 413.
CAPTURE_MAX_BODY = env.integer("PERSONS_API_CAPTURE_MAX_BODY", 20 * 1024 * 1024, least=1)
#: Bytes of a capture request after decompression; more is 413.
CAPTURE_MAX_INFLATED = env.integer("PERSONS_API_CAPTURE_MAX_INFLATED", 100 * 1024 * 1024, least=1)
#: Bytes of any other request; more is 413.
DATA_UPLOAD_MAX_MEMORY_SIZE = env.integer("PERSONS_API_MAX_BODY", 20 * 1024 * 1024, least=1)

# --- delivery
# ----------------------------------------------------------------------------------------------------

#: Rows that one frozen batch may hold.
DELIVERY_BATCH_ROWS = env.integer("PERSONS_API_DELIVERY_BATCH_ROWS", 20_000, least=1)
#: Seconds that a delivery waits after a small batch for more rows, so that ClickHouse gets few, larger parts.
DELIVERY_PAUSE = 0.25

# --- squash
# ------------------------------------------------------------------------------------------------------

#: Seconds that an override must not have changed before it is written into the events.
SQUASH_AGE = env.integer("PERSONS_API_SQUASH_AGE", 2 * 24 * 60 * 60, least=0)

# --- insights
# ----------------------------------------------------------------------------------------------------

#: Seconds that a request waits for its answer before it gets a 504 and the query is given up.
INSIGHTS_WAIT = env.integer("PERSONS_API_INSIGHTS_WAIT", 30, least=1)
#: Seconds a question may stay in the queue untouched before the request gets a 503 (no worker is running).
INSIGHTS_PICKUP = env.integer("PERSONS_API_INSIGHTS_PICKUP", 10, least=1)
#: Requests of one web process that may wait for answers at once; more get a 503, so that capture is never
#: starved.
INSIGHTS_WAITING = env.integer("PERSONS_API_INSIGHTS_WAITING", 12, least=1)
#: Bytes of memory of one query.
INSIGHTS_MEMORY = env.integer("PERSONS_API_INSIGHTS_MEMORY", 1_000_000_000, least=1)

# --- Celery
# --------------------------------------------------------------------------------------------------------

CELERY_BROKER_URL = VALKEY_URL
CELERY_TASK_IGNORE_RESULT = True
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_TRANSPORT_OPTIONS = {"socket_timeout": 5, "socket_connect_timeout": 2, "socket_keepalive": True}
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_ROUTES = {
    "core.tasks.delivery.*": {"queue": "delivery"},
    "core.tasks.squash.*": {"queue": "deletions"},
    "insights.tasks.*": {"queue": "insights"},
}
CELERY_BEAT_SCHEDULE = {
    # A capture wakes the delivery itself; this finds what a lost wake-up left behind.
    "deliver": {
        "task": "core.tasks.delivery.deliver",
        "schedule": timedelta(seconds=2),
        "options": {"expires": 2},
    },
    # At times of the clock: an interval would start anew with every start of the schedule.
    "squash": {
        "task": "core.tasks.squash.squash",
        "schedule": crontab(minute="17", hour="*/6"),
        "options": {"expires": 3600},
    },
}

# --- lists
# -------------------------------------------------------------------------------------------------------

#: Persons that a list as CSV has at most.
CSV_ROWS = env.integer("PERSONS_API_CSV_ROWS", 300_000, least=1)

# --- HTTP API
# ------------------------------------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["core.auth.authentication.PersonalAPIKeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["core.auth.authentication.HasKey"],
    "DEFAULT_RENDERER_CLASSES": ["core.api.renderers.JSONRenderer"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "core.api.negotiation.ContentNegotiation",
    "DEFAULT_PARSER_CLASSES": ["core.api.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "core.api.schema.AutoSchema",
    "EXCEPTION_HANDLER": "core.api.errors.exception_handler",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "persons-api",
    "DESCRIPTION": "PostHog's persons HTTP API, self-hosted.",
    "VERSION": "1.0.0",
    "OAS_VERSION": "3.1.0",
    # Other forms of an answer are documented by the routes that have them.
    "RENDERER_WHITELIST": ["core.api.renderers.JSONRenderer"],
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "PREPROCESSING_HOOKS": ["core.api.schema.only_documented"],
    "SCHEMA_PATH_PREFIX": r"/api/projects/{project_id}",
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {
        "core": {"level": LOG_LEVEL},
        "insights": {"level": LOG_LEVEL},
        "persons_api": {"level": LOG_LEVEL},
        # A 4xx is the caller's business; it is not worth a line each.
        "django.request": {"level": "ERROR"},
    },
}
