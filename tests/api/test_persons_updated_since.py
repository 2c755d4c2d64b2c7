"""``GET …/persons/?updated_since=``: following the changes of persons."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.clients import ProjectClient, event, settle
from tests.persons import listed, make_listed


def follow(project: ProjectClient, since: str, **params: Any) -> dict[str, Any]:
    response = project.get(project.persons_url, updated_since=since, **params)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def start(project: ProjectClient) -> str:
    """A cursor behind everything so far."""
    settle()
    cursor: str = follow(project, "2020-01-01", limit=10_000)["cursor"]
    return cursor


def changed(answer: dict[str, Any]) -> list[str]:
    return [row["uuid"] for row in answer["results"]]


def test_everybody_is_there_from_the_beginning(project: ProjectClient) -> None:
    persons = [make_listed(project, name) for name in "abc"]
    settle()

    answer = follow(project, "2020-01-01T00:00:00Z")

    rows = sorted(answer["results"], key=lambda row: row["distinct_ids"])
    assert rows == [{**person, "is_deleted": False} for person in persons]
    assert (answer["next"], answer["previous"]) == (None, None)


def test_each_kind_of_change_is_told(project: ProjectClient) -> None:
    a, b, c, d = (make_listed(project, name, f"{name}2") for name in "abcd")
    cursor = start(project)
    assert follow(project, cursor)["results"] == []

    project.capture(event("$set", "a", properties={"$set": {"x": 1}}))
    settle()
    answer = follow(project, cursor)
    assert answer["results"] == [{**listed(project, "a"), "is_deleted": False}]

    project.capture(event("$identify", "b", properties={"$anon_distinct_id": "b3"}))
    settle()
    answer = follow(project, answer["cursor"])
    assert [row["distinct_ids"] for row in answer["results"]] == [["b", "b2", "b3"]]

    project.post(f"{project.persons_url}{c['uuid']}/split/", {})
    settle()
    answer = follow(project, answer["cursor"])
    assert set(changed(answer)) == {c["uuid"], listed(project, "c2")["uuid"]}

    project.post(f"{project.persons_url}{a['uuid']}/merge/", {"distinct_id": "b"})
    project.delete(f"{project.persons_url}{d['uuid']}/")
    settle()
    answer = follow(project, answer["cursor"])
    told = {row["uuid"]: row["is_deleted"] for row in answer["results"]}
    assert told == {a["uuid"]: False, b["uuid"]: True, d["uuid"]: True}
    tombstone = next(row for row in answer["results"] if row["uuid"] == d["uuid"])
    assert tombstone == {"type": "person", "id": d["uuid"], "uuid": d["uuid"], "is_deleted": True}


def test_pages_fit_together_and_end_in_a_cursor(project: ProjectClient) -> None:
    made = {make_listed(project, f"u{n}")["uuid"] for n in range(7)}
    settle()

    seen: list[str] = []
    answer = follow(project, "2020-01-01", limit=3)
    while answer["next"]:
        assert len(answer["results"]) == 3
        seen += changed(answer)
        answer = project.get(answer["next"]).json()
    seen += changed(answer)

    assert sorted(seen) == sorted(made)
    assert follow(project, answer["cursor"])["results"] == []


def test_nothing_is_missed_while_writes_go_on(project: ProjectClient) -> None:
    writers, each = 4, 30
    stop = threading.Event()
    seen: set[str] = set()
    cursor = start(project)

    def write(writer: int) -> None:
        for n in range(each):
            project.capture(event("a", f"w{writer}-{n}"))

    def read() -> None:
        nonlocal cursor
        while not stop.is_set():
            answer = follow(project, cursor, limit=5)
            seen.update(changed(answer))
            cursor = answer["cursor"]

    reader = threading.Thread(target=read)
    reader.start()
    threads = [threading.Thread(target=write, args=[writer]) for writer in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    settle()
    stop.set()
    reader.join()
    while rest := changed(answer := follow(project, cursor)):
        seen.update(rest)
        cursor = answer["cursor"]

    everybody = project.get(project.persons_url, limit=10_000).json()["results"]
    assert len(everybody) == writers * each
    assert seen == {row["uuid"] for row in everybody}


def test_a_time_in_any_zone(project: ProjectClient) -> None:
    make_listed(project, "a")
    settle()
    now = datetime.now(UTC)

    for text in (f"{now - timedelta(minutes=5):%Y-%m-%dT%H:%M:%S}", (now - timedelta(minutes=5)).isoformat()):
        assert len(follow(project, text)["results"]) == 1
    assert follow(project, (now + timedelta(minutes=5)).isoformat())["results"] == []


@pytest.mark.parametrize(
    "since", ["", "soon", "1~x", "~", "x~00000000-0000-0000-0000-000000000000", "9" * 400]
)
def test_what_is_no_time_and_no_cursor(project: ProjectClient, since: str) -> None:
    response = project.get(project.persons_url, updated_since=since)

    assert (response.status_code, response.json()["attr"]) == (400, "updated_since")


@pytest.mark.parametrize("name", ["offset", "search", "cohort", "email"])
def test_other_parameters_do_not_go_with_it(project: ProjectClient, name: str) -> None:
    response = project.get(f"{project.persons_url}?updated_since=2020-01-01&{name}=1")

    assert (response.status_code, response.json()["attr"]) == (400, name)


def test_changes_of_other_projects_are_not_told(project: ProjectClient, other_project: ProjectClient) -> None:
    make_listed(other_project, "a")
    settle()

    assert follow(project, "2020-01-01")["results"] == []
