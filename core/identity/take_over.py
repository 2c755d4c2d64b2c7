"""How persons of another server become persons here: the rules, without a database.

A person keeps its uuid, so links, exports and cohorts that name it stay true. A distinct id that belongs to somebody
here stays where it is, and who was merged away or deleted here stays so. A person who is here already is brought up to
date; whatever was changed here since wins.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol
from uuid import UUID

import orjson

from core.identity.ids import person_uuid
from core.identity.property_rules import LARGEST
from core.identity.resolve import Identities, PersonState
from core.identity.resolve import Mapping as IdMapping


class Problem(StrEnum):
    """Why a person did not come whole, or not at all."""

    IDS_TAKEN = "ids_taken"
    GONE_HERE = "gone_here"
    TOO_LARGE = "too_large"
    UNFIT_IDS = "unfit_ids"


class Given(Protocol):
    """A person of another server."""

    uuid: UUID
    distinct_ids: list[str]
    unfit_ids: int
    properties: dict[str, Any]
    created_at: datetime
    is_identified: bool
    last_seen_at: datetime | None


@dataclass(frozen=True, slots=True)
class Known:
    """What the project has of persons who come: those ``alive`` by uuid, uuids that ``died``, and the versions that
    the import wrote itself before.
    """

    alive: Mapping[UUID, PersonState]
    died: frozenset[UUID]
    written: Mapping[UUID, int]


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a person. ``person`` is null when it did not come; ``is_as_there`` says that nobody changed it
    here.
    """

    given: Given
    person: PersonState | None
    problem: Problem | None
    is_as_there: bool


def take_over(identities: Identities, given: Given, known: Known) -> Taken:
    """Make the person one of ``identities``, which know all its distinct ids that are here."""
    if given.uuid in known.died:
        return Taken(given, None, Problem.GONE_HERE, is_as_there=False)
    if len(orjson.dumps(given.properties)) > LARGEST:
        return Taken(given, None, Problem.TOO_LARGE, is_as_there=False)
    existing = known.alive.get(given.uuid)
    mappings = identities.mappings
    free = [one for one in given.distinct_ids if one not in mappings]
    taken = [one for one in given.distinct_ids if one in mappings and mappings[one].person is not existing]
    if taken and not free and existing is None:
        return Taken(given, None, Problem.IDS_TAKEN, is_as_there=False)
    problem = Problem.IDS_TAKEN if taken else Problem.UNFIT_IDS if given.unfit_ids else None
    if existing is None:
        return Taken(given, _birth(identities, given, free), problem, is_as_there=True)
    is_as_there = known.written.get(given.uuid) == existing.version
    for distinct_id in free:
        identities.attach(distinct_id, existing)
    _update(identities, existing, given, is_as_there=is_as_there)
    return Taken(given, existing, problem, is_as_there)


def _birth(identities: Identities, given: Given, distinct_ids: list[str]) -> PersonState:
    person = PersonState(
        uuid=given.uuid,
        properties=given.properties,
        created_at=given.created_at,
        is_identified=given.is_identified,
        last_seen_at=given.last_seen_at,
    )
    identities.born.append(person)
    for distinct_id in distinct_ids:
        # Above 0 ClickHouse has an override: events of the id without a profile carry the uuid that follows from it.
        is_creator = given.uuid == person_uuid(identities.project_id, distinct_id)
        identities.mappings[distinct_id] = IdMapping(person, version=0 if is_creator else 1, stored=False)
    return person


def _update(identities: Identities, person: PersonState, given: Given, *, is_as_there: bool) -> None:
    properties = given.properties if is_as_there else {**given.properties, **person.properties}
    if _text(properties) != _text(person.properties) and len(orjson.dumps(properties)) <= LARGEST:
        person.properties = properties
        identities.touch(person)
    if given.is_identified:
        identities.identify(person)
    if given.created_at < person.created_at:
        person.created_at = given.created_at
        identities.touch(person)
    if given.last_seen_at and (person.last_seen_at is None or given.last_seen_at > person.last_seen_at):
        person.last_seen_at = given.last_seen_at
        person.is_seen_later = True


def _text(properties: dict[str, Any]) -> bytes:
    """Equal as JSON: Python's ``1 == True == 1.0`` are three different values."""
    return orjson.dumps(properties, option=orjson.OPT_SORT_KEYS)
