"""Names, numbers, dates and durations as pictures show them."""

import unicodedata
from collections.abc import Iterable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from core.filters.dates import DateRange

_SECOND = timedelta(seconds=1)
_NO_JOINER, _JOINER = "\u200c\u200d"
#: Of control characters that show nothing by themselves: joiners, and tags, by which flags are spelled.
_KEPT = (_NO_JOINER, _JOINER, *map(chr, range(0xE0020, 0xE0080)))
#: Characters of Unicode that XML cannot hold, beside control characters.
_NO_XML = ("\ufffe", "\uffff")
#: Go with the character before them.
_ATTACHED = ("Mn", "Me", "Cf")
_SKINS = tuple(map(chr, range(0x1F3FB, 0x1F400)))
#: Two make a flag.
_LETTERS_OF_FLAGS = tuple(map(chr, range(0x1F1E6, 0x1F200)))
_LEFTWARD = ("R", "AL", "AN")
_WIDE = ("W", "F")
_ELLIPSIS = "…"
_NOTHING = "not set"
_TO = " \N{EN DASH} "
#: Seconds of a unit, and its sign.
_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def clean(text: str) -> str:
    """``text`` on one line, without characters that XML cannot hold or that turn the direction of others around."""
    shown = (" " if char.isspace() else char for char in text if char.isspace() or _is_shown(char))
    return " ".join("".join(shown).split())


def _is_shown(char: str) -> bool:
    if char in _KEPT:
        return True
    return unicodedata.category(char) not in ("Cc", "Cf", "Cs") and char not in _NO_XML


def isolated(name: str) -> str:
    """``name`` for a line with other names: one that is read from right to left leaves their order as it is."""
    return f"\u2068{name}\u2069" if any(unicodedata.bidirectional(c) in _LEFTWARD for c in name) else name


def width(text: str) -> float:
    """In columns: an ideograph takes two, a capital letter more than one, an accent none."""
    return sum(_columns(seen) for seen in _as_seen(text))


def short(text: str, columns: float) -> str:
    """``text``, cut to so many columns and never within what is seen as one character."""
    if width(text) <= columns:
        return text
    kept: list[str] = []
    left: float = columns - 1
    for seen in _as_seen(text):
        left -= _columns(seen)
        if left < 0:
            break
        kept.append(seen)
    return "".join(kept).rstrip() + _ELLIPSIS


def _as_seen(text: str) -> list[str]:
    """``text`` in parts that are each seen as one character: a letter with its accents, an emoji of several."""
    parts: list[str] = []
    for char in text:
        if parts and _goes_with(char, parts[-1]):
            parts[-1] += char
        else:
            parts.append(char)
    return parts


def _goes_with(char: str, part: str) -> bool:
    if unicodedata.category(char) in _ATTACHED or char in _SKINS or part[-1] == _JOINER:
        return True
    return part in _LETTERS_OF_FLAGS and char in _LETTERS_OF_FLAGS


def _columns(seen: str) -> float:
    first = seen[0]
    if unicodedata.east_asian_width(first) in _WIDE or first in _LETTERS_OF_FLAGS:
        return 2
    if first in "mwMW@%":
        return 1.5
    return 1.2 if first.isupper() else 1


def value_name(texts: Iterable[str]) -> str:
    """A value of a breakdown."""
    names = [clean(text) for text in texts]
    return ", ".join(name or _NOTHING for name in names) if any(names) else _NOTHING


def number(value: float) -> str:
    """``12,345`` or ``0.25``: two digits after the point at most."""
    rounded = round(value, 2)
    text = f"{rounded:,.0f}" if rounded == int(rounded) else f"{rounded:,.2f}".rstrip("0")
    return text.replace("-", "\N{MINUS SIGN}")


def compact(value: float) -> str:
    """``12k`` or ``1.5M``, for axes."""
    for size, sign in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{number(value / size)}{sign}"
    return number(value)


def percent(part: float, whole: float) -> str:
    """``part`` of ``whole``; one digit after the point, and never 0% or 100% of what is not."""
    if not whole:
        return "0%"
    rate = part / whole * 100
    if 0 < rate < 0.1:
        return "<0.1%"
    if 99.9 < rate < 100:
        return ">99.9%"
    return f"{rate:.1f}".removesuffix(".0") + "%"


def duration(seconds: float) -> str:
    """The two largest units: ``1d 2h``, ``37min``, ``0s``."""
    left = round(seconds)
    parts: list[str] = []
    for size, sign in _UNITS:
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count}{sign}")
        elif parts:
            break
    return " ".join(parts[:2]) or "0s"


def date_range(dates: DateRange, zone: ZoneInfo) -> str:
    """The first and the last day; with times where the range is not of whole days."""
    first, last = dates.first.astimezone(zone), dates.last.astimezone(zone)
    end = (dates.last + _SECOND).astimezone(zone)
    if _is_midnight(first) and _is_midnight(end):
        return _day(first) if first.date() == last.date() else f"{_day(first)}{_TO}{_day(last)}"
    return f"{_day(first)} {first:%H:%M}{_TO}{_day(last)} {last:%H:%M}"


def _is_midnight(moment: datetime) -> bool:
    return (moment.hour, moment.minute, moment.second) == (0, 0, 0)


def _day(moment: datetime) -> str:
    return f"{moment.day} {moment:%b %Y}"
