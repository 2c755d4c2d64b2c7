"""Members of cohorts on their way to ClickHouse, and out of it when persons are erased."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from core.advisory_lock import in_turn
from core.clickhouse import client
from core.models import Cohort, Undeliverable
from core.services import erase
from core.services.cohorts.purge import purge_deleted
from tests.clients import ProjectClient, event, settle
from tests.cohorts.cohort_client import dynamic, make, patch, person, upload, url
from tests.erasure import all_done, completed
from tests.persons import join, listed, make_listed, stores_agree


def replica(project: ProjectClient, cohort_id: int) -> set[str]:
    """The members that ClickHouse has once everything is delivered; both stores must agree."""
    assert stores_agree(project)
    rows = client.query(
        """SELECT toString(person_id) FROM cohort_members FINAL
        WHERE project_id = {project_id:Int64} AND cohort_id = {cohort_id:Int64}""",
        project_id=project.id,
        parameters={"cohort_id": cohort_id},
    )
    return {uuid for (uuid,) in rows}


def rows_about(project: ProjectClient, uuid: str) -> int:
    """Rows of ClickHouse about a member, also such that no longer count."""
    settle()
    ((rows,),) = client.query(
        "SELECT count() FROM cohort_members WHERE project_id = {project_id:Int64} AND person_id = {id:UUID}",
        project_id=project.id,
        parameters={"id": uuid},
    )
    return int(rows)


def static(project: ProjectClient, *persons: dict[str, Any]) -> int:
    uuids = [one["uuid"] for one in persons]
    cohort_id: int = make(project, is_static=True, _create_static_person_ids=uuids)["id"]
    return cohort_id


def remove(project: ProjectClient, cohort_id: int, uuid: str) -> None:
    path = url(project, cohort_id, "remove_person_from_static_cohort")
    assert patch(project, path, {"person_id": uuid}).status_code == 200


def add(project: ProjectClient, cohort_id: int, *uuids: str) -> None:
    path = url(project, cohort_id, "add_persons_to_static_cohort")
    assert patch(project, path, {"person_ids": list(uuids)}).status_code == 200


def test_every_way_in_and_out_of_a_cohort(project: ProjectClient) -> None:
    ada, bob, cyd = (make_listed(project, name, plan="paid") for name in ("ada", "bob", "cyd"))
    uuids = {name: one["uuid"] for name, one in (("ada", ada), ("bob", bob), ("cyd", cyd))}
    cohort = static(project, ada)
    assert replica(project, cohort) == {uuids["ada"]}

    add(project, cohort, uuids["ada"], uuids["bob"])
    remove(project, cohort, uuids["ada"])
    assert replica(project, cohort) == {uuids["bob"]}
    upload(project, b"cyd\nada\n", cohort)
    assert replica(project, cohort) == set(uuids.values())

    paying = dynamic(project, person("plan", "paid"))["id"]
    assert replica(project, paying) == set(uuids.values())
    project.capture(event("$set", "bob", properties={"$set": {"plan": "free"}}))
    patch(project, url(project, paying), {"name": "again"})
    dynamic(project, person("plan", "free"))
    assert replica(project, paying) == {uuids["ada"], uuids["cyd"]}

    # Into somebody who is a member, and into somebody who is not.
    project.post(f"{project.persons_url}{uuids['ada']}/merge/", {"distinct_id": "cyd"})
    assert replica(project, paying) == {uuids["ada"]}
    project.post(f"{project.persons_url}{uuids['bob']}/merge/", {"distinct_id": "ada"})
    assert replica(project, paying) == {uuids["bob"]}
    assert replica(project, cohort) == {uuids["bob"]}
    project.post(f"{project.persons_url}{uuids['bob']}/undo/")
    project.post(f"{project.persons_url}{uuids['ada']}/undo/")
    assert replica(project, paying) == {uuids["ada"], uuids["cyd"]}

    project.delete(f"{project.persons_url}{uuids['cyd']}/")
    assert replica(project, paying) == {uuids["ada"]}
    assert replica(project, cohort) == {uuids["ada"], uuids["bob"]}


def test_a_statement_may_put_one_member_into_the_place_of_another(project: ProjectClient) -> None:
    ada, bob, cyd = (make_listed(project, name) for name in ("ada", "bob", "cyd"))
    cohort = join(project, "some", ada, bob)

    # The row of Ada becomes that of Cyd, then the row of Bob that of Ada.
    with connection.cursor() as cursor:
        cursor.execute(
            """UPDATE core_cohortmember m SET person_id = new.id
            FROM core_person old, core_person new
            WHERE m.project_id = %(project)s AND m.cohort_id = %(cohort)s AND old.id = m.person_id
              AND (old.uuid, new.uuid) IN ((%(ada)s, %(cyd)s), (%(bob)s, %(ada)s))
              AND old.project_id = m.project_id AND new.project_id = m.project_id""",
            {
                "project": project.id,
                "cohort": cohort.pk,
                "ada": ada["uuid"],
                "bob": bob["uuid"],
                "cyd": cyd["uuid"],
            },
        )

    assert replica(project, cohort.pk) == {ada["uuid"], cyd["uuid"]}


def test_changes_of_one_member_that_meet_count_in_the_order_of_postgresql(project: ProjectClient) -> None:
    ada, bob = make_listed(project, "ada"), make_listed(project, "bob")
    cohort = static(project, ada)

    def change(turn: int) -> None:
        if turn % 2:
            add(project, cohort, ada["uuid"], bob["uuid"])
        else:
            remove(project, cohort, ada["uuid"])

    for _ in range(10):
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(change, range(4)))
        assert stores_agree(project)


def test_many_members_come_as_a_few_rows(project: ProjectClient) -> None:
    project.capture(*(event("a", f"u{number}") for number in range(2100)))
    settle()
    cohort = Cohort.objects.for_project(project.id).create(project_id=project.id, name="all", is_static=True)

    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO core_cohortmember (project_id, cohort_id, person_id)
            SELECT project_id, %s, id FROM core_person WHERE project_id = %s""",
            [cohort.pk, project.id],
        )

    assert len(replica(project, cohort.pk)) == 2100


def test_members_of_deleted_cohorts_go(project: ProjectClient) -> None:
    cohort = static(project, make_listed(project, "ada"))
    assert len(replica(project, cohort)) == 1
    Cohort.objects.for_project(project.id).filter(pk=cohort).update(
        deleted=True, deleted_at=timezone.now() - timedelta(days=2)
    )

    purge_deleted()

    assert replica(project, cohort) == set()


def test_an_erasure_takes_every_row_about_members(project: ProjectClient) -> None:
    ada, bob, cyd = (make_listed(project, name) for name in ("ada", "bob", "cyd"))
    cohort = static(project, ada, bob, cyd)
    remove(project, cohort, ada["uuid"])
    settle()
    add(project, cohort, ada["uuid"])
    settle()
    project.post(f"{project.persons_url}{ada['uuid']}/merge/", {"distinct_id": "bob"})
    assert (rows_about(project, ada["uuid"]) > 0, rows_about(project, bob["uuid"]) > 0) == (True, True)

    project.delete(f"{project.persons_url}{ada['uuid']}/", delete_events="true")
    receipt = completed(project, ada["uuid"])

    assert (rows_about(project, ada["uuid"]), rows_about(project, bob["uuid"])) == (0, 0)
    assert receipt["counts_before"]["clickhouse_members"] >= 2
    assert receipt["counts_after"]["clickhouse_members"] == 0
    check = project.post(f"{project.persons_url}deletion_status/{receipt['id']}/verify/").json()
    assert set(check["counts"].values()) == {0}
    assert replica(project, cohort) == {cyd["uuid"]}


def test_who_comes_back_before_the_erasure_is_done_stays_a_member(project: ProjectClient) -> None:
    ada = make_listed(project, "ada")
    cohort = static(project, ada)
    settle()

    with in_turn(*erase.LOCK):
        project.delete(f"{project.persons_url}{ada['uuid']}/")
        project.capture(event("a", "ada"))
        assert listed(project, "ada")["uuid"] == ada["uuid"]
        add(project, cohort, ada["uuid"])
        settle()
    erase.erase_waiting()
    all_done(project)

    assert replica(project, cohort) == {ada["uuid"]}
    assert rows_about(project, ada["uuid"]) == 1


@pytest.fixture
def refused() -> Iterator[Callable[[dict[str, Any]], Undeliverable]]:
    """Puts aside a line about members, as if ClickHouse had refused it."""
    kept = []

    def put_aside(line: dict[str, Any]) -> Undeliverable:
        error = f"no: {json.dumps(line)}"
        kept.append(
            Undeliverable.objects.create(target="cohort_member_changes", line=json.dumps(line), error=error)
        )
        return kept[-1]

    yield put_aside
    # The stack is shared, and doctor counts them.
    Undeliverable.objects.filter(pk__in=[row.pk for row in kept]).delete()


def test_an_erasure_takes_members_out_of_lines_that_clickhouse_refused(
    project: ProjectClient, refused: Callable[[dict[str, Any]], Undeliverable]
) -> None:
    ada, bob = make_listed(project, "ada"), make_listed(project, "bob")
    line = {"project_id": project.id, "cohort_id": 1, "version": 1, "is_deleted": 0}
    a_later_life = 1_000_000
    both = refused(
        {
            **line,
            "person_ids": [bob["uuid"], ada["uuid"], ada["uuid"]],
            "person_versions": [1, 1, a_later_life],
        }
    )
    alone = refused({**line, "person_ids": [ada["uuid"]], "person_versions": [1]})

    project.delete(f"{project.persons_url}{ada['uuid']}/", delete_events="true")
    receipt = completed(project, ada["uuid"])

    both.refresh_from_db()
    assert json.loads(both.line) == {
        **line,
        "person_ids": [bob["uuid"], ada["uuid"]],
        "person_versions": [1, a_later_life],
    }
    assert ada["uuid"] not in both.error
    assert not Undeliverable.objects.filter(pk=alone.pk).exists()
    assert receipt["counts_before"]["postgres_undeliverable"] == 2
    assert receipt["counts_after"]["postgres_undeliverable"] == 0
    verify = f"{project.persons_url}deletion_status/{receipt['id']}/verify/"
    assert project.post(verify).json()["is_erased"]
    refused({**line, "person_ids": [ada["uuid"]], "person_versions": [1]})
    assert project.post(verify).json()["counts"]["postgres_undeliverable"] == 1
