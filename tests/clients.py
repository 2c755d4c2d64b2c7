"""How tests speak to the server: over HTTP, as users do."""

import secrets
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx

from core.models import Membership, Organization, Project, User
from core.outbox.drain import drain
from core.services.create_key import create_key
from core.services.create_project import create_project
from tests.stack import Stack

ALL = ("*",)
#: Nothing here speaks TLS, and a context of its own for each client would read the whole list of authorities: 20 ms.
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@dataclass(slots=True)
class ProjectClient:
    """A project, its token and a key, and the requests that tests make most."""

    http: httpx.Client
    project: Project
    key: str
    owner: str

    @property
    def id(self) -> int:
        return self.project.pk

    @property
    def token(self) -> str:
        return self.project.api_token

    @property
    def persons_url(self) -> str:
        return f"/api/projects/{self.id}/persons/"

    def capture(self, *events: dict[str, Any], **envelope: Any) -> None:
        """Send events as an SDK does; they must be accepted."""
        response = self.http.post("/batch/", json={"api_key": self.token, "batch": list(events), **envelope})
        assert (response.status_code, response.json()) == (200, {"status": 1}), response.text

    def get(self, url: str, *, key: str | None = None, **params: Any) -> httpx.Response:
        return self.http.get(url, params=params or None, headers=bearer(key or self.key))

    def post(self, url: str, body: object = None, *, key: str | None = None) -> httpx.Response:
        return self.http.post(url, json=body, headers=bearer(key or self.key))

    def delete(self, url: str, *, key: str | None = None, **params: Any) -> httpx.Response:
        return self.http.delete(url, params=params or None, headers=bearer(key or self.key))

    def person(self, distinct_id: str) -> dict[str, Any] | None:
        """The list row of the person with this distinct id."""
        results = self.get(self.persons_url, distinct_id=distinct_id).json()["results"]
        assert len(results) <= 1
        row: dict[str, Any] | None = results[0] if results else None
        return row

    def new_key(self, *scopes: str, projects: Sequence[int] = ()) -> str:
        return create_key(label="test", scopes=scopes, project_ids=projects, user_email=self.owner).value


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def event(name: str, distinct_id: str, /, **fields: Any) -> dict[str, Any]:
    """An event as SDKs send it, with a uuid."""
    return {"event": name, "distinct_id": distinct_id, "uuid": str(uuid4()), **fields}


def settle() -> None:
    """Wait until all that was accepted is in ClickHouse."""
    assert drain(timeout_seconds=20) == 0


@contextmanager
def new_project(stack: Stack, *, stranger: bool = False) -> Iterator[ProjectClient]:
    owner = f"{secrets.token_hex(6)}@example.org"
    if stranger:
        project = _foreign_project(owner)
    else:
        project = create_project(name="test")
        _user(owner, project.organization)
    key = create_key(label="test", scopes=ALL, user_email=owner).value
    with httpx.Client(base_url=stack.url, timeout=40, verify=NO_TLS) as http:
        yield ProjectClient(http, project, key, owner)


def _foreign_project(owner: str) -> Project:
    organization = Organization.objects.create(name="strangers")
    _user(owner, organization)
    return Project.objects.create(
        organization=organization, name="theirs", api_token=f"phc_{secrets.token_hex(16)}"
    )


def _user(email: str, organization: Organization) -> User:
    user = User.objects.create_user(email)
    Membership.objects.create(user=user, organization=organization, level=Membership.Level.OWNER)
    return user
