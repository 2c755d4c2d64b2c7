"""Pages of the activity log."""

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from core.api.pages import numbered_page_links
from core.api.parameters import read_numbered_page
from core.selectors.activity import list_activity

PAGE = 10
LARGEST_PAGE = 10_000


def activity_page(request: Request, project_id: int, *, scope: str, item_id: int | None = None) -> Response:
    """The page that the query string asks for, of all things of ``scope`` or of one of them."""
    page, limit = read_numbered_page(request.query_params, size=PAGE, largest=LARGEST_PAGE)
    entries = list_activity(project_id, scope=scope, item_id=item_id, page=page, limit=limit)
    following, previous = numbered_page_links(request, page=page, limit=limit, total=entries.total)
    body: dict[str, Any] = {
        "results": entries.rows,
        "next": following,
        "previous": previous,
        "total_count": entries.total,
    }
    return Response(body)
