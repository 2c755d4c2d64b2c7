"""What the side of each page of the admin leads to."""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from core.models import Project

#: Title, icon, and name of the page.
_INSTALLATION = (
    ("Overview", "dashboard", "index"),
    ("Projects", "folder_open", "core_project_changelist"),
    ("API keys", "key", "core_personalapikey_changelist"),
    ("Users", "manage_accounts", "core_user_changelist"),
)
_OF_PROJECT = (
    ("Persons", "group", "persons"),
    ("Cohorts", "groups", "cohorts"),
    ("Deletions", "auto_delete", "deletions"),
    ("Webhooks", "webhook", "webhooks"),
    ("Settings", "settings", "project"),
)
_DOCUMENTS = (
    ("API reference", "menu_book", "/api/schema/redoc/"),
    ("Try the API", "terminal", "/api/schema/swagger-ui/"),
)


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """Groups of links; those of a project on the pages of the project."""
    match = request.resolver_match
    name = (match.url_name or "") if match else ""
    groups = [_group("Installation", [_item(*one, current=name) for one in _INSTALLATION])]
    project_id = match.kwargs.get("project_id") if match else None
    project = Project.objects.filter(pk=project_id).first() if project_id is not None else None
    if project is not None:
        items = [_item(*one, current=name, project_id=project.pk) for one in _OF_PROJECT]
        groups.append(_group(project.name, items))
    documents = [_link(title, icon, path, is_active=False) for title, icon, path in _DOCUMENTS]
    return [*groups, _group("Documents", documents)]


def _group(title: str, items: list[dict[str, Any]]) -> dict[str, Any]:
    return {"title": title, "separator": False, "collapsible": False, "items": items}


def _item(title: str, icon: str, page: str, *, current: str, **kwargs: Any) -> dict[str, Any]:
    # Pages below another one are named after it: `persons`, `persons_split`.
    section = page.removesuffix("_changelist")
    is_active = current == page or current.startswith(f"{section}_")
    return _link(title, icon, reverse(f"admin:{page}", kwargs=kwargs), is_active=is_active)


def _link(title: str, icon: str, path: str, *, is_active: bool) -> dict[str, Any]:
    # The theme takes titles for markup; these are ours.
    return {"title": title, "icon": icon, "link": path, "active": is_active, "has_permission": True}
