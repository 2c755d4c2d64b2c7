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

#: Shows tracebacks to whoever asks. Never where others can reach it.
DEBUG = env.boolean("PERSONS_API_DEBUG", default=False)
#: A long random text that signs sessions. Without it only a debug server starts.
SECRET_KEY = env.secret("PERSONS_API_SECRET_KEY") or ("debug-only" if DEBUG else "")
#: Host names that the server answers to.
ALLOWED_HOSTS = env.words("PERSONS_API_ALLOWED_HOSTS", ["*"])
#: Whether ``X-Forwarded-Proto`` says how a request came, so that links in answers are ``https``. Only behind a proxy
#: that sets it on every request.
TRUST_PROXY = env.boolean("PERSONS_API_TRUST_PROXY", default=False)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUST_PROXY else None
#: Level of our own log lines.
LOG_LEVEL = env.text("PERSONS_API_LOG_LEVEL", "INFO").upper()
#: How log lines look: ``line``, or ``json`` with one object a line.
LOG_FORMAT = env.choice("PERSONS_API_LOG_FORMAT", "line", among=("line", "json"))
#: What ``/_metrics`` wants as a bearer token. Without one there are no metrics to be had.
METRICS_TOKEN = env.secret("PERSONS_API_METRICS_TOKEN")
#: A file that a worker or beat touches every few seconds, for who watches over the process. Without one, none.
ALIVE_FILE = env.text("PERSONS_API_ALIVE_FILE", "")

INSTALLED_APPS = [
    # The theme of the admin; before it, so that its templates win.
    "unfold.apps.BasicAppConfig",
    # Only who serves the admin loads its pages (persons_api.urls).
    "django.contrib.admin.apps.SimpleAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "core",
    "insights",
]
MIDDLEWARE = [
    "persons_api.middleware.observe",
    "core.api.short_way.short_way",
    "whitenoise.middleware.WhiteNoiseMiddleware",
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
#: Files are served from where packages have them: there is no step that collects them.
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False
WHITENOISE_ALLOW_ALL_ORIGINS = False
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
# Only pages for browsers pay for sessions and messages: each brings the middleware along (core.admin.browser).
SILENCED_SYSTEM_CHECKS = ["admin.E408", "admin.E409", "admin.E410"]
CSRF_FAILURE_VIEW = "core.admin.browser.csrf_failure"
#: How the admin looks.
UNFOLD = {
    "SITE_TITLE": "persons-api",
    "SITE_HEADER": "persons-api",
    "SITE_SYMBOL": "group",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": "/static/core/icon.svg"}],
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    "STYLES": ["/static/core/admin.css"],
    "COLORS": {
        "primary": {
            "50": "#eef4ff",
            "100": "#dbe6fe",
            "200": "#bfd3fe",
            "300": "#93b4fd",
            "400": "#608bfa",
            "500": "#3b66f5",
            "600": "#2549e0",
            "700": "#1d39c4",
            "800": "#1e319f",
            "900": "#1e2f7d",
            "950": "#171f4c",
        }
    },
}

# --- PostgreSQL: the truth about identity
# ----------------------------------------------------------------------

#: Where PostgreSQL is, with user, password and database.
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
            "pool": {
                "min_size": 1,
                #: Connections of one process; a request that gets none within 5 seconds is answered with 503.
                "max_size": env.integer("PERSONS_API_DATABASE_POOL", 20, least=1),
                "timeout": 5,
                "max_idle": 60,
            },
        },
    }
}

# --- ClickHouse: events, and a replica of persons
# -----------------------------------------------------------------

#: Where ClickHouse's HTTP interface is, with user, password and database.
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
#: Name of a cluster in ClickHouse's configuration; tables are then replicated, and spread over its shards by project.
#: Without one, one ClickHouse. See docs/scale.md.
CLICKHOUSE_CLUSTER = env.identifier("PERSONS_API_CLICKHOUSE_CLUSTER")

# --- Valkey: task queue and answers of tasks
# -----------------------------------------------------------------------

#: Where Valkey (or Redis) is, with password and number of the database.
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

# --- erasure
# -----------------------------------------------------------------------------------------------------

#: Seconds within which the bytes of what was erased leave the disk.
SCRUB_WITHIN = env.integer("PERSONS_API_SCRUB_WITHIN", 24 * 60 * 60, least=0)

# --- retention
# ---------------------------------------------------------------------------------------------------

#: Days after which an event is removed, by the time at which it happened; 0 keeps events for ever. Of the whole
#: installation.
EVENT_RETENTION_DAYS = env.integer("PERSONS_API_EVENT_RETENTION_DAYS", 0, least=0)
#: Days after which an entry of the activity log is removed; 0 keeps entries for ever.
ACTIVITY_RETENTION_DAYS = env.integer("PERSONS_API_ACTIVITY_RETENTION_DAYS", 0, least=0)
#: Days after which the receipt of an erasure is removed, from when its bytes were off the disk; 0 keeps receipts for
#: ever.
RECEIPT_RETENTION_DAYS = env.integer("PERSONS_API_RECEIPT_RETENTION_DAYS", 0, least=0)

# --- insights
# ----------------------------------------------------------------------------------------------------

#: Seconds that a request waits for its answer before it gets a 202 and has to fetch it later.
INSIGHTS_WAIT = env.integer("PERSONS_API_INSIGHTS_WAIT", 30, least=1)
#: Seconds a question may stay in the queue untouched before the request gets a 503, unless workers are at others.
INSIGHTS_PICKUP = env.integer("PERSONS_API_INSIGHTS_PICKUP", 10, least=1)
#: Requests of one web process that may wait for answers at once; more get a 503, so that capture is never
#: starved.
INSIGHTS_WAITING = env.integer("PERSONS_API_INSIGHTS_WAITING", 12, least=1)
#: Seconds that a query may take which is waited for without an open request: one that was asked for with ``async``, or
#: that took longer than a request waits.
INSIGHTS_LONGEST = env.integer("PERSONS_API_INSIGHTS_LONGEST", 600, least=1)
#: Such queries that one worker runs at once. The others wait, and leave its remaining threads to short ones.
INSIGHTS_LONG = env.integer("PERSONS_API_INSIGHTS_LONG", 2, least=1)
#: Such queries of a project, running and waiting; one more gets a 429.
INSIGHTS_ASYNC = env.integer("PERSONS_API_INSIGHTS_ASYNC", 10, least=1)
#: Seconds for which the result of such a query can be fetched.
INSIGHTS_RESULT_SECONDS = env.integer("PERSONS_API_INSIGHTS_RESULT_SECONDS", 24 * 60 * 60, least=60)
#: Seconds for which an answer is kept, so that the same question need not be asked again while nothing has changed.
INSIGHTS_CACHE_SECONDS = env.integer("PERSONS_API_INSIGHTS_CACHE_SECONDS", 7 * 24 * 60 * 60, least=60)
#: Bytes of the largest answer that is kept.
INSIGHTS_CACHE_ANSWER = env.integer("PERSONS_API_INSIGHTS_CACHE_ANSWER", 500_000, least=0)
#: Bytes of all answers that are kept for a project; the oldest make room.
INSIGHTS_CACHE_BYTES = env.integer("PERSONS_API_INSIGHTS_CACHE_BYTES", 10_000_000, least=0)
#: Bytes of memory of one query.
INSIGHTS_MEMORY = env.integer("PERSONS_API_INSIGHTS_MEMORY", 1_000_000_000, least=1)

# --- cohorts
# -----------------------------------------------------------------------------------------------------

#: Seconds that the query of a calculation may take; then it has failed, and the old members stay.
COHORT_SECONDS = env.integer("PERSONS_API_COHORT_SECONDS", 120, least=1)

# --- webhooks
# ----------------------------------------------------------------------------------------------------

#: Networks to which webhooks may be sent although only the inside reaches them: private, loopback and link-local
#: addresses are refused otherwise.
WEBHOOK_ALLOWED_NETWORKS = env.networks("PERSONS_API_WEBHOOK_ALLOWED_NETWORKS")
#: Seconds for which the delivery of an event is tried again and again; then it is dead until somebody replays it.
WEBHOOK_PATIENCE = env.integer("PERSONS_API_WEBHOOK_PATIENCE", 24 * 60 * 60, least=0)
#: Seconds for which events are kept after they were delivered or given up.
WEBHOOK_KEEP = env.integer("PERSONS_API_WEBHOOK_KEEP", 7 * 24 * 60 * 60, least=0)
#: Seconds that a receiver has for its answer.
WEBHOOK_TIMEOUT = 10.0

# --- Celery
# --------------------------------------------------------------------------------------------------------

CELERY_BROKER_URL = VALKEY_URL
CELERY_TASK_IGNORE_RESULT = True
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_TRANSPORT_OPTIONS = {"socket_timeout": 5, "socket_connect_timeout": 2, "socket_keepalive": True}
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
#: Of workers and beat, beside the modules of tasks.
CELERY_IMPORTS = ["persons_api.alive"]
CELERY_TASK_ROUTES = {
    "core.tasks.delivery.*": {"queue": "delivery"},
    "core.tasks.erase.*": {"queue": "deletions"},
    "core.tasks.purge.*": {"queue": "deletions"},
    "core.tasks.retention.*": {"queue": "deletions"},
    "core.tasks.squash.*": {"queue": "deletions"},
    "core.tasks.webhooks.*": {"queue": "webhooks"},
    "insights.tasks.*": {"queue": "insights"},
    "insights.cohort_tasks.*": {"queue": "cohorts"},
}
CELERY_BEAT_SCHEDULE = {
    # A capture wakes the delivery itself; this finds what a lost wake-up left behind.
    "deliver": {
        "task": "core.tasks.delivery.deliver",
        "schedule": timedelta(seconds=2),
        "options": {"expires": 2},
    },
    # A request to erase wakes the worker itself, too.
    "erase": {
        "task": "core.tasks.erase.erase",
        "schedule": timedelta(seconds=5),
        "options": {"expires": 5},
    },
    "scrub": {
        "task": "core.tasks.erase.scrub_when_due",
        "schedule": timedelta(minutes=5),
        "options": {"expires": 300},
    },
    # So does the deletion of a project.
    "deleted-projects": {
        "task": "core.tasks.purge.purge",
        "schedule": timedelta(seconds=5),
        "options": {"expires": 5},
    },
    # What webhooks are told wakes the worker, too; this finds what is to be tried again.
    "webhooks": {
        "task": "core.tasks.webhooks.send",
        "schedule": timedelta(seconds=5),
        "options": {"expires": 5},
    },
    "old-webhook-events": {
        "task": "core.tasks.webhooks.forget",
        "schedule": timedelta(minutes=1),
        "options": {"expires": 60},
    },
    # Whoever saves a cohort wakes the calculation itself; this finds what has become old.
    "cohorts": {
        "task": "insights.cohort_tasks.look_after",
        "schedule": timedelta(minutes=1),
        "options": {"expires": 60},
    },
    # At times of the clock: an interval would start anew with every start of the schedule.
    "retention": {
        "task": "core.tasks.retention.forget",
        "schedule": crontab(minute="41", hour="3"),
        "options": {"expires": 3600},
    },
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

#: The day, as 2027-12-31, on which ``/api/environments/`` is to end; its answers say so. Without one they only say
#: where the new paths are.
ENVIRONMENTS_SUNSET = env.day("PERSONS_API_ENVIRONMENTS_SUNSET")
#: Whether requests of the API are counted against the rates below. Without Valkey they are not.
RATE_LIMITS = env.boolean("PERSONS_API_RATE_LIMITS", default=True)
#: Ids of projects in which nobody is ever refused.
RATE_LIMITS_EXEMPT_PROJECTS = frozenset(env.integers("PERSONS_API_RATE_LIMITS_EXEMPT_PROJECTS"))
# How often somebody may ask. A budget is a key's, for all projects together, or somebody's who is logged in; which
# routes share one says ``core.api.rate_limits``.
RATES = {
    #: Requests of a key to routes that are in no other class: cohorts, projects, users.
    "burst": env.rate("PERSONS_API_RATE_BURST", "480/minute"),
    #: The same, over a longer time.
    "sustained": env.rate("PERSONS_API_RATE_SUSTAINED", "4800/hour"),
    #: Requests of a key to routes of persons other than deletions, and to analytical ones.
    "clickhouse_burst": env.rate("PERSONS_API_RATE_CLICKHOUSE_BURST", "240/minute"),
    #: Requests of a key to analytical routes alone, over a longer time.
    "clickhouse_sustained": env.rate("PERSONS_API_RATE_CLICKHOUSE_SUSTAINED", "1200/hour"),
    #: Deletions of persons, events or recordings by a key.
    "persons_delete_burst": env.rate("PERSONS_API_RATE_PERSONS_DELETE_BURST", "480/minute"),
    #: The same, over a longer time.
    "persons_delete_sustained": env.rate("PERSONS_API_RATE_PERSONS_DELETE_SUSTAINED", "4800/hour"),
    #: Requests of somebody who is logged in to all routes of persons.
    "persons_burst": env.rate("PERSONS_API_RATE_PERSONS_BURST", "180/minute"),
    #: The same, over a longer time.
    "persons_sustained": env.rate("PERSONS_API_RATE_PERSONS_SUSTAINED", "1200/hour"),
    #: Attempts to log in that come from one address.
    "login": env.rate("PERSONS_API_RATE_LOGIN", "20/minute"),
}
#: Whether browsers may send cookies only over TLS. On for every server that is reached from elsewhere.
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = env.boolean("PERSONS_API_SECURE_COOKIES", default=False)
CSRF_COOKIE_NAME = "posthog_csrftoken"
#: Origins of web pages on other hosts that may send requests of somebody logged in, as ``https://app.example.org``.
CSRF_TRUSTED_ORIGINS = env.words("PERSONS_API_TRUSTED_ORIGINS", [])

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "core.auth.authentication.PersonalAPIKeyAuthentication",
        "core.auth.sessions.SessionAuthentication",
    ],
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
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "core.api.schema.complete",
        "insights.api.schema.complete",
    ],
    "ENUM_NAME_OVERRIDES": {
        "AsyncDeletionStatusStatusEnum": ["pending", "completed"],
        "PersonListRowTypeEnum": ["person"],
        "WebhookEventEnum": "core.services.webhooks.events.EVENTS",
        "WebhookDeliveryStateEnum": "core.models.WebhookDelivery.State",
    },
    "SCHEMA_PATH_PREFIX": r"/api/projects/{project_id}",
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"()": "persons_api.logs.Line"}, "json": {"()": "persons_api.logs.JSON"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": LOG_FORMAT}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {
        "core": {"level": LOG_LEVEL},
        "insights": {"level": LOG_LEVEL},
        "persons_api": {"level": LOG_LEVEL},
        # A 4xx is the caller's business; it is not worth a line each.
        "django.request": {"level": "ERROR"},
    },
}
