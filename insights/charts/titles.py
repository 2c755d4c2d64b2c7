"""What stands above pictures."""

from collections.abc import Iterable

from insights.charts.words import clean, isolated, short
from insights.filters.breakdown import Breakdown

#: Columns of a title, and of a name in it.
_TITLE, _NAME = 84, 36
_SEPARATOR = " · "


def title_of(names: Iterable[str], *, joined_by: str, breakdown: Breakdown | None, empty: str) -> str:
    """Names, and by what they are broken down. ``empty`` is for no names."""
    text = joined_by.join(map(_name, names))
    if not text:
        return empty
    if breakdown is None:
        return short(text, _TITLE)
    by = "cohort" if breakdown.by_cohort else ", ".join(map(_name, breakdown.keys))
    return short(f"{text}, by {by}", _TITLE)


def _name(name: str) -> str:
    return isolated(short(clean(name), _NAME))


def subtitle_of(*parts: str) -> str:
    """Those of ``parts`` that there are."""
    return _SEPARATOR.join(part for part in parts if part)
