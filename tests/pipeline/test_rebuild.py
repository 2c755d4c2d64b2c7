"""ClickHouse's replica is built anew from PostgreSQL while captures go on."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest

from core.advisory_lock import only_one
from core.clickhouse import client, rebuild, squash
from core.clickhouse.compare import compare
from core.models import Person
from core.services.rebuild import RebuildNotNow, Step, rebuild_clickhouse
from tests.clients import ProjectClient, event, settle
from tests.embedded.run import run
from tests.persons import join, listed, make_person, send, stores_agree
from tests.stack import Stack


def in_cohort(project: ProjectClient, cohort: int) -> set[str]:
    rows = client.query(
        """SELECT toString(person_id) FROM cohort_members FINAL
        WHERE project_id = {project_id:Int64} AND cohort_id = {cohort:Int64}""",
        project_id=project.id,
        parameters={"cohort": cohort},
    )
    return {uuid for (uuid,) in rows}


def who_did(project: ProjectClient, *names: str) -> set[str]:
    """The persons who did these, one after the other."""
    answer = project.get(
        f"{project.persons_url}funnel/",
        events=json.dumps([{"id": name, "order": order} for order, name in enumerate(names)]),
        funnel_step=len(names),
        date_from="-7d",
    )
    assert answer.status_code == 200, answer.text
    return {person["uuid"] for person in answer.json()["results"][0]["people"]}


def with_plan(project: ProjectClient, plan: str) -> set[str]:
    """By ClickHouse's replica."""
    properties = json.dumps([{"key": "plan", "value": plan, "type": "person"}])
    return {row["uuid"] for row in project.get(project.persons_url, properties=properties).json()["results"]}


@contextmanager
def traffic(project: ProjectClient) -> Iterator[list[str]]:
    """Somebody new, and a change of somebody known, in each request until the end; the distinct ids that were taken."""
    over = threading.Event()
    taken: list[str] = []

    def capture() -> None:
        for number in count():
            if over.is_set():
                return
            name = f"new{number}"
            project.capture(
                event("here", name, properties={"$set": {"plan": "new"}}),
                event("$identify", name, properties={"$anon_distinct_id": f"anonymous{number}"}),
                event("$set", "known", properties={"$set": {"turn": number}}),
            )
            taken.append(name)

    thread = threading.Thread(target=capture)
    thread.start()
    try:
        yield taken
    finally:
        over.set()
        thread.join()


def damage(project: ProjectClient) -> None:
    """Everything that can be wrong with a replica: rows are missing, old, too many."""
    settle()
    for table in ("person", "person_newest_first", "person_distinct_id_overrides", "cohort_members"):
        client.administer(f"TRUNCATE TABLE {table}")
    client.administer(
        "INSERT INTO person_distinct_id (project_id, distinct_id, person_id, version, is_deleted) "
        "VALUES ({project:Int64}, 'nobody', generateUUIDv4(), 99, 0)",
        parameters={"project": project.id},
    )
    client.administer(
        "INSERT INTO groups (project_id, type_index, key, created_at, version) "
        "VALUES ({project:Int64}, 0, 'bogus', now(), 5)",
        parameters={"project": project.id},
    )
    assert {one.table for one in compare(project.id) if not one.is_equal} >= {
        "person",
        "groups",
        "cohort_members",
    }


def test_what_is_damaged_is_right_again_whatever_comes_meanwhile(
    project: ProjectClient, stack: Stack
) -> None:
    known = make_person(project, "known", "known too", plan="old")
    project.capture(event("$groupidentify", "known", properties={
        "$group_type": "company", "$group_key": "acme", "$group_set": {"size": 3},
    }))  # fmt: skip
    project.capture(event("first", "known"), event("second", "known too"))
    cohort = join(project, "some", known)
    # Events of `left` bear the person that it was captured with; it was split off, and who it was then is deleted.
    other = make_person(project, "other", "left")
    project.capture(event("gone first", "left"), event("gone second", "left"))
    assert (
        project.post(
            f"{project.persons_url}{other['uuid']}/split/", {"main_distinct_id": "other"}
        ).status_code
        == 201
    )
    assert (
        send(project, "DELETE", f"{project.persons_url}{listed(project, 'left')['uuid']}/").status_code == 202
    )
    assert stores_agree(project)
    damage(project)

    with traffic(project) as taken:
        ended = run("rebuild-clickhouse", "--json", "--data-dir", str(stack.folder))

    assert ended.returncode == 0, ended.stderr
    result = json.loads(ended.stdout)
    assert (result["equal"], result["differing"]) == (True, [])
    assert set(result["rows"]) == set(rebuild.TABLES)
    assert stores_agree(project)
    assert len(taken) > 3
    assert who_did(project, "first", "second") == with_plan(project, "old") == {known["uuid"]}
    assert in_cohort(project, cohort.pk) == {known["uuid"]}
    new = {str(one.uuid) for one in Person.objects.for_project(project.id).filter(properties__plan="new")}
    assert len(new) == len(taken)
    assert len(who_did(project, "here")) == min(len(taken), 100)
    assert who_did(project, "gone first", "gone second") == set()


def test_what_a_rebuild_that_died_left_behind_does_no_harm(project: ProjectClient) -> None:
    person = make_person(project, "a", plan="one")

    def die(step: Step) -> None:
        if step.table == "person_distinct_id_overrides":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rebuild_clickhouse(tell=die)
    project.capture(event("$set", "a", properties={"$set": {"plan": "two"}}))
    assert stores_agree(project)
    done = rebuild_clickhouse()

    assert done.is_equal
    assert with_plan(project, "two") == {person["uuid"]}
    assert client.inspect("SELECT name FROM system.tables WHERE name LIKE '%rebuilt%'") == []


def test_whoever_follows_changes_is_told_of_the_dead_after_a_rebuild(project: ProjectClient) -> None:
    uuid = make_person(project, "a")["uuid"]
    send(project, "DELETE", f"{project.persons_url}{uuid}/")
    settle()

    rebuild_clickhouse()

    rows = project.get(project.persons_url, updated_since="2020-01-01").json()["results"]
    assert [(row["uuid"], row["is_deleted"]) for row in rows] == [(uuid, True)]


def test_two_at_once_are_refused(project: ProjectClient) -> None:
    settle()

    with only_one(*squash.LOCK), pytest.raises(RebuildNotNow):
        threaded(rebuild_clickhouse)


def threaded(call: object) -> None:
    """By a connection of its own: a lock is its holder's as often as it wants."""
    found: list[BaseException] = []

    def go() -> None:
        try:
            call()  # type: ignore[operator]
        except BaseException as error:
            found.append(error)

    thread = threading.Thread(target=go)
    thread.start()
    thread.join()
    if found:
        raise found[0]


def test_the_help_says_what_happens(tmp_path: Path) -> None:
    text = run("rebuild-clickhouse", "--help").stdout

    assert "Events have no other copy" in text
    assert "run it again" in " ".join(text.split())
