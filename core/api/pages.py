"""Links from page to page."""

from urllib.parse import urlencode

from django.http import HttpRequest
from django.utils.encoding import escape_uri_path


def page_links(
    request: HttpRequest, *, limit: int, offset: int, has_more: bool
) -> tuple[str | None, str | None]:
    """``next`` and ``previous``: the caller's URL with another ``offset``, every other parameter as it was."""
    following = with_parameters(request, offset=offset + limit) if has_more else None
    previous = with_parameters(request, offset=offset - limit) if offset >= limit else None
    return following, previous


def numbered_page_links(
    request: HttpRequest, *, page: int, limit: int, total: int
) -> tuple[str | None, str | None]:
    """``next`` and ``previous``: the caller's URL with another ``page``, and with ``limit``."""
    following = with_parameters(request, page=page + 1, limit=limit) if page * limit < total else None
    previous = with_parameters(request, page=page - 1, limit=limit) if page > 1 else None
    return following, previous


def with_parameters(request: HttpRequest, **values: str | int) -> str:
    """The caller's URL with other values of these parameters."""
    query = dict(request.GET.lists())
    for name, value in values.items():
        query[name] = [str(value)]
    url = f"{request.scheme}://{request.get_host()}{escape_uri_path(request.path)}"
    return f"{url}?{urlencode(query, doseq=True)}"
