"""Headers that every answer has."""

import pytest

from tests.clients import ProjectClient, event
from tests.deploy.conftest import Site
from tests.persons import make_person


@pytest.mark.parametrize("path", ["/_health", "/nothing", "/api/schema/swagger-ui/", "/api/users/@me/"])
def test_browsers_take_answers_for_what_they_are_and_show_none_in_a_frame(
    project: ProjectClient, path: str
) -> None:
    headers = project.http.get(path).headers

    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert len(headers["X-Request-ID"]) == 24


@pytest.mark.parametrize("proto", ["https", "http"])
def test_links_are_as_the_proxy_was_reached_where_it_is_trusted(site: Site, proto: str) -> None:
    assert site.capture(event("a", "first"), event("a", "second")).status_code == 200

    page = site.http.get(site.persons, params={"limit": 1}, headers={"X-Forwarded-Proto": proto}).json()

    assert page["next"].startswith(f"{proto}://127.0.0.1:")


def test_nobody_is_believed_elsewhere(project: ProjectClient) -> None:
    for name in ("first", "second"):
        make_person(project, name)
    project.http.headers["X-Forwarded-Proto"] = "https"

    assert project.get(project.persons_url, limit=1).json()["next"].startswith("http://")
