"""When did properties of a person change, as seen by certain events?

Reads ``events`` of one person from the first one on (``core.clickhouse.history``), resolved through
``person_distinct_id_overrides`` where the project has any. Events do not carry the person's properties, so these are
replayed from what each event did to them. Rows: those that change something, and those that are looked at.
"""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

import orjson

from core.clickhouse.history import COLUMNS, CONDITION, PAGE_OF, PastEvent, past_events
from core.identity.replay import replayed
from core.json import iso
from core.sql.text import Sql, moment, sql, text, texts, trusted
from insights.filters.properties_timeline import TimelineFilter
from insights.limits import Limits
from insights.sql.person_of_event import events_of_person, has_overrides


def find_points(question: TimelineFilter, person: UUID, *, limits: Limits) -> list[dict[str, Any]]:
    """The points of the timeline of ``person``.

    Raises ``ClickHouseUnavailable`` or ``QueryTooHeavy``.
    """
    query = history(question, person, overridden=has_overrides(question.project_id))
    query_text, parameters = query.rendered()
    events = past_events(
        query_text,
        project_id=question.project_id,
        parameters=parameters,
        settings=limits.settings(purpose="properties timeline"),
    )
    return points(events, question.crucial)


def history(question: TimelineFilter, person: UUID, *, overridden: bool) -> Sql:
    """The events of ``person`` up to the end of the range; wanted are those that may open a point."""
    wanted = sql("e.timestamp >= {first}", first=moment(question.first))
    if question.names:
        wanted = sql("{wanted} AND e.event IN {names}", wanted=wanted, names=texts(question.names))
    return sql(
        """SELECT {columns}, {wanted} AS is_wanted FROM events AS e
        PREWHERE e.project_id = {project_id:Int64} AND {of_person}
        WHERE e.timestamp <= {last} AND {condition} {page}""",
        columns=trusted(COLUMNS),
        wanted=wanted,
        of_person=events_of_person(sql("toUUID({id})", id=text(str(person))), overridden=overridden),
        last=moment(question.last),
        condition=trusted(CONDITION),
        page=trusted(PAGE_OF),
    )


def points(events: Iterable[PastEvent], crucial: Sequence[str]) -> list[dict[str, Any]]:
    """The first wanted event opens a point, and so does each one at which a ``crucial`` property is another than at the
    wanted event before.
    """
    found: list[dict[str, Any]] = []
    properties: dict[str, Any] = {}
    known = b""
    for event in events:
        properties = replayed(properties, event.name, event.carried)
        if not event.is_wanted:
            continue
        values = _values(properties, crucial)
        if not found or values != known:
            point = {"timestamp": iso(event.timestamp), "properties": properties, "relevant_event_count": 0}
            found.append(point)
        found[-1]["relevant_event_count"] += 1
        known = values
    return found


def _values(properties: dict[str, Any], crucial: Sequence[str]) -> bytes:
    """Equal as JSON: Python's ``1 == True == 1.0`` are three different values."""
    present = {key: properties[key] for key in crucial if key in properties}
    return orjson.dumps(present, option=orjson.OPT_SORT_KEYS)
