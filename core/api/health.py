"""``/_health``: this process answers. ``/_ready``: what it needs answers, too."""

import redis
from django.db import connection
from django.http import HttpRequest, HttpResponse

from core import valkey
from core.api.errors import DATABASE_AWAY
from core.clickhouse import client
from core.database import release_connection
from core.json import dumps


def health(request: HttpRequest) -> HttpResponse:
    """Says nothing about the stores: a process is not to be restarted because PostgreSQL is."""
    return HttpResponse("ok\n", content_type="text/plain")


def ready(request: HttpRequest) -> HttpResponse:
    """The state of each store. 503 without PostgreSQL only: without the others, events are still taken and persons
    read and changed, and whoever sends no requests here for their sake makes it worse.
    """
    states = {"postgresql": _postgresql(), "clickhouse": client.is_there(), "valkey": _valkey()}
    is_ready = states["postgresql"]
    status = "unavailable" if not is_ready else "ready" if all(states.values()) else "degraded"
    dependencies = {
        name: {"state": "ok" if answers else "away", "needed": name == "postgresql"}
        for name, answers in states.items()
    }
    return HttpResponse(
        dumps({"status": status, "dependencies": dependencies}),
        status=200 if is_ready else 503,
        content_type="application/json",
        headers={} if is_ready else {"Retry-After": "5"},
    )


def _postgresql() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DATABASE_AWAY:
        return False
    # Others need it while this request asks the other stores.
    release_connection()
    return True


def _valkey() -> bool:
    try:
        return bool(valkey.client().ping())
    except redis.RedisError:
        return False
