"""Links from page to page."""

from urllib.parse import urlsplit, urlunsplit

from django.http import QueryDict
from rest_framework.request import Request


def page_links(request: Request, *, limit: int, offset: int, has_more: bool) -> tuple[str | None, str | None]:
    """``next`` and ``previous``: the caller's URL with another ``offset``, every other parameter as it was."""
    following = _with_offset(request, offset + limit) if has_more else None
    previous = _with_offset(request, offset - limit) if offset >= limit else None
    return following, previous


def _with_offset(request: Request, offset: int) -> str:
    parts = urlsplit(request.build_absolute_uri())
    query = QueryDict(parts.query, mutable=True)
    query["offset"] = str(offset)
    return urlunsplit(parts._replace(query=query.urlencode()))
