"""Persons as another server shows them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from core.events.clock import read_time
from core.identity.ids import MERGEABLE_LENGTH
from core.posthog.client import RouteMissing, Source, SourceRefused

#: Distinct ids that a row of a list has; who has as many may have more.
ROW_IDS = 1_000


@dataclass(slots=True)
class SourcePerson:
    """A person of another server. ``distinct_ids`` are in the order in which they are shown; those that no column here
    can hold are left out and counted in ``unfit_ids``.
    """

    uuid: UUID
    distinct_ids: list[str]
    unfit_ids: int
    properties: dict[str, Any]
    created_at: datetime
    is_identified: bool
    last_seen_at: datetime | None


def read_persons(source: Source, path: str, rows: list[dict[str, Any]]) -> list[SourcePerson]:
    """The persons of a page of the list at ``path``, each once, with all their distinct ids."""
    persons = {(person := _read(source, row)).uuid: person for row in rows}
    for person in persons.values():
        if len(person.distinct_ids) + person.unfit_ids >= ROW_IDS:
            _complete(source, path, person)
    return list(persons.values())


def _complete(source: Source, path: str, person: SourcePerson) -> None:
    try:
        whole = source.get(f"{path}{person.uuid}/")
    except RouteMissing:  # it was deleted meanwhile
        return
    fit, person.unfit_ids = _ids(whole)
    person.distinct_ids = list(dict.fromkeys([*person.distinct_ids, *fit]))


def _read(source: Source, row: Mapping[str, Any]) -> SourcePerson:
    properties, created_at = row.get("properties"), _time(row.get("created_at"))
    fit, unfit = _ids(row)
    if created_at is None or not isinstance(properties, dict):
        raise SourceRefused(f"{source.host} does not show persons as PostHog does.")
    return SourcePerson(
        uuid=_uuid(source, row),
        distinct_ids=fit,
        unfit_ids=unfit,
        properties=properties,
        created_at=created_at,
        is_identified=row.get("is_identified") is True,
        last_seen_at=_time(row.get("last_seen_at")),
    )


def _uuid(source: Source, row: Mapping[str, Any]) -> UUID:
    try:
        return UUID(row.get("uuid") or row["id"])
    except (KeyError, ValueError, TypeError, AttributeError):
        raise SourceRefused(f"{source.host} does not show the uuids of persons.") from None


def member_uuids(source: Source, rows: list[dict[str, Any]]) -> list[UUID]:
    """Who is on a page of the members of a cohort."""
    return list(dict.fromkeys(_uuid(source, row) for row in rows))


def _ids(row: Mapping[str, Any]) -> tuple[list[str], int]:
    """Distinct ids, each once, and how many do not fit."""
    given = row.get("distinct_ids")
    every = list(dict.fromkeys(given)) if isinstance(given, list) else []
    fit = [one for one in every if isinstance(one, str) and 0 < len(one) <= MERGEABLE_LENGTH]
    return fit, len(every) - len(fit)


def _time(value: Any) -> datetime | None:
    try:
        return read_time(value)
    except OverflowError:
        return None
