"""Series with their maths, and which one of them a request for persons means."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.exceptions import InvalidInput
from core.filters.parameters import read_integer, read_text
from core.filters.properties import PropertyReader
from insights.filters.entities import Entity, EntityType, no_action, read_event, sorted_events
from insights.filters.maths import TOTAL, Math, check_word, read_math


@dataclass(frozen=True, slots=True)
class Series:
    """Events, and what is made of them."""

    entity: Entity
    math: Math


def read_series(given: Mapping[str, Any], *, reader: PropertyReader) -> tuple[Series, ...]:
    """All series in their order. Raises ``InvalidInput`` that names the place."""
    return tuple(
        Series(read_event(item, attr=attr, reader=reader), read_math(item, attr=attr))
        for attr, item in sorted_events(given)
    )


def read_target(given: Mapping[str, Any], *, reader: PropertyReader) -> Series:
    """The series whose persons are asked for: by its place, else by its event and math, else one without filters."""
    series = read_series(given, reader=reader)
    name = _first_text(given, "entity_id", "entityId")
    word = _first_text(given, "entity_type", "type")
    if name is None and word != EntityType.EVENTS:
        detail = "An entity id and the entity type must be provided to determine an entity"
        raise InvalidInput(detail, attr="entity_id")
    kind = _kind(word, name)
    order = read_integer(given, "entity_order")
    math = read_text(given, "entity_math") or TOTAL
    check_word(math, attr="entity_math")
    if order is not None and 0 <= order < len(series):
        return series[order]
    return _alike(series, kind, name, math) or _bare(kind, name, math, reader=reader)


def _first_text(given: Mapping[str, Any], *names: str) -> str | None:
    return next((text for name in names if (text := read_text(given, name)) is not None), None)


def _kind(word: str | None, name: str | None) -> EntityType | None:
    if word is None:
        return None
    if word == EntityType.ACTIONS:
        raise no_action(name, attr="entity_type")
    if word != EntityType.EVENTS:
        raise InvalidInput(f"The entity type {word!r} is not events or actions.", attr="entity_type")
    return EntityType.EVENTS


def _alike(series: Sequence[Series], kind: EntityType | None, name: str | None, math: str) -> Series | None:
    for one in series:
        if (one.entity.type, one.entity.id, one.math.word) == (kind, name, math):
            return one
    return None


def _bare(kind: EntityType | None, name: str | None, math: str, *, reader: PropertyReader) -> Series:
    if kind is None:
        raise InvalidInput(
            "An entity must be provided for target entity to be determined", attr="entity_type"
        )
    item = {"id": name, "math": math}
    try:
        read = read_math(item, attr="entity")
    except InvalidInput as error:
        raise InvalidInput(error.detail, attr="entity_math") from None
    return Series(read_event(item, attr="entity_id", reader=reader), read)
