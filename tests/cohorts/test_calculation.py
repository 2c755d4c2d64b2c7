"""Calculations: their order, their failures, and what comes in between. The test takes the place of the worker, which
leaves what is asked for to whoever holds the lock.
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from core.advisory_lock import in_turn
from core.clickhouse import client
from core.exceptions import ClickHouseUnavailable, QueryTooHeavy, ReplicaTooLate
from core.json import dumps
from core.models import Cohort
from core.services.cohorts import store_members
from core.services.cohorts.calculations import LOCK, Run, begin_next, finish
from core.services.cohorts.request_calculation import INTERRUPTED, request_due
from core.services.cohorts.store_members import Found
from core.services.transaction import change_persons
from insights import cohorts
from insights.queries import cohort as cohort_queries
from tests.clients import ProjectClient, event, settle
from tests.cohorts.cohort_client import (
    calculated,
    dynamic,
    get,
    make,
    member_of,
    patch,
    person,
    url,
)
from tests.erasure import all_done
from tests.persons import make_listed, stores_agree

PAYING = {"properties": {"type": "AND", "values": [person("plan", "paid")]}}


@pytest.fixture
def alone() -> Iterator[None]:
    """Nobody else calculates."""
    with in_turn(*LOCK):
        yield


@pytest.fixture
def paying(project: ProjectClient) -> int:
    """A calculated cohort of Ada. Bob pays since then."""
    make_listed(project, "ada", plan="paid")
    cohort: int = dynamic(project, person("plan", "paid"))["id"]
    make_listed(project, "bob", plan="paid")
    return cohort


def begin(cohort_id: int) -> Run:
    run = begin_next()
    assert run is not None
    assert run.calculated.cohort_id == cohort_id
    return run


def members(project: ProjectClient, cohort_id: int) -> tuple[int | None, set[str]]:
    """The count that the cohort shows, and the uuids of its members."""
    rows = project.get(url(project, cohort_id, "persons")).json()["results"]
    return get(project, cohort_id)["count"], {row["uuid"] for row in rows}


def uuid(project: ProjectClient, distinct_id: str) -> str:
    person = project.person(distinct_id)
    assert person is not None
    found: str = person["uuid"]
    return found


def whole(*uuids: str) -> Found:
    """These and nobody else meet the criteria."""
    return _found(len(uuids), lines(*uuids), None)


def compared(count: int, *, joining: Sequence[str] = (), leaving: Sequence[str] = ()) -> Found:
    """So many meet the criteria, as ClickHouse says that compares them with its members."""
    return _found(count, lines(*joining), lines(*leaving))


def _found(count: int, joining: bytes, leaving: bytes | None) -> Found:
    return Found(
        count, joining, leaving, main_query="SELECT 1", query_ms=1, read_rows=None, memory_bytes=None
    )


def lines(*uuids: str) -> bytes:
    return "\n".join(uuids).encode()


def broken(cause: str) -> QueryTooHeavy:
    error = QueryTooHeavy()
    error.__cause__ = Exception(cause)
    return error


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (broken("Code: 159. DB::Exception: … (TIMEOUT_EXCEEDED)"), "taking too long"),
        (broken("Code: 241. DB::Exception: … (MEMORY_LIMIT_EXCEEDED)"), "too much memory"),
        (ClickHouseUnavailable(), "did not answer"),
        (RuntimeError("secret"), "unexpected reason"),
    ],
    ids=["time", "memory", "away", "defect"],
)
def test_members_outlive_failures(
    project: ProjectClient,
    paying: int,
    alone: None,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    message: str,
) -> None:
    def fail(*args: Any, **kwargs: Any) -> bytes:
        raise error

    patch(project, url(project, paying), {"name": "again"})
    run = begin(paying)
    monkeypatch.setattr(client, "query_with_work", fail)
    cohorts._calculate(run)

    cohort = get(project, paying)
    assert message in cohort["last_error_message"]
    assert "secret" not in cohort["last_error_message"]
    assert (cohort["errors_calculating"], cohort["is_calculating"], cohort["version"]) == (1, False, 1)
    assert members(project, paying) == (1, {uuid(project, "ada")})
    (told, _) = project.get(url(project, paying, "calculation_history")).json()["results"]
    assert (told["error"], told["is_successful"]) == (cohort["last_error_message"], False)


def test_a_run_that_is_overtaken_stores_nothing(project: ProjectClient, paying: int, alone: None) -> None:
    patch(project, url(project, paying), {"name": "again"})
    first = begin(paying)
    patch(project, url(project, paying), {"name": "and again"})

    assert finish(first, whole(uuid(project, "bob")))

    assert members(project, paying) == (1, {uuid(project, "ada")})
    assert get(project, paying)["is_calculating"] is True
    second = begin(paying)
    assert (first.calculated.version, second.calculated.version) == (2, 3)
    cohorts._calculate(second)
    assert members(project, paying) == (2, {uuid(project, "ada"), uuid(project, "bob")})
    assert (get(project, paying)["version"], get(project, paying)["is_calculating"]) == (3, False)


def test_a_deleted_cohort_is_not_calculated(project: ProjectClient, paying: int, alone: None) -> None:
    patch(project, url(project, paying), {"name": "again"})
    run = begin(paying)
    patch(project, url(project, paying), {"deleted": True})

    assert finish(run, whole())

    assert (get(project, paying)["count"], begin_next()) == (1, None)


def test_runs_that_die_are_begun_again_but_not_for_ever(
    project: ProjectClient, paying: int, alone: None
) -> None:
    patch(project, url(project, paying), {"name": "again"})
    assert begin(paying).calculated.version == begin(paying).calculated.version == 2

    assert begin_next() is None

    cohort = get(project, paying)
    assert (cohort["errors_calculating"], cohort["last_error_message"]) == (1, INTERRUPTED)
    assert members(project, paying) == (1, {uuid(project, "ada")})


def test_cohorts_that_others_refer_to_come_first(project: ProjectClient, alone: None) -> None:
    names: dict[int, str] = {}

    def save(name: str, *criteria: dict[str, Any]) -> int:
        cohort: int = make(
            project, name=name, filters={"properties": {"type": "OR", "values": list(criteria)}}
        )["id"]
        names[cohort] = name
        return cohort

    last = save("last", member_of(10**9))
    first = save("first", person("plan", "paid"))
    middle = save("middle", member_of(first))
    for cohort, name in ((last, "last"), (first, "first"), (middle, "middle")):
        patch(project, url(project, cohort), {"name": name})
    patch(
        project,
        url(project, last),
        {"filters": {"properties": {"type": "OR", "values": [member_of(middle)]}}},
    )

    order = []
    while run := begin_next():
        order.append(names[run.calculated.cohort_id])
        finish(run, whole())

    assert order == ["first", "middle", "last"]


@pytest.mark.parametrize("is_compared", [False, True])
def test_readers_see_the_old_members_or_the_new_ones(
    project: ProjectClient, paying: int, alone: None, is_compared: bool
) -> None:
    patch(project, url(project, paying), {"name": "again"})
    run = begin(paying)
    found = (
        compared(1, joining=[uuid(project, "bob")], leaving=[uuid(project, "ada")])
        if is_compared
        else whole(uuid(project, "bob"))
    )

    with transaction.atomic(), connection.cursor() as cursor:
        store_members._store(cursor, run.calculated, found, replace=True)
        assert members(project, paying) == (1, {uuid(project, "ada")})

    assert members(project, paying) == (1, {uuid(project, "bob")})


def test_persons_who_go_before_the_members_are_stored(
    project: ProjectClient, paying: int, alone: None
) -> None:
    make_listed(project, "cyd", plan="free")
    patch(project, url(project, paying), {"name": "again"})
    run = begin(paying)
    found = whole(uuid(project, "ada"), uuid(project, "bob"))
    differences = compared(2, joining=[uuid(project, "bob")])
    project.post(f"{project.persons_url}{uuid(project, 'cyd')}/merge/", {"distinct_id": "bob"})
    project.delete(f"{project.persons_url}{uuid(project, 'ada')}/")

    # Ada is missing from the members, so they cannot be those that ClickHouse has compared with.
    assert not finish(run, differences)
    assert members(project, paying) == (0, set())
    assert finish(run, found)

    assert members(project, paying) == (1, {uuid(project, "cyd")})


@pytest.mark.parametrize("is_compared", [False, True])
def test_persons_who_go_while_the_members_are_stored(
    project: ProjectClient, paying: int, alone: None, is_compared: bool
) -> None:
    """Nobody waits for the transaction, and afterwards all is right."""
    make_listed(project, "cyd", plan="free")
    make_listed(project, "dan", plan="paid")
    patch(project, url(project, paying), {"name": "again"})
    run = begin(paying)
    ada, bob, dan = (uuid(project, name) for name in ("ada", "bob", "dan"))
    found = compared(3, joining=[bob, dan]) if is_compared else whole(ada, bob, dan)

    with transaction.atomic(), connection.cursor() as cursor:
        stored = store_members._store(cursor, run.calculated, found, replace=True)
        project.post(f"{project.persons_url}{uuid(project, 'cyd')}/merge/", {"distinct_id": "bob"})
        project.delete(f"{project.persons_url}{uuid(project, 'dan')}/")
    change_persons(project.id, lambda cursor: store_members._repair(cursor, run.calculated, stored))

    assert members(project, paying) == (2, {uuid(project, "ada"), uuid(project, "cyd")})
    # Dan's row goes with the erasure of Dan.
    all_done(project)
    assert stores_agree(project)


def again(project: ProjectClient, cohort: int) -> dict[str, Any]:
    """The newest entry of the history after one more calculation."""
    patch(project, url(project, cohort), {"name": "again"})
    cohorts._calculate(begin(cohort))
    told: dict[str, Any] = project.get(url(project, cohort, "calculation_history")).json()["results"][0]
    return told


def test_what_differs_is_written(project: ProjectClient, paying: int, alone: None) -> None:
    project.capture(event("$set", "ada", **{"$set": {"plan": "free"}}))
    make_listed(project, "cyd", plan="paid")

    told = again(project, paying)

    assert "belongs" in told["main_query"]
    assert (told["count"], told["total_written_rows"]) == (2, 3)
    assert members(project, paying) == (2, {uuid(project, "bob"), uuid(project, "cyd")})
    told = again(project, paying)
    assert (told["count"], told["total_written_rows"]) == (2, 0)
    settle()
    assert stores_agree(project)


def test_a_replica_that_is_wrong_misleads_nobody(project: ProjectClient, paying: int, alone: None) -> None:
    settle()
    bob = uuid(project, "bob")
    row = {"project_id": project.id, "cohort_id": paying, "person_id": bob, "version": 2**40, "is_deleted": 0}
    client.insert_lines("cohort_members", dumps({**row, "person_version": 1}), token=f"wrong {bob}")

    told = again(project, paying)

    assert "belongs" not in told["main_query"]
    assert members(project, paying) == (2, {uuid(project, "ada"), bob})


@pytest.mark.parametrize("error", [ReplicaTooLate(), QueryTooHeavy()], ids=["late", "large"])
def test_members_that_cannot_be_compared_there_are_compared_here(
    project: ProjectClient, paying: int, alone: None, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*args: Any, **kwargs: Any) -> bytes:
        raise error

    monkeypatch.setattr(cohort_queries, "compared", fail)

    told = again(project, paying)

    assert (told["count"], told["is_successful"]) == (2, True)


def test_now_and_then_everybody_is_compared_here(project: ProjectClient, paying: int, alone: None) -> None:
    Cohort.objects.for_project(project.id).filter(pk=paying).update(version=99, pending_version=99)

    assert "belongs" not in again(project, paying)["main_query"]
    assert "belongs" in again(project, paying)["main_query"]


def test_what_is_old_is_asked_for(project: ProjectClient, paying: int, alone: None) -> None:
    cohorts = Cohort.objects.for_project(project.id).filter(pk=paying)
    long_ago = timezone.now() - timedelta(days=3650)

    def is_due(**fields: Any) -> bool:
        state = {
            "last_calculation": long_ago,
            "errors_calculating": 0,
            "last_error_at": None,
            "is_calculating": False,
        }
        cohorts.update(**{**state, **fields})
        request_due()
        return cohorts.get().is_calculating and not fields.get("is_calculating")

    def ago(**span: int) -> Any:
        return timezone.now() - timedelta(**span)

    assert is_due()
    assert is_due(last_calculation=ago(minutes=16))
    assert not is_due(last_calculation=ago(minutes=14))
    assert not is_due(errors_calculating=1, last_error_at=ago(minutes=59))
    assert is_due(errors_calculating=1, last_error_at=ago(minutes=61))
    assert not is_due(errors_calculating=4, last_error_at=ago(hours=7))
    assert is_due(errors_calculating=4, last_error_at=ago(hours=9))
    assert is_due(errors_calculating=20, last_error_at=long_ago - timedelta(days=365 * 60))
    assert not is_due(errors_calculating=21, last_error_at=long_ago - timedelta(days=365 * 190))
    assert not is_due(deleted=True)
    assert not is_due(deleted=False, is_static=True)
    cohorts.update(deleted=False, is_static=False, is_calculating=False)


def test_members_of_a_dynamic_cohort_follow_persons_at_once(project: ProjectClient, paying: int) -> None:
    make_listed(project, "cyd", plan="free")
    calculated(project, paying)

    project.post(f"{project.persons_url}{uuid(project, 'cyd')}/merge/", {"distinct_id": "ada"})
    assert members(project, paying) == (1, {uuid(project, "cyd")})
    project.delete(f"{project.persons_url}{uuid(project, 'cyd')}/")
    assert members(project, paying) == (0, set())
