"""An accepted event, read and checked."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID


@dataclass(slots=True)
class Event:
    """One event of a capture request, after the rules for ids, times and property carriers.

    ``properties`` holds ``$set`` and ``$set_once`` also when they came beside it. ``other_id`` is the second
    id of an identity event (``$anon_distinct_id``, ``alias``), null for every other event.
    ``without_profile`` is ``$process_person_profile: false``.
    """

    uuid: UUID
    name: str
    distinct_id: str
    timestamp: datetime
    properties: dict[str, Any]
    other_id: str | None
    without_profile: bool
