"""What waits, and for how long, as the stores say at this moment."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass

import redis
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection
from psycopg_pool import PoolTimeout

from core import valkey

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Gauge:
    """A figure that goes up and down; ``values`` by the value of its one label, or under ``""``."""

    name: str
    meaning: str
    label: str
    values: dict[str, float]


def read() -> Iterator[Gauge]:
    """Every figure that can be had; a store that is away leaves out its own and is told by ``persons_api_up``."""
    up = {}
    for store, look in (("postgresql", _postgresql), ("valkey", _valkey)):
        try:
            found = look()
            up[store] = 1.0
        except (DatabaseError, InterfaceError, PoolTimeout, redis.RedisError) as error:
            logger.warning("no figures of %s: %s", store, error)
            found, up[store] = [], 0.0
        yield from found
    yield Gauge("persons_api_up", "Whether a store that figures come from answers.", "store", up)


_WAITING = """
SELECT target, count(*), coalesce(extract(epoch FROM now() - min(created_at)), 0)::float8 FROM (
    SELECT 'events' AS target, created_at FROM core_eventbuffer
    UNION ALL SELECT target, created_at FROM core_outbox
) AS waiting GROUP BY target
"""
_COUNTS = """
SELECT (SELECT count(*) FROM core_deliverybatch), (SELECT count(*) FROM core_undeliverable),
    (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database())
"""
_DELETIONS = """
SELECT count(*), coalesce(extract(epoch FROM now() - min(created_at)), 0)::float8
FROM {table} WHERE delete_verified_at IS NULL
"""


def _deletions(table: str, name: str, what: str) -> list[Gauge]:
    """Of a table of receipts."""
    with connection.cursor() as cursor:
        cursor.execute(_DELETIONS.format(table=table))
        count, oldest = cursor.fetchone()
    return [
        Gauge(f"persons_api_{name}_pending", f"{what} that are not done.", "", {"": count}),
        Gauge(
            f"persons_api_{name}_lag_seconds",
            f"{what} that are not done: age of the oldest.",
            "",
            {"": oldest},
        ),
    ]


# Of the dead only those that are kept.
_WEBHOOKS = """
SELECT state, count(*), coalesce(extract(epoch FROM now() - min(queued_at)), 0)::float8 FROM core_webhookdelivery
WHERE state = 'waiting' OR state = 'dead' GROUP BY state
"""


def _webhooks() -> list[Gauge]:
    with connection.cursor() as cursor:
        cursor.execute(_WEBHOOKS)
        found = {state: (float(count), age) for state, count, age in cursor.fetchall()}
    counts = {state: found.get(state, (0.0, 0.0))[0] for state in ("waiting", "dead")}
    return [
        Gauge(
            "persons_api_webhook_events", "Events for webhooks that wait or were given up.", "state", counts
        ),
        Gauge(
            "persons_api_webhook_lag_seconds",
            "Age of the oldest event that waits for its webhook.",
            "",
            {"": found.get("waiting", (0.0, 0.0))[1]},
        ),
    ]


def _postgresql() -> list[Gauge]:
    with connection.cursor() as cursor:
        cursor.execute(_WAITING)
        waiting = cursor.fetchall()
        cursor.execute(_COUNTS)
        batches, undeliverable, connections = cursor.fetchone()
    rows = {"events": 0.0, **{target: float(count) for target, count, _ in waiting}}
    return [
        Gauge("persons_api_outbox_rows", "Rows on their way to ClickHouse.", "target", rows),
        Gauge(
            "persons_api_delivery_lag_seconds",
            "Age of the oldest row on its way to ClickHouse.",
            "",
            {"": max((age for _, _, age in waiting), default=0.0)},
        ),
        Gauge("persons_api_delivery_batches", "Batches that are being sent.", "", {"": batches}),
        Gauge("persons_api_undeliverable_rows", "Rows that ClickHouse refused.", "", {"": undeliverable}),
        *_deletions("core_deletionrequest", "deletions", "Requests to erase"),
        *_deletions("core_projectdeletion", "project_deletions", "Deletions of projects"),
        Gauge("persons_api_postgresql_connections", "Connections to the database.", "", {"": connections}),
        *_webhooks(),
    ]


def _valkey() -> list[Gauge]:
    queues = sorted({route["queue"] for route in settings.CELERY_TASK_ROUTES.values()})
    with valkey.client().pipeline(transaction=False) as pipeline:
        for queue in queues:
            pipeline.llen(queue)
        lengths = pipeline.execute()
    values = dict(zip(queues, map(float, lengths), strict=True))
    return [Gauge("persons_api_queue_tasks", "Tasks that no worker has taken yet.", "queue", values)]
