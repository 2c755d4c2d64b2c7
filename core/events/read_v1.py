"""From the decoded body of a v1 capture request to checked events.

Each event is judged alone: one that cannot be taken is dropped by name, the others go on. Only a batch that
cannot be answered event by event is refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from core.events.event import Event
from core.events.head_v1 import RequestHead, is_uuid, read_rfc_3339
from core.events.read import InvalidEvent, as_text, read_event
from core.exceptions import RequestError

#: Bytes of UTF-8.
_LONGEST_NAME = 200
_LONGEST_DISTINCT_ID = 200
_BOOLEANS = {
    **dict.fromkeys(("true", "t", "yes", "y", "on", "1"), True),
    **dict.fromkeys(("false", "f", "no", "n", "off", "0"), False),
}
_BOOLEAN_OPTIONS = {
    "process_person_profile": "$process_person_profile",
    "cookieless_mode": "$cookieless_mode",
    "disable_skew_correction": "$ignore_sent_at",
}
_TEXT_OPTIONS = {"product_tour_id": "$product_tour_id"}
_BESIDE = {"session_id": "$session_id", "window_id": "$window_id"}
#: Distinct ids, in lower case, that so many people share that a person made of them would be nobody.
_NOBODY = frozenset(
    """
    anonymous guest distinctid distinct_id id not_authenticated email undefined true false nan none null 0
    anonymous-user backend system user 00000000-0000-0000-0000-000000000000
    """.split()
) | {"[object object]"}


class InvalidBatch(RequestError):
    """The request cannot be answered event by event, so nothing of it is taken."""

    code = "invalid_batch"


class _Dropped(Exception):
    """This event cannot be taken; the text is the tag that tells the client why."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the client hears about an event: ``ok``, ``warning`` (taken, with a remark) or ``drop``."""

    result: str
    details: str | None = None


@dataclass(frozen=True, slots=True)
class ReadBatch:
    """The events to store, in order, and the verdict on every event of the batch by its uuid as sent."""

    events: list[Event]
    verdicts: dict[str, Verdict]


_OK = Verdict("ok")
_WITHOUT_PERSON = Verdict("warning", "person_processing_disabled")


def read_batch(body: Any, *, head: RequestHead, received: datetime) -> ReadBatch:
    """Judge every event of ``body``. Raises ``InvalidBatch``."""
    raw_events = _events_of(body)
    events: list[Event] = []
    verdicts: dict[str, Verdict] = {}
    for index, (uuid, raw) in enumerate(zip(_uuids_of(raw_events), raw_events, strict=True)):
        try:
            plain, verdict = _as_plain(raw, head)
            plain["uuid"] = uuid
            events.append(read_event(plain, index=index, sent_at=head.sent_at, received=received))
        except _Dropped as dropped:
            verdict = Verdict("drop", str(dropped))
        except InvalidEvent:  # a property that stands for an option, with a value that is none
            verdict = Verdict("drop", "malformed_event_properties")
        verdicts[uuid] = verdict
    return ReadBatch(events, verdicts)


def _events_of(body: Any) -> list[dict[str, Any]]:
    if not isinstance(body, dict) or not isinstance(body.get("batch"), list):
        raise InvalidBatch("Expected an object with batch, a list of events.")
    if read_rfc_3339(body.get("created_at")) is None:
        raise InvalidBatch("created_at must be a time in RFC 3339.")
    events: list[dict[str, Any]] = body["batch"]
    if not events:
        raise InvalidBatch("The batch holds no event.", code="empty_batch")
    for index, event in enumerate(events):
        if not isinstance(event, dict):
            raise InvalidBatch(f"Event {index} is not an object.")
    return events


def _uuids_of(events: list[dict[str, Any]]) -> list[str]:
    """The uuids in the spelling in which they were sent, by which the client finds its events in the answer."""
    found: dict[UUID, str] = {}
    for index, event in enumerate(events):
        text = event.get("uuid")
        text = text.strip() if isinstance(text, str) else text
        if text is None or text == "":
            raise InvalidBatch(f"Event {index} has no uuid.", code="missing_event_uuid")
        if not is_uuid(text):
            raise InvalidBatch(f"The uuid of event {index} is not a UUID.", code="invalid_event_uuid")
        if UUID(text) in found:
            raise InvalidBatch(f"The uuid {text} is in the batch twice.", code="duplicate_event_uuid")
        found[UUID(text)] = text
    return list(found.values())


def _as_plain(raw: Mapping[str, Any], head: RequestHead) -> tuple[dict[str, Any], Verdict]:
    """The event in the form of the older protocol, and what to say about it. Raises ``_Dropped``."""
    name, distinct_id = _name(raw.get("event")), _distinct_id(raw.get("distinct_id"))
    if read_rfc_3339(raw.get("timestamp")) is None:
        raise _Dropped("invalid_event_timestamp")
    properties = raw.get("properties", {})
    if not isinstance(properties, dict):
        raise _Dropped("malformed_event_properties")
    properties = {
        **properties,
        **_named_options(raw.get("options")),
        **{key: value for name, key in _BESIDE.items() if isinstance(value := raw.get(name), str)},
        "$lib": head.library,
        "$lib_version": head.library_version,
    }
    is_nobody = distinct_id.lower() in _NOBODY
    if is_nobody:
        properties["$process_person_profile"] = False
    plain = {
        "event": name,
        "distinct_id": distinct_id,
        "timestamp": raw["timestamp"].upper(),
        "properties": properties,
    }
    return plain, _WITHOUT_PERSON if is_nobody else _OK


def _name(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise _Dropped("missing_event_name")
    if len(value.encode()) > _LONGEST_NAME:
        raise _Dropped("event_name_too_long")
    if value == "$performance_event":
        raise _Dropped("unsupported_event")
    return value


def _distinct_id(value: Any) -> str:
    text = "" if value is None else as_text(value).strip()
    if not text:
        raise _Dropped("missing_distinct_id")
    if len(text.encode()) > _LONGEST_DISTINCT_ID:
        raise _Dropped("distinct_id_too_large")
    return text


def _named_options(options: Any) -> dict[str, Any]:
    """The options as the properties that they stand for. Unknown ones mean nothing; null is as good as absent."""
    if options is None:
        return {}
    if not isinstance(options, dict):
        raise _Dropped("invalid_options")
    given = {name: value for name, value in options.items() if value is not None}
    booleans = {key: _boolean(given[name]) for name, key in _BOOLEAN_OPTIONS.items() if name in given}
    texts = {key: _text(given[name]) for name, key in _TEXT_OPTIONS.items() if name in given}
    return {**booleans, **texts}


def _boolean(value: Any) -> bool:
    if isinstance(value, int | float) and value in (0, 1):
        return bool(value)
    if isinstance(value, str) and value.strip().lower() in _BOOLEANS:
        return _BOOLEANS[value.strip().lower()]
    raise _Dropped("invalid_options")


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise _Dropped("invalid_options")
    return value
