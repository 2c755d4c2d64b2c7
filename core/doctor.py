"""Looks at everything the server depends on and says what is wrong: ``persons-api doctor``."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import redis
from celery import current_app
from django.conf import settings
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from kombu.exceptions import OperationalError as BrokerError

from core import valkey
from core.api.errors import DATABASE_AWAY
from core.clickhouse import client
from core.clickhouse.compare import Comparison, compare
from core.clickhouse.migrate import pending
from core.exceptions import ClickHouseRefused, ServiceUnavailable
from core.models import Undeliverable
from core.outbox.drain import drain, rows_left

#: Seconds given to delivery before the stores are compared.
SETTLE = 10.0
#: Rows may wait this long; ClickHouse or the worker is in trouble when they wait longer.
OLDEST_WAIT = 30.0
#: Seconds that a request to erase may wait.
OLDEST_ERASURE = 300.0
#: Seconds that the deletion of a project may take, which writes every part anew that has rows of it.
OLDEST_PROJECT = 3600.0
#: Seconds after its time that the first event of a webhook may still wait, unless the webhook is paused.
OLDEST_EVENT = 60.0
#: Seconds, one try each, that a worker has for an answer.
WORKER_TRIES = 8
WORKERS = ("delivery", "insights", "deletions")


@dataclass(frozen=True, slots=True)
class Check:
    """One finding, for people to read."""

    name: str
    ok: bool
    detail: str


class Unhealthy(Exception):
    """A check found something; the message says what, and what to do."""


def checks() -> Iterator[Check]:
    """Every check in turn, so that each can be shown as soon as it is known."""
    for name, look in (
        ("PostgreSQL", _postgres),
        ("ClickHouse", _clickhouse),
        ("Valkey", _valkey),
        *((f"{worker} worker", _worker_check(worker)) for worker in WORKERS),
        ("delivery", _delivery),
        ("undeliverable rows", _undeliverable),
        ("erasure", _erasure),
        ("deleted projects", _deleted_projects),
        ("webhooks", _webhooks),
        ("PostgreSQL equals ClickHouse", _consistency),
    ):
        yield _run(name, look)


def _run(name: str, look: Callable[[], str]) -> Check:
    try:
        return Check(name, ok=True, detail=look())
    except Unhealthy as finding:
        return Check(name, ok=False, detail=str(finding))
    except (
        *DATABASE_AWAY,
        ServiceUnavailable,
        ClickHouseRefused,
        redis.RedisError,
        BrokerError,
        OSError,
    ) as error:
        first_line = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        return Check(name, ok=False, detail=first_line)


def _postgres() -> str:
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        raise Unhealthy("migrations are pending: run python -m django prepare")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_setting('server_version'), pg_size_pretty(pg_database_size(current_database()))"
        )
        version, size = cursor.fetchone()
    return f"version {version}, {size}"


def _clickhouse() -> str:
    if pending():
        raise Unhealthy("schema files are pending: run python -m django prepare")
    ((version, events),) = client.inspect("SELECT version(), (SELECT count() FROM events)")
    return f"version {version}, {events} events"


def _valkey() -> str:
    return f"version {valkey.client().info('server').get('valkey_version', 'unknown')}"


def _worker_check(name: str) -> Callable[[], str]:
    def look() -> str:
        # A worker needs a few seconds to start, and one that is busy answers between two tasks.
        for _ in range(WORKER_TRIES):
            answers = current_app.control.inspect(timeout=1.0).ping() or {}
            if any(node.startswith(f"{name}@") for node in answers):
                return "answers"
        raise Unhealthy("does not answer; is it running?")

    return look


def _delivery() -> str:
    waiting = rows_left()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT least((SELECT min(created_at) FROM core_eventbuffer),"
            " (SELECT min(created_at) FROM core_outbox))"
        )
        (oldest,) = cursor.fetchone()
    if oldest is not None and _age(oldest) > OLDEST_WAIT:
        raise Unhealthy(f"{waiting} rows wait, the oldest for {_age(oldest):.0f} s")
    return f"{waiting} rows wait"


def _undeliverable() -> str:
    count = Undeliverable.objects.count()
    if count:
        raise Unhealthy(
            f"ClickHouse refused {count} rows; they are kept in core_undeliverable with the reason"
        )
    return "none"


_PENDING = """
SELECT count(*) FILTER (WHERE delete_verified_at IS NULL),
    min(created_at) FILTER (WHERE delete_verified_at IS NULL),
    count(*) FILTER (WHERE stage = 'verified'), min(delete_verified_at) FILTER (WHERE stage = 'verified')
FROM {table} WHERE delete_verified_at IS NULL OR stage = 'verified'
"""


def _erasure() -> str:
    return _deletions("core_deletionrequest", OLDEST_ERASURE, "run persons-api scrub")


def _deleted_projects() -> str:
    return _deletions("core_projectdeletion", OLDEST_PROJECT, "is the worker of deletions running?")


def _deletions(table: str, longest: float, advice: str) -> str:
    """What waits in a table of receipts; ``advice`` is for bytes that do not leave the disk."""
    with connection.cursor() as cursor:
        cursor.execute(_PENDING.format(table=table))
        pending, oldest, unscrubbed, oldest_unscrubbed = cursor.fetchone()
    if oldest is not None and _age(oldest) > longest:
        raise Unhealthy(f"{pending} requests wait, the oldest for {_age(oldest):.0f} s")
    if oldest_unscrubbed is not None and _age(oldest_unscrubbed) > settings.SCRUB_WITHIN:
        raise Unhealthy(
            f"{unscrubbed} requests wait for their bytes to leave the disk, the oldest for "
            f"{_age(oldest_unscrubbed):.0f} s: {advice}"
        )
    return f"{pending} requests wait, {unscrubbed} for their bytes to leave the disk"


# The oldest event of a webhook waits for nothing but its time.
_EVENTS = """
SELECT count(*) FILTER (WHERE d.state = 'waiting'), count(*) FILTER (WHERE d.state = 'dead'), (
    SELECT min(greatest(due.due_at, w.paused_until)) FROM core_webhook w CROSS JOIN LATERAL (
        SELECT due_at FROM core_webhookdelivery o
        WHERE o.webhook_id = w.id AND o.state = 'waiting' ORDER BY o.id LIMIT 1
    ) AS due
    WHERE w.enabled
)
FROM core_webhookdelivery d WHERE d.state = 'waiting' OR d.state = 'dead'
"""


def _webhooks() -> str:
    with connection.cursor() as cursor:
        cursor.execute(_EVENTS)
        waiting, dead, oldest = cursor.fetchone()
    if oldest is not None and _age(oldest) > OLDEST_EVENT:
        raise Unhealthy(
            f"{waiting} events wait; one could have been sent for {_age(oldest):.0f} s: is the worker of "
            "deletions running?"
        )
    return f"{waiting} events wait, {dead} were given up and can be replayed"


def _age(moment: datetime) -> float:
    """Seconds since then."""
    return (datetime.now(UTC) - moment).total_seconds()


def _consistency() -> str:
    if left := drain(timeout_seconds=SETTLE):
        raise Unhealthy(f"cannot compare while {left} rows wait for delivery")
    found = compare()
    different = [comparison for comparison in found if not comparison.is_equal]
    if different:
        raise Unhealthy("; ".join(_describe(comparison) for comparison in different))
    return ", ".join(f"{comparison.table}: {comparison.postgres.rows} rows" for comparison in found)


def _describe(comparison: Comparison) -> str:
    rows = f"{comparison.postgres.rows} rows against {comparison.clickhouse.rows}"
    return f"{comparison.table}: {rows}, or other versions"
