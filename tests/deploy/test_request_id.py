"""A request has a name: in its answer, in log lines of every process, and in ClickHouse."""

import json
import re
from typing import Any

import pytest

from core import request_id
from core.clickhouse import client
from persons_api import roles
from tests.clients import event
from tests.deploy.conftest import Site
from tests.embedded.run import wait_until

STEPS = json.dumps([{"id": name, "type": "events", "order": order} for order, name in enumerate("ab")])


def test_the_name_that_a_caller_gives_comes_back(site: Site) -> None:
    assert site.capture(event("a", "ada"), **{"X-Request-ID": "job-7:1"}).headers["X-Request-ID"] == "job-7:1"


def lines(site: Site, service: str) -> list[dict[str, Any]]:
    """The log of a service, without what Celery prints at a stop."""
    words = ("", "worker: Warm shutdown (MainProcess)")
    return [json.loads(line) for line in site.installed.log(service).splitlines() if line not in words]


@pytest.mark.parametrize("given", ["", "a b", "x" * 129, 'a"b', "ä".encode().decode("latin-1")])
def test_other_requests_get_a_new_one(site: Site, given: str) -> None:
    names = [
        site.http.get("/_health", headers={b"X-Request-ID": given.encode("latin-1")}).headers["X-Request-ID"]
        for _ in range(2)
    ]

    assert len(set(names)) == 2
    assert all(re.fullmatch("[0-9a-f]{24}", name) for name in names)


def test_errors_have_it_too(site: Site) -> None:
    refused = site.http.get("/nothing", headers={"X-Request-ID": "lost"})

    assert (refused.status_code, refused.headers["X-Request-ID"]) == (404, "lost")


def test_the_log_of_a_worker_names_the_request_that_it_works_for(site: Site) -> None:
    """A worker that cannot reach ClickHouse says so."""
    service = site.installed.services["insights"]
    here = service["environment"]
    site.installed.stop("insights")
    service["environment"] = {**here, "CLICKHOUSE_URL": "http://default:x@127.0.0.1:1/persons_api"}
    site.installed.alive_file("insights").unlink(missing_ok=True)
    site.installed.start("insights")
    wait_until(site.installed.alive_file("insights").exists, 60)
    try:
        asked = site.http.get(
            f"{site.persons}funnel/",
            params={"events": STEPS, "funnel_step": 1},
            headers={"X-Request-ID": "question-1"},
        )
    finally:
        site.installed.stop("insights")
        service["environment"] = here
        site.installed.start("insights")

    assert (asked.status_code, asked.json()["code"]) == (503, "clickhouse_unavailable")
    assert "question-1" in {line.get("request_id") for line in lines(site, "insights")}


def test_clickhouse_shows_it_beside_the_purpose_of_a_query() -> None:
    request_id.current.set("asked-1")
    try:
        rows = client.query(
            "SELECT getSetting('log_comment'), {project_id:Int64}",
            project_id=1,
            settings={"log_comment": "test"},
        )
    finally:
        request_id.current.set("")

    assert rows[0][0] == "test asked-1"


def test_every_line_of_the_log_is_an_object(site: Site) -> None:
    wait_until(lambda: site.capture(event("a", "ada")).status_code == 200)

    for name in roles.NAMES:
        for line in lines(site, name):
            assert {"time", "level", "logger", "message"} <= set(line)
