"""``persons-api import-posthog`` when something goes wrong: at the source, on the way, and here."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from core.models import Person, PosthogImport
from core.posthog import client as posthog_client
from core.posthog.client import Source, SourceAway
from core.services.posthog_import import run as service
from tests.clients import ProjectClient
from tests.embedded.posthog_copy import copied, refused, run
from tests.fake_posthog import KEY, PROJECT, Posthog, Trouble, error, fake_posthog
from tests.persons import stores_agree
from tests.stack import Stack

PERSONS = f"/api/projects/{PROJECT}/persons/"
EVENTS = f"/api/projects/{PROJECT}/events/"
#: The requests before the first page of persons: project, one look at each part, the number of persons.
BEFORE = 5
PASSING: list[Trouble] = [
    error(429, "Request was throttled.", **{"Retry-After": "0"}),
    error(500, "A server error occurred."),
    error(503, "busy", **{"Retry-After": "0"}),
    error(504, "too slow"),
    (502, {"Content-Type": "text/html"}, b"<html>bad gateway"),
    None,
]


def crowd(posthog: Posthog, number: int = 60) -> None:
    """Persons and events in pages of twenty."""
    posthog.most = 20
    for n in range(number):
        posthog.person(f"p{n}", at=n)
        posthog.event("a", f"p{n}", at=n)


def asked(posthog: Posthog, path: str) -> list[str | None]:
    """Where the pages that were asked for begin, of a list at ``path``."""
    name = "offset" if path == PERSONS else "after"
    return [query.get(name) for one, query, _ in posthog.requests if one == path and query["limit"] != "1"]


def source(posthog: Posthog, **fields: Any) -> Source:
    """One that has answered, so that failures are waited for; it writes down how long, and does not sleep."""
    return Source(posthog.url, KEY, has_answered=True, **fields)


def test_what_passes_is_tried_again(project: ProjectClient, posthog: Posthog) -> None:
    crowd(posthog)
    # Every second request fails, each in another way.
    posthog.trouble = {2 * n: PASSING[n % len(PASSING)] for n in range(1, 20)}

    found = copied(project, posthog)

    assert (found["persons"], found["events"]) == ((60, 60), (60, 60))
    assert stores_agree(project)


@pytest.mark.parametrize(
    ("retry_after", "least", "most"), [("7", 7, 8), ("999999", 3700, 3701), ("x", 0.5, 1.6), ("-1", 0.5, 1.6)]
)
def test_a_rate_limit_is_waited_for_as_long_as_the_source_asks(
    posthog: Posthog, monkeypatch: pytest.MonkeyPatch, retry_after: str, least: float, most: float
) -> None:
    monkeypatch.setattr(posthog_client, "FIRST_PAUSE", 1.0)
    posthog.trouble[0] = error(429, "Request was throttled.", **{"Retry-After": retry_after})
    naps: list[float] = []
    told: list[str] = []

    answer = source(posthog, sleep=naps.append, wait=lambda seconds, reason: told.append(reason)).get(
        f"api/projects/{PROJECT}/"
    )

    assert answer["id"] == PROJECT
    assert told == ["it limits how often it may be asked"]
    assert least <= naps[0] <= most


def test_failures_are_waited_for_longer_and_longer_but_not_for_ever(
    posthog: Posthog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(posthog_client, "FIRST_PAUSE", 1.0)
    posthog.trouble = dict.fromkeys(range(99), error(500, "x"))
    naps: list[float] = []

    with pytest.raises(SourceAway, match=r"it answered 500\. Run the same command again later"):
        source(posthog, sleep=naps.append).get("x")

    assert len(posthog.requests) == posthog_client.TRIES == len(naps) + 1
    assert [2 ** (n - 1) <= nap <= 2**n + 1 for n, nap in enumerate(naps[:6])] == [True] * 6
    assert max(naps) <= posthog_client.LONGEST_PAUSE


def test_an_answer_that_does_not_come_is_asked_for_again(
    posthog: Posthog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(posthog_client, "READ_SECONDS", 0.2)
    monkeypatch.setattr(posthog_client, "ANSWER_SECONDS", 0.3)
    posthog.meanwhile = lambda number: time.sleep(0.4 if number == 0 else 0)
    posthog.trouble[1] = 200, {}, [b'{"a":', *[b" "] * 20, b"1}"]
    told: list[str] = []

    source(posthog, wait=lambda seconds, reason: told.append(reason)).get(f"api/projects/{PROJECT}/")

    assert told == ["no answer in time", "no whole answer within 0.3 s"]


def test_pages_that_are_too_large_are_asked_for_in_parts(
    project: ProjectClient, posthog: Posthog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(posthog_client, "LARGEST", 20_000)
    for n in range(100):
        posthog.person(f"p{n}", at=n, text="x" * 500)
        posthog.event("a", f"p{n}", at=n, text="x" * 500)

    found = copied(project, posthog)

    assert (found["persons"], found["events"]) == ((100, 100), (100, 100))


def test_a_row_that_is_too_large_ends_the_import(
    project: ProjectClient, posthog: Posthog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(posthog_client, "LARGEST", 20_000)
    posthog.person("p", text="x" * 30_000)

    assert refused(project, posthog) == "An answer is larger than 20000 bytes."


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(project: ProjectClient, posthog: Posthog, status: int) -> None:
    with fake_posthog() as elsewhere:
        posthog.trouble[0] = status, {"Location": f"{elsewhere.url}/steal?x=1"}, b""

        told = refused(project, posthog)

        assert told == f"{posthog.url} redirects to {elsewhere.url}; the key was not sent there."
        assert elsewhere.requests == []


def test_links_to_another_host_do_not_take_the_key_there(project: ProjectClient, posthog: Posthog) -> None:
    crowd(posthog)
    with fake_posthog() as elsewhere:
        posthog.links_to = elsewhere.url

        assert copied(project, posthog)["persons"] == (60, 60)

        assert elsewhere.requests == []


def test_a_page_that_links_to_itself_ends_the_import(project: ProjectClient, posthog: Posthog) -> None:
    link = f'{{"results": [], "next": "{posthog.url}{PERSONS}?limit=1000"}}'
    posthog.trouble[BEFORE] = 200, {}, link.encode()

    assert "a page is linked as the one after itself" in refused(project, posthog)


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        ('{"next": null}', "does not answer as PostHog does: there are no results."),
        ('{"results": [1]}', "does not answer as PostHog does: there are no results."),
        ('{"results": [{"uuid": "x"}]}', "does not show persons as PostHog does."),
        (
            '{"results": [{"uuid": 5, "created_at": "2026-01-01", "properties": {}}]}',
            "does not show the uuids of persons.",
        ),
    ],
)
def test_rows_of_another_form_end_the_import(
    project: ProjectClient, posthog: Posthog, rows: str, complaint: str
) -> None:
    posthog.trouble[BEFORE] = 200, {}, rows.encode()

    assert complaint in refused(project, posthog)


def test_a_source_that_lists_the_newest_events_first_is_refused(
    project: ProjectClient, posthog: Posthog
) -> None:
    rows = '{"results": [{"id": "1", "timestamp": "2026-03-02"}, {"id": "2", "timestamp": "2026-03-01"}]}'
    posthog.trouble[2] = 200, {}, rows.encode()

    told = refused(project, posthog, "--only", "events")

    assert "does not list events oldest first" in told


def test_who_appears_at_the_source_meanwhile_is_told(project: ProjectClient, posthog: Posthog) -> None:
    crowd(posthog)

    def add(number: int) -> None:
        if number == BEFORE + 2:
            posthog.person("new", at=999)

    posthog.meanwhile = add

    result = run(project, posthog, "--only", "persons")

    assert result.exit_code == 1
    assert "persons: the source changed meanwhile" in result.stderr
    assert copied(project, posthog)["persons"] == (61, 61)


def test_an_import_that_failed_goes_on_where_it_was(project: ProjectClient, posthog: Posthog) -> None:
    crowd(posthog)
    posthog.trouble[BEFORE + 2] = error(400, "not now")
    assert refused(project, posthog).endswith("persons/ answered 400: not now")
    first = asked(posthog, PERSONS)
    posthog.requests.clear()
    posthog.trouble.clear()

    found = copied(project, posthog)

    assert (first, asked(posthog, PERSONS)) == ([None, "20", "40"], ["40", "60"])
    assert (found["persons"], found["distinct ids"], found["events"]) == ((60, 60),) * 3
    assert stores_agree(project)


def test_an_import_that_was_killed_goes_on_where_it_was(
    stack: Stack, project: ProjectClient, posthog: Posthog
) -> None:
    crowd(posthog)
    process = begin(stack, project, posthog)

    def kill(number: int) -> None:
        # In the middle: a page is stored, and the answer about the next one does not come.
        if number and [path for path, _, _ in posthog.requests].count(EVENTS) == 3:
            process.kill()
            process.wait(30)

    posthog.meanwhile = kill
    process.communicate(timeout=60)
    assert len(asked(posthog, EVENTS)) == 2
    posthog.meanwhile = lambda number: None
    posthog.requests.clear()

    found = copied(project, posthog)

    assert process.returncode == -signal.SIGKILL
    assert asked(posthog, PERSONS) == []
    assert (found["persons"], found["distinct ids"], found["events"]) == ((60, 60),) * 3
    assert stores_agree(project)


def begin(stack: Stack, project: ProjectClient, posthog: Posthog) -> "subprocess.Popen[str]":
    """The command in a process of its own, which waits for the answer to its first request."""
    arguments = ["--host", posthog.url, "--project", str(project.id), "--key", "-"]
    process = subprocess.Popen(
        [sys.executable, "-m", "persons_api", "import-posthog", *arguments, "--data-dir", str(stack.folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdin
    process.stdin.write(f"{KEY}\n")
    process.stdin.flush()
    return process


def test_two_imports_into_a_project_at_the_same_time_are_refused(
    stack: Stack, project: ProjectClient, posthog: Posthog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "LOCK_PATIENCE", 0.3)
    posthog.person("ada")
    with psycopg.connect(stack.environment["DATABASE_URL"], autocommit=True) as other:
        other.execute("SELECT pg_advisory_lock(%s, %s)", [service.LOCK_SPACE, project.id])

        told = refused(project, posthog)

    assert told == "Another import into this project is running. Let it end, then run this one."
    assert copied(project, posthog)["persons"] == (1, 1)


def test_an_import_that_lost_its_lock_does_not_go_on(project: ProjectClient, posthog: Posthog) -> None:
    crowd(posthog)

    def overtake(number: int) -> None:
        if number == BEFORE + 1:
            PosthogImport.objects.for_project(project.id).update(step=99)

    posthog.meanwhile = in_a_thread(overtake)

    assert "Another import into this project is running." in refused(project, posthog)
    assert Person.objects.for_project(project.id).count() == 20


def in_a_thread(work: Callable[[int], None]) -> Callable[[int], None]:
    """Gives back the connection of the thread that answers a request."""

    def run_and_close(number: int) -> None:
        from django.db import connection

        try:
            work(number)
        finally:
            connection.close()

    return run_and_close
