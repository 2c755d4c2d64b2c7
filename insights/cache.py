"""Answers of workers, kept in Valkey: ids, numbers, and values of breakdowns.

``docs/decisions/0010-cached-answers.md`` says why none is given that is older than what has changed.
"""

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import orjson
from django.conf import settings

from core import valkey
from core.answers import answers_key
from core.filters.parameters import native, read_boolean

#: Parameters that say how a request is answered and not what is asked.
_NOT_ASKED = frozenset({"refresh", "async", "client_query_id", "format"})
_DATES = ("date_from", "date_to")
_HOURLY = ("hour", "minute")
ERA = "era"
#: Kinds of questions whose answers are not kept: they hold whole properties of a person, or are pictures, which are
#: large and soon drawn again from numbers that are kept.
_NOT_KEPT = frozenset({"properties_timeline", "chart"})


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer, the version of the data that it was made from (``core.selectors.data_version``), and when."""

    version: str
    computed: datetime
    answer: Any


def digest_of(kind: str, question: Mapping[str, Any]) -> str:
    """The same for two questions that mean the same at the same time."""
    given = {name: _same_form(value) for name, value in question["given"].items() if name not in _NOT_ASKED}
    whole = {**question, "given": given, "kind": kind}
    del whole["now"]
    return hashlib.sha256(orjson.dumps(whole, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _same_form(value: Any) -> Any:
    """Lists and objects may come as JSON text, numbers and booleans as themselves or as text."""
    return orjson.dumps(value).decode() if isinstance(value, int | float) else native(value)


def read(project_id: int, digest: str) -> tuple[str, Kept | None]:
    """The era that an answer made from now on belongs to (``core.answers``), and what is kept. Raises
    ``redis.RedisError``.
    """
    key = answers_key(project_id)
    client = valkey.client()
    found: Any = client.hmget(key, [ERA, digest])
    era, entry = found
    if era is None:
        with client.pipeline(transaction=True) as pipeline:
            pipeline.hsetnx(key, ERA, secrets.token_hex(8))
            pipeline.expire(key, settings.INSIGHTS_CACHE_SECONDS)
            pipeline.hget(key, ERA)
            *_, era = pipeline.execute()
    return era.decode(), None if entry is None else _kept(entry)


def entry_of(kind: str, kept: Kept) -> bytes:
    """As ``insights.flights`` stores it; empty when it is not to be kept, or too large."""
    if kind in _NOT_KEPT:
        return b""
    entry = orjson.dumps(
        {"version": kept.version, "computed": kept.computed.timestamp(), "answer": kept.answer}
    )
    return entry if len(entry) <= settings.INSIGHTS_CACHE_ANSWER else b""


def _kept(entry: bytes) -> Kept | None:
    read = orjson.loads(entry)
    computed = datetime.fromtimestamp(read["computed"], UTC)
    if (datetime.now(UTC) - computed).total_seconds() > settings.INSIGHTS_CACHE_SECONDS:
        return None
    return Kept(read["version"], computed, read["answer"])


def is_of_another_time(
    computed: datetime, question: Mapping[str, Any], *, last: datetime | None, now: datetime
) -> bool:
    """Whether the dates of the question mean something else by now: the end of its range, or now if that is earlier,
    lies in a later day than the answer, or in a later hour where hours matter.
    """
    given = question["given"]
    zone = ZoneInfo(question["project"]["timezone"])
    end = (now if last is None else min(last, now)).astimezone(zone)
    if _is_hourly(given):
        start = end.replace(minute=0, second=0, microsecond=0)
    else:
        start = datetime.combine(end.date(), time(), zone)
    return computed < start


def _is_hourly(given: Mapping[str, Any]) -> bool:
    return (
        str(given.get("interval")).strip().lower() in _HOURLY
        or read_boolean(given, "explicit_date")
        or any("h" in str(given.get(name, "")) for name in _DATES)
    )
