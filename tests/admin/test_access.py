"""Who gets into the admin, and what it says to others."""

from urllib.parse import urlencode
from uuid import UUID

import httpx
import pytest
from django.urls import URLPattern, URLResolver, get_resolver

from tests.admin.staff import Admin, words
from tests.browser import logged_in
from tests.clients import ProjectClient, bearer

NOBODY = UUID("8c5c2b1e-52f5-4b0f-9a51-d1a5e8a1c5a2")
_WHERE: dict[str, object] = {
    **dict.fromkeys(("project_id", "cohort_id", "deletion_id", "webhook_id"), 1),
    **dict.fromkeys(("person_uuid", "event_id"), NOBODY),
}
_OPEN = {"login", "logout"}


def _pages() -> list[str]:
    """The address of every page of the admin, with ids that need not exist."""
    (admin,) = [one for one in get_resolver().url_patterns if getattr(one, "namespace", None) == "admin"]
    assert isinstance(admin, URLResolver)
    pages: list[str] = []

    def walk(patterns: list[URLPattern | URLResolver], start: str) -> None:
        for one in patterns:
            path = start + str(one.pattern)
            if isinstance(one, URLResolver):
                walk(one.url_patterns, path)
            elif one.name not in _OPEN:
                pages.append(path)

    walk(admin.url_patterns, "/admin/")
    return sorted(_filled(page) for page in pages)


def _filled(page: str) -> str:
    for name, value in _WHERE.items():
        for kind in ("int", "uuid"):
            page = page.replace(f"<{kind}:{name}>", str(value))
    for part in ("<path:object_id>", "<path:content_type_id>", "<str:key_id>"):
        page = page.replace(part, "1")
    return (
        page.replace("^", "")
        .replace("(?P<app_label>core)", "core")
        .replace("(?P<url>.*)$", "nothing")
        .replace("$", "")
    )


def test_there_are_pages() -> None:
    pages = _pages()

    assert len(pages) > 30
    assert not [page for page in pages if "<" in page or "(" in page]


def test_strangers_are_asked_who_they_are(project: ProjectClient) -> None:
    with httpx.Client(base_url=project.http.base_url, timeout=40) as http:
        for page in _pages():
            for response in (http.get(page), http.get(page, headers=bearer(project.key))):
                assert response.status_code == 302, page
                assert response.headers["location"] == f"/admin/login/?{urlencode({'next': page}, safe='/')}"


def test_users_who_are_no_admins_are_refused(project: ProjectClient) -> None:
    with logged_in(project) as browser:
        token = browser.http.cookies["posthog_csrftoken"]
        for page in _pages():
            for response in (browser.get(page), browser.http.post(page, data={"csrfmiddlewaretoken": token})):
                assert response.status_code == 403, page
                assert words(response).count("Not allowed"), page


def test_a_form_needs_the_token_of_the_page(admin: Admin) -> None:
    for page in ("core/project/add/", f"project/{admin.project.id}/"):
        response = admin.http.post(f"/admin/{page}", data={"name": "x"})

        assert response.status_code == 403
        assert "The form has expired" in words(response)


@pytest.mark.parametrize(
    "path",
    [
        "nothing/",
        "project/999999999/persons/",
        "project/99999999999999999999/persons/",
        "core/personalapikey/x/roll/",
        "core/personalapikey/x/change/",
        "core/user/999999999/change/",
        "core/user/x/change/",
        "core/project/x/delete/",
    ],
)
def test_what_is_not_there_is_a_page_that_says_so(admin: Admin, path: str) -> None:
    response = admin.http.get(f"/admin/{path}")

    assert response.status_code in (403, 404)
    assert response.headers["Content-Type"].startswith("text/html")


@pytest.mark.parametrize(
    "path",
    [
        f"persons/{NOBODY}/",
        f"persons/{NOBODY}/erase/",
        f"persons/{NOBODY}/undo/",
        "cohorts/999999999/",
        "cohorts/99999999999999999999/",
        "deletions/999999999/",
        "deletions/99999999999999999999/",
        "webhooks/999999999/",
        "webhooks/99999999999999999999/",
    ],
)
def test_what_the_project_has_not_is_a_page_that_says_so(admin: Admin, path: str) -> None:
    response = admin.http.get(admin.url(path))

    assert response.status_code == 404
    assert words(response).endswith("Home To the first page")


@pytest.mark.parametrize(
    "path",
    [
        "search/?s=user&page=x",
        "search/?s=user&page=9&extended=1",
        "core/project/?q=%00",
        "core/project/?p=x",
        "core/project/?o=99.-99.x",
        "core/project/?id__exact=x",
        "core/project/?organization__name__regex=(",
        "core/user/?id=99999999999999999999",
        "core/user/x/history/",
        "core/user/99999999999999999999/history/",
        "core/personalapikey/%00/roll/",
        "core/personalapikey/%00/remove/",
        "core/personalapikey/%00/history/",
        "core/personalapikey/%00/delete/",
        "autocomplete/?app_label=core&model_name=user&field_name=x",
        "r/1/x/",
        "r/99999999999999999999/1/",
        "jsi18n/",
        "core/",
        "insights/",
        "project/{project}/cohorts/?q=%00&page=99999999",
        "project/{project}/deletions/?q=%00&page=-1",
        "project/{project}/persons/?after=0001-01-01T00:00:00%2B14:00%208c5c2b1e-52f5-4b0f-9a51-d1a5e8a1c5a2",
        "project/{project}/persons/?q=%ed%a0%80",
    ],
)
def test_odd_input_is_no_defect(admin: Admin, path: str) -> None:
    response = admin.http.get(f"/admin/{path.format(project=admin.project.id)}")

    assert response.status_code < 500
