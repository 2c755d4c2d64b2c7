"""Reading parameters of the query string: one way, with errors that name the parameter."""

from collections.abc import Mapping

from core.exceptions import InvalidInput

#: OFFSET is a bigint in PostgreSQL.
_LARGEST_OFFSET = 2**62
#: Pages of lists that are read leniently.
_PAGE = 100
_LARGEST_PAGE = 10_000
#: Nothing is that far.
_FARTHEST = 10**12


def read_limit(query: Mapping[str, str], *, default: int, most: int) -> int:
    """``limit``: 1 to ``most``; 0, empty and absent mean ``default``."""
    limit = read_integer(query, "limit")
    if not limit:
        return default
    if not 1 <= limit <= most:
        raise InvalidInput(f"Ensure this value is between 1 and {most}.", attr="limit")
    return limit


def read_offset(query: Mapping[str, str]) -> int:
    """``offset``: 0 or more."""
    offset = read_integer(query, "offset") or 0
    if not 0 <= offset <= _LARGEST_OFFSET:
        raise InvalidInput("Ensure this value is greater than or equal to 0.", attr="offset")
    return offset


def read_lenient_page(query: Mapping[str, str], *, largest: int = _LARGEST_PAGE) -> tuple[int, int]:
    """``limit``, 100 when it is no number above 0 and at most ``largest``, and ``offset``, else 0: what cannot be
    either counts as absent.
    """
    limit, offset = _lenient_number(query.get("limit")), _lenient_number(query.get("offset"))
    return min(limit or _PAGE, largest), min(offset, _FARTHEST)


def _lenient_number(text: str | None) -> int:
    digits = (text or "").strip()
    return int(digits[:20]) if digits.isascii() and digits.isdigit() else 0


def read_numbered_page(query: Mapping[str, str], *, size: int, largest: int) -> tuple[int, int]:
    """``page``, 1 or more, and ``limit``: 1 or more, ``size`` when absent; above ``largest`` it is ``largest``."""
    page, limit = read_positive(query, "page") or 1, read_positive(query, "limit") or size
    return page, min(limit, largest)


def read_positive(query: Mapping[str, str], name: str) -> int | None:
    """A whole number, 1 or more; null when it is absent or empty."""
    number = read_integer(query, name)
    if number is not None and number < 1:
        raise InvalidInput("Ensure this value is greater than or equal to 1.", attr=name)
    return number


def read_text(query: Mapping[str, str], name: str) -> str | None:
    """The text of a parameter; null when it is absent. NUL is refused, for PostgreSQL has no such text."""
    value = query.get(name)
    if value is not None and "\0" in value:
        raise InvalidInput("Null characters are not allowed.", attr=name)
    return value


def read_integer(query: Mapping[str, str], name: str) -> int | None:
    """A whole number; null when it is absent or empty."""
    text = query.get(name)
    if text is None or not text.strip():
        return None
    try:
        return int(text)
    except ValueError:
        raise InvalidInput("A valid integer is required.", attr=name) from None
