"""How pages of the admin read their addresses."""

from collections.abc import Mapping

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest

from core.admin.parts import Pager
from core.auth.authentication import LARGEST_ID
from core.models import Project, User

#: Rows of a page of a list.
ROWS = 50
_LAST_PAGE = 1_000_000


def find_project(project_id: int) -> Project:
    """Raises ``Http404``."""
    project = Project.objects.filter(pk=project_id).first() if project_id <= LARGEST_ID else None
    if project is None:
        raise Http404
    return project


def user_of(request: HttpRequest) -> User:
    """Who does this."""
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user


def user_id(request: HttpRequest) -> int:
    return user_of(request).pk


def page_number(request: HttpRequest) -> int:
    """The page of the query string, from 1; the first one for what is none."""
    text = request.GET.get("page", "")
    is_number = text.isascii() and text.isdigit() and len(text) <= len(str(_LAST_PAGE))
    return min(max(int(text), 1), _LAST_PAGE) if is_number else 1


def pager(request: HttpRequest, page: int, *, has_more: bool) -> Pager:
    """The pages beside this one, with the same choices."""
    return Pager(
        previous=with_choices(request, {"page": str(page - 1)}) if page > 1 else None,
        next=with_choices(request, {"page": str(page + 1)}) if has_more else None,
    )


def with_choices(request: HttpRequest, choices: Mapping[str, str]) -> str:
    """The query string of this page with others of its parameters."""
    query = request.GET.copy()
    for name, value in choices.items():
        query[name] = value
    return f"?{query.urlencode()}"
