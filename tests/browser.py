"""A browser in which the owner of a project is logged in."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore

from core.auth.sessions import LOGGED_IN_AT
from core.models import User
from tests.clients import NO_TLS, ProjectClient


class Browser:
    """Keeps cookies, and sends the CSRF token back with whatever is not just read."""

    def __init__(self, http: httpx.Client) -> None:
        self.http = http

    def get(self, url: str, **params: Any) -> httpx.Response:
        return self.http.get(url, params=params or None)

    def send(self, method: str, url: str, body: object = None) -> httpx.Response:
        headers = {"X-CSRFToken": self.http.cookies["posthog_csrftoken"]}
        return self.http.request(method, url, json=body, headers=headers)


@contextmanager
def logged_in(project: ProjectClient, *, seconds_ago: float = 0) -> Iterator[Browser]:
    """The session of a login that was so long ago. It is written, not logged in for: hashing passwords takes long."""
    user = User.objects.get(email=project.owner)
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session[LOGGED_IN_AT] = time.time() - seconds_ago
    session.save()
    with httpx.Client(base_url=project.http.base_url, timeout=40, verify=NO_TLS) as http:
        assert http.get("/api/login/").status_code == 200
        http.cookies.set("sessionid", session.session_key or "")
        yield Browser(http)
