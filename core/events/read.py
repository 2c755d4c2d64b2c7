"""From the decoded body of a capture request to checked events: tokens, shapes, ids, times.

A request is all or nothing: the first event that cannot be taken refuses all of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import orjson

from core.events.clock import event_time, read_time
from core.events.event import Event
from core.exceptions import RequestError
from core.identity.ids import DISTINCT_ID_LENGTH

_TOKEN_KEYS = ("token", "api_key", "$token")
_CARRIERS = ("$set", "$set_once")
#: Where an identity event names the second id, and whether an empty value counts as one.
_OTHER_ID = {"$identify": "$anon_distinct_id", "$create_alias": "alias", "$merge_dangerously": "alias"}


class InvalidEvent(RequestError):
    """An event of the request cannot be taken, so none of them is."""


class InvalidToken(RequestError):
    """The request names no project."""

    status = 401
    type = "authentication_error"
    code = "authentication_failed"


@dataclass(frozen=True, slots=True)
class CaptureRequest:
    """The events of a request as they came, the token, and when the client sent it by its own clock."""

    token: str
    raw_events: list[Mapping[str, Any]]
    sent_at: datetime | None


def read_request(body: Any, *, sent_at: Any = None, default_name: str | None = None) -> CaptureRequest:
    """Take apart a body: a batch object, a list of events or a single event.

    ``sent_at`` is the client's time from the URL, for a body that names none; ``default_name`` the name of an
    event that has none.

    Raises ``InvalidEvent`` for other shapes and ``InvalidToken`` when tokens are missing, ill-formed or
    disagree.
    """
    is_batch = isinstance(body, dict) and "batch" in body
    if is_batch:
        events = body["batch"]
        if not isinstance(events, list):
            raise InvalidEvent("batch must be a list of events.", attr="batch")
    elif isinstance(body, dict | list):
        events = body if isinstance(body, list) else [body]
    else:
        raise InvalidEvent("Expected an event, a list of events or a batch.")
    if not events:
        raise InvalidEvent("The request holds no event.")
    for index, event in enumerate(events):
        if not isinstance(event, dict):
            raise InvalidEvent("An event must be an object.", attr=f"batch__{index}")
    if default_name is not None:
        events = [{"event": default_name, **event} for event in events]
    in_body = body.get("sent_at") if isinstance(body, dict) else None
    return CaptureRequest(
        checked_token(_token_of_batch(body) if is_batch else _agreed_token(events)),
        events,
        _sent_at(sent_at if in_body is None else in_body),
    )


def read_events(request: CaptureRequest, *, received: datetime) -> list[Event]:
    """The checked events of ``request``, in order. Raises ``InvalidEvent``."""
    if all(raw.get("event") == "$performance_event" for raw in request.raw_events):
        raise InvalidEvent("The request holds nothing but performance events.")
    return [
        read_event(raw, index=index, sent_at=request.sent_at, received=received)
        for index, raw in enumerate(request.raw_events)
    ]


def token_in(holder: Mapping[str, Any]) -> str | None:
    """The token that stands in an object under one of its names."""
    for key in _TOKEN_KEYS:
        if holder.get(key):
            return str(holder[key])
    return None


def _token_of_batch(batch: dict[str, Any]) -> str:
    """Its own; those of its events do not count."""
    token = token_in(batch)
    if token is None:
        raise InvalidToken("The batch holds no project token: send it as api_key, beside batch.")
    return token


def _agreed_token(events: list[dict[str, Any]]) -> str:
    tokens = {token for event in events if (token := token_of(event)) is not None}
    if not tokens:
        raise InvalidToken("The request holds no project token: send it as api_key.")
    if len(tokens) > 1:
        raise InvalidToken("The events of the request name different projects.")
    return tokens.pop()


def token_of(event: Mapping[str, Any]) -> str | None:
    properties = event.get("properties")
    return token_in(event) or (token_in(properties) if isinstance(properties, dict) else None)


def checked_token(token: str) -> str:
    """``token`` without white space around it. Raises ``InvalidToken`` for what no project token looks like."""
    token = token.strip()
    if not token or not token.isascii() or len(token) > 64 or "\0" in token:
        raise InvalidToken("The project token is ill-formed.")
    if token.startswith("phx_"):
        raise InvalidToken("This is a personal API key. Events are sent with the project token (phc_…).")
    return token


def _sent_at(value: Any) -> datetime | None:
    try:
        return read_time(value)
    except (OverflowError, ValueError):
        return None


def read_event(raw: Mapping[str, Any], *, index: int, sent_at: datetime | None, received: datetime) -> Event:
    """The checked event. ``index`` is its place in the request, for the message. Raises ``InvalidEvent``."""
    name = raw.get("event")
    if not isinstance(name, str) or not name:
        raise InvalidEvent("An event needs a name: send it as event.", attr=f"batch__{index}__event")
    properties = raw.get("properties")
    if properties is None:
        properties = {}
    if not isinstance(properties, dict):
        raise InvalidEvent("properties must be an object.", attr=f"batch__{index}__properties")
    if not isinstance(properties.get("$cookieless_mode", False), bool):
        raise InvalidEvent("$cookieless_mode must be true or false.", attr=f"batch__{index}__properties")
    properties = _with_carriers(raw, properties)
    without_profile = properties.get("$process_person_profile") is False
    if without_profile:
        properties = {key: value for key, value in properties.items() if key not in (*_CARRIERS, "$unset")}
    return Event(
        uuid=_uuid(raw.get("uuid"), index),
        name=name,
        distinct_id=_distinct_id(raw, properties, index),
        timestamp=event_time(
            timestamp=raw.get("timestamp"),
            offset=raw.get("offset"),
            sent_at=sent_at,
            ignore_sent_at=properties.get("$ignore_sent_at") is True,
            received=received,
        ),
        properties=properties,
        other_id=_other_id(name, properties),
        without_profile=without_profile,
    )


def _with_carriers(raw: Mapping[str, Any], properties: dict[str, Any]) -> dict[str, Any]:
    """``$set`` and ``$set_once`` from beside the properties laid over those inside."""
    for carrier in _CARRIERS:
        beside = raw.get(carrier)
        if isinstance(beside, dict) and beside:
            inside = properties.get(carrier)
            merged = {**inside, **beside} if isinstance(inside, dict) else beside
            properties = {**properties, carrier: merged}
    return properties


def _uuid(value: Any, index: int) -> UUID:
    if value is None or value == "":
        return uuid4()
    try:
        return UUID(value)
    except (ValueError, AttributeError, TypeError):
        raise InvalidEvent("uuid must be a UUID.", attr=f"batch__{index}__uuid") from None


def _distinct_id(raw: Mapping[str, Any], properties: Mapping[str, Any], index: int) -> str:
    for value in (raw.get("distinct_id"), raw.get("$distinct_id"), properties.get("distinct_id")):
        if value is not None:
            text = as_text(value)
            if text.strip():
                return text[:DISTINCT_ID_LENGTH]
    raise InvalidEvent("An event needs a distinct_id.", attr=f"batch__{index}__distinct_id")


def _other_id(name: str, properties: Mapping[str, Any]) -> str | None:
    key = _OTHER_ID.get(name)
    if key is None or key not in properties:
        return None
    value = properties[key]
    if name != "$identify" and not value:
        return None
    return as_text(value)


def as_text(value: Any) -> str:
    """A string as it is, everything else as its JSON."""
    return value if isinstance(value, str) else orjson.dumps(value).decode()
