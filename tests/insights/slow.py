"""A question that ClickHouse is busy with for a while."""

import json
from typing import Any
from uuid import uuid4

from core.clickhouse import client
from tests.clients import ProjectClient

#: No pattern is found in it, and all of it has to be looked at: patterns have no fixed part to look for. Long, for few
#: rows are made, and later rewritten, sooner than many.
_TEXT = "ab" * 10_000


def slow_events(project: ProjectClient, rows: int = 8_000) -> None:
    """Events of today that a filter is slow about, straight into ClickHouse."""
    client.administer(
        f"""INSERT INTO events (project_id, uuid, event, distinct_id, person_id, timestamp, properties)
        SELECT {project.id}, generateUUIDv4(), 'slow', 'somebody', '{uuid4()}', now() - 60, '{{"text": "{_TEXT}"}}'
        FROM numbers({rows})"""
    )


def slow_question(patterns: int = 30, **params: Any) -> dict[str, Any]:
    """Parameters of a funnel: much work for two cores, of which tests do not wait for the end. ClickHouse stops only
    between two blocks of rows; each block is looked through for every pattern.
    """
    filters = [
        {
            "key": "text",
            "operator": "regex",
            "value": f"([ab]+[x-z]){{{number % 20 + 1}}}[u-z]{{{number // 20 + 1}}}",
        }
        for number in range(patterns)
    ]
    return {
        "events": json.dumps([{"id": "slow"}]),
        "properties": json.dumps({"type": "OR", "values": filters}),
        "funnel_step": 1,
        **params,
    }
