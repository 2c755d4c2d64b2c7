"""From a row of an event file to a checked event."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from core.events.body import UnreadableBody, decode
from core.events.event import Event
from core.events.read import InvalidEvent, read_event
from core.exceptions import PayloadTooLarge, RequestError

#: Bytes of the JSON text of a row.
LONGEST_ROW = 20 * 1024 * 1024

_NAMESPACE = UUID("5f0c5d0e-3a0b-4c39-9a53-0c2b7f0d7d1e")
#: Exports often hold these as JSON text.
_OBJECTS = ("properties", "$set", "$set_once")
_PLACE_IN_TEXT = re.compile(r": line \d+ column (\d+) \(char \d+\)")


class BadRow(RequestError):
    """A row of the file is no event that can be taken. ``number`` counts from 1, ``attr`` names the field."""

    def __init__(self, number: int, detail: str, *, attr: str | None = None) -> None:
        super().__init__(detail, attr=attr)
        self.number = number


def read_row(text: bytes, *, number: int, received: datetime) -> Event | None:
    """The event in ``text``, the JSON of row ``number``; null for a blank line. Raises ``BadRow``.

    An event without a uuid gets one that follows from its place and its content. So a file that was corrected
    or has grown adds nothing twice, as long as the rows that were there keep their places.
    """
    text = text.strip()
    if not text:
        return None
    raw = _parse(text, number)
    if not isinstance(raw, dict):
        raise BadRow(number, "A row must be a JSON object: one event a line.")
    raw |= {key: _parse(raw[key].encode(), number, key) for key in _OBJECTS if isinstance(raw.get(key), str)}
    if not raw.get("uuid"):
        raw["uuid"] = str(uuid5(_NAMESPACE, f"{number}:{text.decode(errors='replace')}"))
    return _checked(raw, number, received)


def _checked(raw: Mapping[str, Any], number: int, received: datetime) -> Event:
    try:
        return read_event(raw, index=number, sent_at=None, received=received)
    except InvalidEvent as error:
        field = (error.attr or "").removeprefix(f"batch__{number}__")
        raise BadRow(number, error.detail, attr=field or None) from None


def _parse(text: bytes, number: int, field: str | None = None) -> Any:
    if field and not text.strip():
        return None
    try:
        return decode(text, largest=LONGEST_ROW)
    except PayloadTooLarge:
        raise BadRow(number, f"The row is longer than {LONGEST_ROW} bytes.", attr=field) from None
    except UnreadableBody as error:
        raise BadRow(number, _PLACE_IN_TEXT.sub(r" at column \1", error.detail), attr=field) from None
