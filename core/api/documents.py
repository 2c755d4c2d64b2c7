"""Parameters that the documentation of many routes has in common."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter

#: Marks parameters of which any text is taken: what cannot be read means something all the same.
READ_LENIENTLY = {"x-read-leniently": True}
#: PostgreSQL's bigint, which offsets are.
_LARGEST_OFFSET = 2**62


def limit(description: str, *, default: int = 100, most: int) -> OpenApiParameter:
    """``limit`` of a route that refuses others; 0 means the default."""
    return _whole_number("limit", description, default=default, minimum=0, maximum=most)


def offset(description: str) -> OpenApiParameter:
    """``offset`` of a route that refuses others."""
    return _whole_number("offset", description, default=0, minimum=0, maximum=_LARGEST_OFFSET)


def lenient_limit(description: str) -> OpenApiParameter:
    """``limit`` of a route that takes 100 for what cannot be one."""
    told = f"{description} What is no number above 0 counts as 100."
    return _whole_number("limit", told, extensions=READ_LENIENTLY, default=100)


def lenient_offset(description: str) -> OpenApiParameter:
    """``offset`` of a route that takes 0 for what cannot be one."""
    told = f"{description} What is no number counts as 0."
    return _whole_number("offset", told, extensions=READ_LENIENTLY, default=0)


def lenient_flag(name: str, description: str) -> OpenApiParameter:
    """A boolean that is true for ``true`` and false for everything else."""
    return OpenApiParameter(name, bool, description=description, extensions=READ_LENIENTLY)


def numbered_page(*, size: int) -> list[OpenApiParameter]:
    """``limit`` and ``page`` of activity logs."""
    return [
        _whole_number("limit", "Entries a page, 1 or more.", default=size, minimum=1),
        _whole_number("page", "Which page, from 1.", default=1, minimum=1),
    ]


def _whole_number(
    name: str, description: str, *, extensions: dict[str, Any] | None = None, **bounds: int
) -> OpenApiParameter:
    return OpenApiParameter(
        name, {"type": "integer", **bounds}, description=description, extensions=extensions
    )
