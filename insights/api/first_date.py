"""``date_from=all`` of series: they begin where there is something to see."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from core.json import iso

_WITHOUT_EVENTS = timedelta(days=7)


def with_first_date(
    given: Mapping[str, Any], asking: Callable[[str], Any], *, now: datetime
) -> Mapping[str, Any]:
    """``given`` with the time of the project's first event for ``all``; a week ago when there is none. ``asking`` gives
    the answer to a question of a kind.
    """
    if given.get("date_from") != "all":
        return given
    first = asking("first_event")
    moment = now - _WITHOUT_EVENTS if first is None else datetime.fromtimestamp(first, UTC)
    return {**given, "date_from": iso(moment)}
