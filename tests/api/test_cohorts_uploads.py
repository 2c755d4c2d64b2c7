"""Files of persons for static cohorts that are too large to wait for, and what is told of any."""

from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from core.models import Cohort, CohortUploadPart
from core.services.cohorts import fill
from core.services.cohorts.purge import purge_deleted
from core.services.cohorts.read_csv import NamedPersons, Naming
from core.services.cohorts.request_calculation import INTERRUPTED
from core.services.cohorts.wake import wake_calculation
from core.services.transaction import change_persons
from tests.clients import ProjectClient
from tests.cohorts.cohort_client import calculated, get, make, patch, person, persons, upload, url
from tests.persons import make_listed, refusal

MANY = fill.MOST_AT_ONCE + 2_500
_PERSONS = """
WITH made AS (
    INSERT INTO core_person (project_id, uuid, properties, is_identified, version, created_at)
    SELECT %(project_id)s, gen_random_uuid(), '{}', false, 0, now() FROM generate_series(1, %(count)s)
    RETURNING id
)
INSERT INTO core_persondistinctid (project_id, person_id, distinct_id, version)
SELECT %(project_id)s, id, 'visitor ' || row_number() OVER (), 0 FROM made
"""


@pytest.fixture
def visitors(project: ProjectClient) -> ProjectClient:
    """``visitor 1`` to ``visitor MANY`` are persons."""
    with connection.cursor() as cursor:
        cursor.execute(_PERSONS, {"project_id": project.id, "count": MANY})
        # As autovacuum does before long.
        cursor.execute("ANALYZE core_person, core_persondistinctid")
    return project


def report(project: ProjectClient, cohort: int, **params: Any) -> dict[str, Any]:
    told: dict[str, Any] = project.get(url(project, cohort, "upload"), **params).json()
    return told


def parts(project: ProjectClient) -> Any:
    return CohortUploadPart.objects.for_project(project.id)


def test_a_large_file_is_read_after_the_answer(visitors: ProjectClient) -> None:
    content = "\n".join(f"visitor {number}" for number in range(-5, MANY + 1)).encode()

    answer = upload(visitors, content)

    cohort = answer.json()
    waiting = {"naming": "distinct_id", "rows": MANY + 6, "done": 0, "matched": 0}
    assert (answer.status_code, cohort["is_calculating"], cohort["upload"]) == (201, True, waiting)
    told = calculated(visitors, cohort["id"])
    done = {"naming": "distinct_id", "rows": MANY + 6, "done": MANY + 6, "matched": MANY}
    assert (told["count"], told["errors_calculating"], told["upload"]) == (MANY, 0, done)
    assert told["last_calculation"] is not None
    results = [
        {"row": row, "value": f"visitor {row - 6}", "reason": "no person has this distinct id"}
        for row in range(1, 7)
    ]
    paging = {"count": 6, "next": None, "previous": None}
    assert report(visitors, cohort["id"]) == {**done, **paging, "results": results}


def test_the_report_of_a_small_file_is_kept_too_and_paged(project: ProjectClient) -> None:
    make_listed(project, "ada")
    cohort = upload(project, b"ada\nbob\n\ncyd\ndan\n").json()

    page = report(project, cohort["id"], limit=1, offset=1)

    path = project.http.base_url.join(url(project, cohort["id"], "upload"))
    assert page == {
        "naming": "distinct_id",
        "rows": 4,
        "done": 4,
        "matched": 1,
        "count": 3,
        "next": f"{path}?limit=1&offset=2",
        "previous": f"{path}?limit=1&offset=0",
        "results": [{"row": 4, "value": "cyd", "reason": "no person has this distinct id"}],
    }
    assert report(project, cohort["id"])["results"] == cohort["upload"]["unmatched"]


@pytest.mark.usefixtures("one_row_a_part")
def test_pages_of_a_report_go_over_its_parts(project: ProjectClient) -> None:
    make_listed(project, "ada")
    cohort = make(project, is_static=True)["id"]
    for part in stored(project, cohort, "a", "ada", "b", "c", "ada", "d", "e")[:-1]:
        change_persons(project.id, partial(fill._fill, part_id=part))

    def page(limit: int, offset: int) -> list[int]:
        told = report(project, cohort, limit=limit, offset=offset)
        assert (told["done"], told["count"]) == (6, 4)
        return [row["row"] for row in told["results"]]

    assert [page(2, offset) for offset in range(5)] == [[1, 3], [3, 4], [4, 6], [6], []]
    assert page(100, 0) == [1, 3, 4, 6]


def test_there_is_no_report_without_a_file(project: ProjectClient) -> None:
    cohort = make(project, is_static=True)["id"]

    assert refusal(project.get(url(project, cohort, "upload")))[:3] == (404, "invalid_request", "not_found")


def test_another_file_takes_the_place_of_the_report(project: ProjectClient) -> None:
    cohort = upload(project, b"nobody\n").json()["id"]

    upload(project, b"noone\nneither\n", cohort)

    assert [row["value"] for row in report(project, cohort)["results"]] == ["noone", "neither"]
    assert get(project, cohort)["upload"]["rows"] == 2


def stored(project: ProjectClient, cohort: int, *names: str) -> list[int]:
    """The parts of a file that a web process has stored, of one row each; it has a minute for them."""
    named = NamedPersons(Naming.DISTINCT_ID, list(names), list(range(1, len(names) + 1)))
    store = partial(fill._store, project_id=project.id, cohort_id=cohort, persons=named, is_small=True)
    return change_persons(project.id, store)


@pytest.fixture
def one_row_a_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fill, "BATCH", 1)


@pytest.mark.usefixtures("one_row_a_part")
def test_a_worker_goes_on_where_a_process_died(project: ProjectClient) -> None:
    for name in ("ada", "bob"):
        make_listed(project, name)
    cohort = make(project, is_static=True)["id"]
    first, *_ = stored(project, cohort, "ada", "nobody", "bob")
    change_persons(project.id, partial(fill._fill, part_id=first))
    told = get(project, cohort)
    assert (told["is_calculating"], told["count"], told["upload"]["done"]) == (True, 1, 1)

    # A minute later.
    parts(project).filter(due_at__isnull=False).update(due_at=timezone.now())
    wake_calculation()

    told = calculated(project, cohort)
    done = {"naming": "distinct_id", "rows": 3, "done": 3, "matched": 2}
    assert (told["count"], told["upload"], told["errors_calculating"]) == (2, done, 0)
    assert [row["row"] for row in report(project, cohort)["results"]] == [2]
    assert persons(project, cohort) == ["ada", "bob"]


@pytest.mark.usefixtures("one_row_a_part")
def test_a_part_is_done_once(project: ProjectClient) -> None:
    make_listed(project, "ada")
    cohort = make(project, is_static=True)["id"]
    (part,) = stored(project, cohort, "ada")

    assert change_persons(project.id, partial(fill._fill, part_id=part)) == []
    assert change_persons(project.id, partial(fill._fill, part_id=part)) is None
    assert get(project, cohort)["count"] == 1


@pytest.mark.usefixtures("one_row_a_part")
def test_what_cannot_be_read_is_given_up(project: ProjectClient) -> None:
    make_listed(project, "ada")
    cohort = make(project, is_static=True)["id"]
    first, _ = stored(project, cohort, "ada", "bob")
    change_persons(project.id, partial(fill._fill, part_id=first))

    parts(project).filter(due_at__isnull=False).update(due_at=timezone.now(), attempts=5)
    wake_calculation()

    told = calculated(project, cohort)
    assert (told["count"], told["errors_calculating"], told["last_error_message"]) == (1, 1, INTERRUPTED)


@pytest.mark.usefixtures("one_row_a_part")
def test_a_deleted_cohort_waits_until_it_is_restored(project: ProjectClient) -> None:
    make_listed(project, "ada")
    cohort = make(project, is_static=True)["id"]
    stored(project, cohort, "ada")
    patch(project, url(project, cohort), {"deleted": True})
    parts(project).update(due_at=timezone.now())

    fill.fill_waiting()
    assert get(project, cohort)["count"] == 0

    patch(project, url(project, cohort), {"deleted": False})
    fill.fill_waiting()
    assert calculated(project, cohort)["count"] == 1


@pytest.mark.usefixtures("one_row_a_part")
def test_a_cohort_that_turns_dynamic_gets_no_more_of_a_file(project: ProjectClient) -> None:
    make_listed(project, "ada")
    cohort = make(project, is_static=True)["id"]
    stored(project, cohort, "ada")
    criteria = {"properties": {"type": "AND", "values": [person("plan", "paid")]}}

    patch(project, url(project, cohort), {"is_static": False, "filters": criteria})

    assert calculated(project, cohort)["count"] == 0
    assert not parts(project).exists()


def test_files_are_forgotten_after_a_day(project: ProjectClient) -> None:
    cohort = upload(project, b"somebody@example.org\n").json()["id"]
    purge_deleted()
    assert report(project, cohort)["count"] == 1

    parts(project).update(created_at=timezone.now() - timedelta(hours=25))
    purge_deleted()

    assert project.get(url(project, cohort, "upload")).status_code == 404
    assert get(project, cohort)["upload"]["rows"] == 1


def test_a_file_that_is_not_there_is_not_waited_for(project: ProjectClient) -> None:
    cohort = make(project, is_static=True)["id"]
    cohorts = Cohort.objects.for_project(project.id).filter(pk=cohort)
    cohorts.update(filling_since=timezone.now() - timedelta(minutes=50))
    purge_deleted()
    assert get(project, cohort)["is_calculating"] is True

    cohorts.update(filling_since=timezone.now() - timedelta(minutes=70))
    purge_deleted()

    assert get(project, cohort)["is_calculating"] is False
