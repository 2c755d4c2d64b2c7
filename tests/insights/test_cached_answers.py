"""Kept answers: given as long as nothing has changed, and never longer."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import psycopg
import pytest

from core import valkey
from core.answers import answers_key, times_key
from core.clickhouse import client
from core.models import EventBuffer
from core.outbox.deliver import LOCK_SPACE
from core.outbox.freeze import EVENTS, TARGETS, next_batch
from core.outbox.lines import received_event_line
from core.selectors.data_version import data_version
from tests.api.test_persons_funnel import ago
from tests.clients import ProjectClient, event, settle
from tests.erasure import all_done
from tests.stack import Stack

SERIES = [{"id": "looked", "order": 0}, {"id": "signed up", "order": 1}]


def funnel(project: ProjectClient, **params: Any) -> httpx.Response:
    query = {"events": json.dumps(SERIES), "funnel_step": 1, **params}
    response = project.get(f"{project.persons_url}funnel/", **query)
    assert response.status_code == 200, response.text
    return response


def told(response: httpx.Response) -> tuple[bool, set[str]]:
    """Whether the answer was a kept one, and the names in it."""
    body = response.json()
    return body["is_cached"], {person["name"] for person in body["results"][0]["people"]}


@pytest.fixture
def known(project: ProjectClient) -> ProjectClient:
    """A project of three persons, whose funnel was asked for."""
    for name in ("ada", "bob", "cleo"):
        project.capture(
            event("looked", name, timestamp=ago(2)), event("$set", name, properties={"$set": {"plan": "x"}})
        )
    settle()
    assert told(funnel(project)) == (False, {"ada", "bob", "cleo"})
    return project


def test_the_same_question_is_answered_from_what_is_kept(known: ProjectClient) -> None:
    first = funnel(known, refresh="true").json()
    again = funnel(known).json()

    assert (first["is_cached"], again["is_cached"]) == (False, True)
    assert again["last_refresh"] == first["last_refresh"]
    assert again["results"] == first["results"]


def test_one_question_has_many_spellings(known: ProjectClient) -> None:
    url = f"{known.persons_url}funnel/"
    for step in ("1", 1):
        body = {"funnel_step": step, "events": SERIES}
        assert told(known.post(url, body)) == (True, {"ada", "bob", "cleo"})
    assert known.get(
        f"{url}?personal_api_key=x&format=json&funnel_step=1&events={json.dumps(SERIES)}"
    ).json()["is_cached"]


@pytest.mark.parametrize(
    "other",
    [{"cache_invalidation_key": "x"}, {"funnel_step": 2}, {"limit": 2}, {"offset": 1}, {"search": "a"}],
)
def test_another_question_is_another_one(known: ProjectClient, other: dict[str, Any]) -> None:
    assert funnel(known, **other).json()["is_cached"] is False
    assert funnel(known, **other).json()["is_cached"] is True


def test_pages_are_kept_each(known: ProjectClient) -> None:
    first = funnel(known, limit=2).json()
    second = known.get(first["next"]).json()
    again = known.get(first["next"]).json()

    assert (first["is_cached"], second["is_cached"], again["is_cached"]) == (False, False, True)
    assert len(first["results"][0]["people"]) == 2
    assert again["results"] == second["results"]


def test_a_route_is_no_other_route(known: ProjectClient) -> None:
    url = f"/api/projects/{known.id}/insights/funnel/"
    query: dict[str, Any] = {"events": json.dumps(SERIES), "funnel_step": 1}
    first, again = known.get(url, **query).json(), known.get(url, **query).json()

    assert (first["is_cached"], again["is_cached"]) == (False, True)
    assert [step["count"] for step in again["result"]] == [3, 0]


def test_nobody_gets_what_was_kept_for_another_project(
    known: ProjectClient, other_project: ProjectClient
) -> None:
    assert told(funnel(other_project)) == (False, set())


def merge(project: ProjectClient) -> None:
    project.capture(event("$merge_dangerously", "ada", properties={"alias": "bob"}))


def split(project: ProjectClient) -> None:
    merge(project)
    settle()
    funnel(project)
    uuid = (project.person("ada") or {})["uuid"]
    assert project.post(f"{project.persons_url}{uuid}/split/").status_code in (200, 201)


def set_property(project: ProjectClient) -> None:
    uuid = (project.person("ada") or {})["uuid"]
    assert project.post(
        f"{project.persons_url}{uuid}/update_property/", {"key": "plan", "value": "y"}
    ).is_success


def delete(project: ProjectClient) -> None:
    uuid = (project.person("ada") or {})["uuid"]
    assert project.delete(f"{project.persons_url}{uuid}/").is_success


def capture(project: ProjectClient) -> None:
    project.capture(event("looked", "dan", timestamp=ago(1)))


PLAN = json.dumps([{"key": "plan", "value": "x", "type": "person"}])


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (merge, {"ada", "cleo"}),
        (split, {"ada", "bob", "cleo"}),
        (set_property, {"bob", "cleo"}),
        (delete, {"bob", "cleo"}),
        (capture, {"ada", "bob", "cleo", "dan"}),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_what_has_changed_is_seen(
    known: ProjectClient, change: Callable[[ProjectClient], None], expected: set[str]
) -> None:
    query = {"properties": PLAN} if change is set_property else {}
    funnel(known, **query)

    change(known)
    settle()

    assert told(funnel(known, **query)) == (False, expected)
    assert told(funnel(known, **query)) == (True, expected)


def test_new_events_leave_alone_what_was_asked_of_the_past(known: ProjectClient) -> None:
    past = {"date_from": "2026-01-01", "date_to": "2026-01-31"}
    known.capture(event("looked", "ada", timestamp="2026-01-10T00:00:00Z"))
    settle()
    funnel(known, **past)

    known.capture(event("looked", "ada", timestamp=ago(1)))
    settle()
    assert told(funnel(known, **past)) == (True, {"ada"})

    known.capture(event("looked", "bob", timestamp="2026-01-31T23:59:59Z"))
    settle()
    assert told(funnel(known, **past)) == (False, {"ada", "bob"})


def test_what_persons_are_like_is_never_kept(known: ProjectClient) -> None:
    """Properties that the question is not about are read anew each time, at once."""
    uuid = (known.person("ada") or {})["uuid"]
    known.post(f"{known.persons_url}{uuid}/update_property/", {"key": "email", "value": "ada@example.org"})

    people = funnel(known, refresh="force_cache").json()["results"][0]["people"]

    assert [person["properties"].get("email") for person in people if person["uuid"] == uuid] == [
        "ada@example.org"
    ]


@pytest.mark.parametrize("refresh", ["true", "1", "yes", "", "blocking", "force_blocking"])
def test_an_answer_can_be_made_anew(known: ProjectClient, refresh: str) -> None:
    assert funnel(known, refresh=refresh).json()["is_cached"] is False


@pytest.mark.parametrize("refresh", ["false", "0", "whatever"])
def test_other_words_change_nothing(known: ProjectClient, refresh: str) -> None:
    assert funnel(known, refresh=refresh).json()["is_cached"] is True


def test_a_kept_answer_can_be_had_however_old(known: ProjectClient) -> None:
    capture(known)
    settle()

    assert told(funnel(known, refresh="force_cache")) == (True, {"ada", "bob", "cleo"})
    assert told(funnel(known, refresh="force_cache", cache_invalidation_key="new")) == (
        False,
        {"ada", "bob", "cleo", "dan"},
    )


def test_settings_of_the_project_count(known: ProjectClient) -> None:
    known.project.timezone = "Asia/Tokyo"
    known.project.save()

    assert funnel(known).json()["is_cached"] is False


@contextmanager
def nobody_delivers(stack: Stack) -> Iterator[None]:
    """Somebody else holds the locks of delivery, and does nothing."""
    with psycopg.connect(stack.environment["DATABASE_URL"], autocommit=True) as holding:
        for number in range(len(TARGETS)):
            holding.execute("SELECT pg_advisory_lock(%s, %s)", [LOCK_SPACE, number])
        yield


def wait_until_late(project: ProjectClient) -> None:
    deadline = time.monotonic() + 20
    while not data_version(project.id, last=None, has_cohorts=False).is_late:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_while_changes_are_late_no_kept_answer_is_given(known: ProjectClient, stack: Stack) -> None:
    with nobody_delivers(stack):
        known.capture(event("looked", "dan", timestamp=ago(1)))
        wait_until_late(known)

        assert told(funnel(known)) == (False, {"ada", "bob", "cleo"})
        assert told(funnel(known)) == (False, {"ada", "bob", "cleo"})

    settle()
    assert told(funnel(known)) == (False, {"ada", "bob", "cleo", "dan"})


def test_a_batch_whose_worker_died_before_it_could_say_so_is_seen(known: ProjectClient, stack: Stack) -> None:
    with nobody_delivers(stack):
        known.capture(
            event("looked", "cleo", timestamp=ago(1)), event("signed up", "cleo", timestamp=ago(0.5))
        )
        funnel(known, funnel_step=2)
        batch = next_batch(EVENTS)
        assert batch is not None
        rows = EventBuffer.objects.for_project(known.id).filter(pk__in=batch.row_ids).order_by("pk")
        lines = [received_event_line(row.line, row.created_at) for row in rows]
        client.insert_lines(EVENTS, "\n".join(lines).encode(), token=str(batch.token))
        wait_until_late(known)

        assert told(funnel(known, funnel_step=2)) == (False, {"cleo"})

    settle()
    assert told(funnel(known, funnel_step=2)) == (False, {"cleo"})
    assert told(funnel(known, funnel_step=2)) == (True, {"cleo"})


def test_an_erasure_takes_every_kept_answer_along(known: ProjectClient) -> None:
    kept = valkey.client()
    uuid = (known.person("ada") or {})["uuid"].encode()
    assert any(uuid in answer for answer in kept.hvals(answers_key(known.id)))

    known.delete(f"{known.persons_url}{uuid.decode()}/", delete_events="true")
    all_done(known)

    assert kept.exists(answers_key(known.id), times_key(known.id)) == 0
    assert told(funnel(known, refresh="force_cache")) == (False, {"bob", "cleo"})
