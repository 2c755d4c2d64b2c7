"""Files for static cohorts that name somebody who is erased: only the line stays of such a row."""

from functools import partial
from typing import Any

from core.models import CohortUploadPart
from core.services.cohorts import fill
from core.services.cohorts.forget_named import ERASED
from core.services.cohorts.read_csv import NamedPersons, Naming
from core.services.transaction import change_persons
from tests.clients import ProjectClient
from tests.cohorts.cohort_client import get, make, upload, url
from tests.erasure import completed
from tests.persons import listed, make_listed

NO_ID = "no person has this distinct id"


def rows(project: ProjectClient, cohort: int) -> list[tuple[int, str, str]]:
    told = project.get(url(project, cohort, "upload")).json()
    assert told["count"] == len(told["results"]) == told["rows"] - told["matched"]
    return [(row["row"], row["value"], row["reason"]) for row in told["results"]]


def erase(project: ProjectClient, uuid: str) -> dict[str, Any]:
    project.delete(f"{project.persons_url}{uuid}/", delete_events=True)
    return completed(project, uuid)


def left(project: ProjectClient, receipt: dict[str, Any]) -> int:
    """What a count finds now."""
    path = f"{project.persons_url}deletion_status/{receipt['id']}/verify/"
    count: int = project.post(path).json()["counts"]["postgres_traces"]
    return count


def test_who_came_after_the_file_is_erased_from_its_report(project: ProjectClient) -> None:
    uuid = make_listed(project, "late")["uuid"]
    project.delete(f"{project.persons_url}{uuid}/")
    by_id = upload(project, b"nobody\nlate\n").json()["id"]
    by_uuid = upload(project, f"person_id\n{uuid.upper()}\n".encode()).json()["id"]
    assert rows(project, by_uuid) == [(2, uuid.upper(), "no person has this uuid")]
    assert make_listed(project, "late")["uuid"] == uuid

    receipt = erase(project, uuid)

    assert receipt["counts_after"]["postgres_traces"] == 0
    assert rows(project, by_id) == [(1, "nobody", NO_ID), (2, "", ERASED)]
    assert rows(project, by_uuid) == [(2, "", ERASED)]
    assert left(project, receipt) == 0


def test_an_address_written_another_way_goes_with_its_person(project: ProjectClient) -> None:
    """With the answer, for nothing knows the address afterwards."""
    ada = make_listed(project, "ada", email="ada@example.org")
    make_listed(project, "bob")
    address = upload(project, b"email\nAda@example.org\nadam@example.org\n").json()["id"]
    # A file of distinct ids may have it, too.
    distinct_id = upload(project, b"ada@example.org\n").json()["id"]

    project.delete(f"{project.persons_url}{listed(project, 'bob')['uuid']}/")
    assert rows(project, distinct_id) == [(1, "ada@example.org", NO_ID)]
    project.delete(f"{project.persons_url}{ada['uuid']}/")

    other = (3, "adam@example.org", "no person has this e-mail address")
    assert rows(project, address) == [(2, "", ERASED), other]
    assert rows(project, distinct_id) == [(1, "", ERASED)]


def test_a_row_that_waits_names_nobody_any_more(project: ProjectClient) -> None:
    make_listed(project, "bob")
    ada = make_listed(project, "ada", email="ada@example.org")["uuid"]
    cohort = make(project, is_static=True)["id"]
    named = NamedPersons(Naming.DISTINCT_ID, ["nobody", "ada", "bob", "ada@example.org"], [1, 2, 3, 4])
    (part,) = change_persons(
        project.id,
        partial(fill._store, project_id=project.id, cohort_id=cohort, persons=named, is_small=True),
    )

    receipt = erase(project, ada)
    (waiting,) = CohortUploadPart.objects.for_project(project.id)
    assert waiting.named == ["nobody", None, "bob", None]
    change_persons(project.id, partial(fill._fill, part_id=part))

    assert rows(project, cohort) == [(1, "nobody", NO_ID), (2, "", ERASED), (4, "", ERASED)]
    assert (get(project, cohort)["count"], left(project, receipt)) == (1, 0)


def test_a_later_file_is_about_somebody_else(project: ProjectClient) -> None:
    receipt = erase(project, make_listed(project, "ada")["uuid"])

    cohort = upload(project, b"ada\n").json()["id"]

    erase(project, make_listed(project, "bob")["uuid"])
    assert rows(project, cohort) == [(1, "ada", NO_ID)]
    assert left(project, receipt) == 0


def test_a_count_finds_what_is_left(project: ProjectClient) -> None:
    cohort = upload(project, b"late\n").json()["id"]
    receipt = erase(project, make_listed(project, "late")["uuid"])
    assert left(project, receipt) == 0

    told = [{"row": 1, "value": "late", "reason": NO_ID}]
    CohortUploadPart.objects.for_project(project.id).filter(cohort_id=cohort).update(unmatched=told)

    assert left(project, receipt) == 1
