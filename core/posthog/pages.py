"""Lists of another server, page by page: persons and cohorts by their links, events by their times."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from core.events.clock import read_time
from core.posthog.client import AnswerTooLarge, Source, SourceRefused

#: Rows that a page is asked for.
ROWS = 1_000
#: Events that one instant may have: as many a page may be asked for.
MOST_AT_ONCE = 50_000
#: What the times of the other server are told in.
TICK = timedelta(microseconds=1)

Row = dict[str, Any]
Query = dict[str, str]


@dataclass(frozen=True, slots=True)
class Page:
    """Rows of a list. ``next`` is the query of the page after it, null at the end; ``count`` is how many rows there are
    on all pages, where the server says so.
    """

    rows: list[Row]
    next: Query | None
    count: int | None


def walk(source: Source, path: str, query: Mapping[str, str]) -> Iterator[Page]:
    """The pages from ``query`` on."""
    following: Query | None = dict(query)
    while following is not None:
        page = get_page(source, path, following)
        if page.next == following:
            raise SourceRefused(f"{source.host}/{path}: a page is linked as the one after itself.")
        yield page
        following = page.next


def get_page(source: Source, path: str, query: Mapping[str, str]) -> Page:
    """One page, of fewer rows than were asked for when they would be too many bytes."""
    asked = dict(query)
    while True:
        try:
            return _page(source, path, source.get(path, asked))
        except AnswerTooLarge:
            limit = int(asked.get("limit") or ROWS)
            if limit <= 1:
                raise
            asked["limit"] = str(max(1, limit // 8))


def _page(source: Source, path: str, answer: Mapping[str, Any]) -> Page:
    rows, following, count = answer.get("results"), answer.get("next"), answer.get("count")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise SourceRefused(f"{source.host}/{path} does not answer as PostHog does: there are no results.")
    return Page(
        rows,
        # Whatever host it names: only the query is used, and the key stays where it belongs.
        dict(parse_qsl(urlsplit(following).query)) if isinstance(following, str) and following else None,
        count if isinstance(count, int) and not isinstance(count, bool) else None,
    )


@dataclass(frozen=True, slots=True)
class EventPlace:
    """A place in the events of a project in the order of their times: ``at`` and all events before it were taken, and
    ``seen`` names those of exactly that time.
    """

    at: datetime
    seen: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class EventPage:
    """Events after a place, and the place behind them."""

    rows: list[Row]
    place: EventPlace


def walk_events(source: Source, path: str, place: EventPlace, *, before: datetime) -> Iterator[EventPage]:
    """Events after ``place`` and earlier than ``before``, oldest first.

    Not by the links, which go on behind the time of the last event: of two with that time they would lose one.
    """
    limit = ROWS
    while True:
        page = get_page(
            source,
            path,
            {
                "after": _iso(place.at - TICK),
                "before": _iso(before),
                "orderBy": '["timestamp"]',
                "limit": str(limit),
            },
        )
        fresh = [row for row in page.rows if str(row.get("id")) not in place.seen]
        is_last = page.next is None and len(page.rows) < limit
        if fresh:
            place = _behind(source, place, page.rows)
            yield EventPage(fresh, place)
        if is_last or (not fresh and page.next is None):
            return
        if not fresh and limit >= MOST_AT_ONCE:
            raise SourceRefused(f"{source.host} has more than {MOST_AT_ONCE} events at {_iso(place.at)}.")
        # A page of nothing but one instant does not get further: the next one must be larger.
        limit = ROWS if fresh else limit * 8


def _behind(source: Source, place: EventPlace, rows: list[Row]) -> EventPlace:
    times = [_time_of(source, row) for row in rows]
    if times != sorted(times):
        raise SourceRefused(f"{source.host} does not list events oldest first, as was asked for.")
    last = times[-1]
    at_last = {str(row.get("id")) for row, at in zip(rows, times, strict=True) if at == last}
    return EventPlace(last, frozenset(at_last | (place.seen if last == place.at else frozenset())))


def _time_of(source: Source, row: Mapping[str, Any]) -> datetime:
    at = read_time(row.get("timestamp"))
    if at is None:
        raise SourceRefused(f"{source.host}: an event has no timestamp that can be read.")
    return at


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds")
