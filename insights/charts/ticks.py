"""Which periods of an axis are named, and how."""

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise

#: Hours between two names, so that they fall on the same hours every day.
_HOURS = (1, 2, 3, 6, 12, 24, 48, 72, 168, 336, 720, 2160)
_STEPS = (1, 2, 3, 5, 7, 14, 28, 60, 90, 180, 365, 730, 1825)


def period_ticks(days: Sequence[str], by: str, *, most: int) -> list[tuple[int, str]]:
    """Places and names of ``most`` periods or fewer. ``days`` begin each, as in answers. A year stands where it
    changes, and a date where hours go over to it.
    """
    starts = [datetime.fromisoformat(day) for day in days]
    places = _hours(starts, most) if by == "hour" else _every(len(starts), most)
    before = [None, *(starts[place] for place in places)]
    return [
        (place, _name(starts[place], earlier, by)) for place, earlier in zip(places, before, strict=False)
    ]


def plain_ticks(names: Sequence[str], *, most: int) -> list[tuple[int, str]]:
    """The same of names that are shown as they are."""
    return [(place, names[place]) for place in _every(len(names), most)]


def _every(count: int, most: int) -> list[int]:
    step = next((step for step in _STEPS if count <= step * most), count)
    return list(range(0, count, step))


def _hours(starts: Sequence[datetime], most: int) -> list[int]:
    step = next((step for step in _HOURS if len(starts) <= step * (most - 1)), len(starts))
    if step > 24:
        midnights = [place for place, start in enumerate(starts) if start.hour == 0]
        return midnights[:: step // 24] or [0]
    on_step = [place for place, start in enumerate(starts) if start.hour % step == 0]
    # Clocks that go back show an hour twice.
    once = [place for earlier, place in pairwise([-1, *on_step]) if earlier < 0 or place - earlier > step / 2]
    return once or [0]


def _name(start: datetime, earlier: datetime | None, by: str) -> str:
    if by == "hour":
        is_new = earlier is None or earlier.date() != start.date()
        day = f"\n{start.day} {start:%b}" if is_new else ""
        return f"{start:%H:%M}{day}"
    name = f"{start:%b}" if by == "month" else f"{start.day} {start:%b}"
    is_new = earlier is None or earlier.year != start.year
    return f"{name}\n{start.year}" if is_new else name
