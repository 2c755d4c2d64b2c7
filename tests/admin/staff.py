"""Somebody with a browser who may use the admin."""

import html
import re
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from core.models import User
from tests.browser import Browser, logged_in
from tests.clients import ProjectClient

_TAGS = re.compile(r"<(script|style).*?</\1>|<[^>]+>", re.DOTALL)
_SPACE = re.compile(r"\s+")


class Admin:
    """Opens pages and sends forms. ``project`` is the one whose pages are meant."""

    def __init__(self, browser: Browser, project: ProjectClient) -> None:
        self.http = browser.http
        self.project = project

    def url(self, path: str) -> str:
        """The address of a page of the project."""
        return f"/admin/project/{self.project.id}/{path}"

    def page(self, url: str, **params: str) -> str:
        """What people read on a page."""
        response = self.http.get(url, params=params or None)
        assert response.status_code == 200, (url, response.status_code, response.headers.get("location"))
        return words(response)

    def send(self, url: str, **fields: str | list[str]) -> httpx.Response:
        """Send the form of a page."""
        token = self.http.cookies["posthog_csrftoken"]
        return self.http.post(url, data={**fields, "csrfmiddlewaretoken": token})

    def done(self, url: str, **fields: str | list[str]) -> str:
        """Send a form that must be taken; what the page says that follows."""
        response = self.send(url, **fields)
        assert response.status_code == 302, words(response)
        return self.page(response.headers["location"])


@contextmanager
def staff(project: ProjectClient, *, seconds_ago: float = 0) -> Iterator[Admin]:
    """The owner of the project, as an admin who logged in so long ago."""
    User.objects.filter(email=project.owner).update(is_staff=True)
    with logged_in(project, seconds_ago=seconds_ago) as browser:
        # As if the server had set it, so that it can set another one in its place.
        browser.http.cookies.set("sessionid", browser.http.cookies.pop("sessionid"), domain="127.0.0.1")
        yield Admin(browser, project)


def words(response: httpx.Response) -> str:
    """A page without its markup."""
    return _SPACE.sub(" ", html.unescape(_TAGS.sub(" ", response.text))).strip()
