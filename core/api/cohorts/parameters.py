"""Pages of cohorts, which are read leniently: what cannot be a limit or an offset counts as absent."""

from collections.abc import Mapping

PAGE = 100
LARGEST_PAGE = 10_000
#: Nothing is that far.
_FARTHEST = 10**12


def read_lenient_page(query: Mapping[str, str], *, largest: int = LARGEST_PAGE) -> tuple[int, int]:
    """``limit``, 100 when it is no number above 0 and at most ``largest``, and ``offset``, else 0."""
    limit, offset = _number(query.get("limit")), _number(query.get("offset"))
    return min(limit or PAGE, largest), min(offset, _FARTHEST)


def _number(text: str | None) -> int:
    digits = (text or "").strip()
    return int(digits[:20]) if digits.isascii() and digits.isdigit() else 0
