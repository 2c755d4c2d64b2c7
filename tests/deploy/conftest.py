"""One installation with every role, for the tests that only look at it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from persons_api import roles
from tests.clients import bearer
from tests.deploy.compose import Installation, installation


@dataclass(frozen=True)
class Site:
    """An installation whose web answers, and a project there."""

    installed: Installation
    http: httpx.Client
    token: str
    persons: str

    def capture(self, *events: dict[str, Any], **headers: str) -> httpx.Response:
        return self.http.post("/batch/", json={"api_key": self.token, "batch": list(events)}, headers=headers)


@pytest.fixture(scope="package")
def installed() -> Iterator[Installation]:
    with installation() as running:
        assert running.run("migrate") == 0, running.log("migrate")
        for name in (*roles.WORKERS, "beat"):
            running.start(name)
        yield running


@pytest.fixture(scope="package")
def site(installed: Installation) -> Iterator[Site]:
    port = installed.start_web()
    project = json.loads(installed.command("create-project", "--name", "N", "--json"))
    key = json.loads(installed.command("create-key", "--label", "L", "--scopes", "*", "--json"))["key"]
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=bearer(key), timeout=40) as http:
        yield Site(installed, http, project["api_token"], f"/api/projects/{project['id']}/persons/")
