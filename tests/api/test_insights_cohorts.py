"""Cohorts in questions about events, over HTTP: filters, breakdowns with their names, and links to persons."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from core.models import Cohort
from tests.clients import ProjectClient, event, settle
from tests.persons import join, listed

STEPS = [{"id": "look"}, {"id": "buy", "order": 1}]


@pytest.fixture
def shop(project: ProjectClient) -> ProjectClient:
    """Ada, Bob and Cyd look, Ada and Cyd buy."""
    project.capture(
        *(event("look", name, timestamp="2026-01-10T12:00:00Z") for name in ("ada", "bob", "cyd")),
        *(event("buy", name, timestamp="2026-01-10T13:00:00Z") for name in ("ada", "cyd")),
    )
    settle()
    return project


def cohort_of(project: ProjectClient, name: str, *members: str) -> Cohort:
    cohort = join(project, name, *(listed(project, member) for member in members))
    settle()
    return cohort


def ask(project: ProjectClient, route: str, **given: Any) -> httpx.Response:
    body = {"events": STEPS, "date_from": "2026-01-10", "date_to": "2026-01-10", **given}
    return project.post(f"/api/projects/{project.id}/insights/{route}/", body)


def result(project: ProjectClient, route: str, **given: Any) -> list[Any]:
    response = ask(project, route, **given)
    assert response.status_code == 200, response.text
    found: list[Any] = response.json()["result"]
    return found


def behind(project: ProjectClient, url: str) -> set[str]:
    """The distinct ids of the persons that a link leads to."""
    parts = urlsplit(url)
    response = project.get(f"/{parts.path.lstrip('/')}", **dict(parse_qsl(parts.query)))
    assert response.status_code == 200, response.text
    (page,) = response.json()["results"]
    return {person["distinct_ids"][0] for person in page["people"]}


def test_a_funnel_by_cohorts(shop: ProjectClient) -> None:
    some, none = cohort_of(shop, "some", "ada", "bob"), cohort_of(shop, "none")
    given = {"breakdown": [some.pk, "all", none.pk], "breakdown_type": "cohort"}

    found = result(shop, "funnel", **given)

    assert [
        (steps[0]["breakdown"], steps[0]["breakdown_value"], [step["count"] for step in steps])
        for steps in found
    ] == [("some", some.pk, [2, 1]), ("all users", "all", [3, 2]), ("none", none.pk, [0, 0])]
    assert [behind(shop, steps[1]["converted_people_url"]) for steps in found] == [
        {"ada"},
        {"ada", "cyd"},
        set(),
    ]
    assert [behind(shop, steps[1]["dropped_people_url"]) for steps in found] == [{"bob"}, {"bob"}, set()]


def test_a_funnel_trend_by_cohorts(shop: ProjectClient) -> None:
    some = cohort_of(shop, "some", "ada", "bob")
    given = {"breakdown": json.dumps([some.pk, "all"]), "breakdown_type": "cohort"}

    found = result(shop, "funnel", funnel_viz_type="trends", **given)

    assert [(one["breakdown_value"], one["data"]) for one in found] == [(some.pk, [50.0]), ("all", [66.67])]


def test_times_to_convert_are_those_of_everybody(shop: ProjectClient) -> None:
    some = cohort_of(shop, "some", "bob")
    given = {"breakdown": some.pk, "breakdown_type": "cohort"}

    response = ask(shop, "funnel", funnel_viz_type="time_to_convert", **given)

    assert response.json()["result"]["average_conversion_time"] == 3600


@pytest.mark.parametrize("math", ["total", "dau"])
def test_a_trend_by_cohorts(shop: ProjectClient, math: str) -> None:
    some, none = cohort_of(shop, "some", "ada", "bob"), cohort_of(shop, "none")
    given = {"breakdown": [some.pk, "all", none.pk], "breakdown_type": "cohort"}

    found = result(shop, "trend", events=[{"id": "look", "math": math}], **given)

    assert [(one["label"], one["breakdown_value"], one["data"]) for one in found] == [
        ("look - some", some.pk, [2]),
        ("look - all users", "all", [3]),
        ("look - none", none.pk, [0]),
    ]
    assert [behind(shop, one["persons_urls"][0]["url"]) for one in found] == [
        {"ada", "bob"},
        {"ada", "bob", "cyd"},
        set(),
    ]


def test_one_cohort_in_the_older_spelling(shop: ProjectClient) -> None:
    some = cohort_of(shop, "some", "ada", "bob")
    breakdowns = [{"property": some.pk, "type": "cohort"}]

    (found,) = result(shop, "trend", events=[{"id": "buy"}], breakdowns=breakdowns)

    assert (found["label"], found["data"]) == ("buy - some", [1])


def people(project: ProjectClient, **given: Any) -> set[str]:
    body = {"events": STEPS, "date_from": "2026-01-10", "date_to": "2026-01-10", "funnel_step": 1, **given}
    response = project.post(f"{project.persons_url}funnel/", body)
    assert response.status_code == 200, response.text
    return {person["distinct_ids"][0] for person in response.json()["results"][0]["people"]}


def item(cohort_id: int, **fields: Any) -> dict[str, Any]:
    return {"type": "cohort", "key": "id", "value": cohort_id, **fields}


def test_persons_of_a_breakdown_by_cohorts(shop: ProjectClient) -> None:
    ada, bob = cohort_of(shop, "first", "ada"), cohort_of(shop, "second", "bob")
    given = {"breakdown_type": "cohort", "breakdown": [ada.pk, bob.pk]}

    assert people(shop, **given) == {"ada", "bob"}
    assert people(shop, **given, funnel_step_breakdown=bob.pk) == {"bob"}
    assert people(shop, **{**given, "breakdown": [ada.pk, "all"]}) == {"ada", "bob", "cyd"}


def test_filters_of_every_route(shop: ProjectClient) -> None:
    some = cohort_of(shop, "some", "ada", "bob")
    wanted, others = [item(some.pk)], [item(some.pk, operator="not_in")]

    def first(route: str, **given: Any) -> set[str]:
        asked = {
            "events": json.dumps([{"id": "look"}]), "properties": json.dumps(wanted), "entity_type": "events",
            "entity_id": "look", "date_from": "2026-01-10", "date_to": "2026-01-10", **given,
        }  # fmt: skip
        response = shop.get(f"{shop.persons_url}{route}/", **asked)
        assert response.status_code == 200, response.text
        return {person["distinct_ids"][0] for person in response.json()["results"][0]["people"]}

    assert (people(shop, properties=wanted), people(shop, properties=others)) == ({"ada", "bob"}, {"cyd"})
    assert first("trends") == {"ada", "bob"}
    assert first("trends", properties=json.dumps(others)) == {"cyd"}
    assert first("stickiness", stickiness_days=1) == {"ada", "bob"}
    new = first("lifecycle", lifecycle_type="resurrecting", target_date="2026-01-10")
    assert new | first("lifecycle", lifecycle_type="new", target_date="2026-01-10") == {"ada", "bob"}
    (trend,) = result(shop, "trend", events=[{"id": "buy"}], properties=wanted)
    assert trend["data"] == [1]


def test_a_project_may_keep_a_cohort_out_with_its_test_accounts(shop: ProjectClient) -> None:
    staff = cohort_of(shop, "staff", "ada")
    filters = [item(staff.pk, operator="not_in")]
    response = shop.http.patch(
        f"/api/projects/{shop.id}/",
        json={"test_account_filters": filters},
        headers={"Authorization": f"Bearer {shop.key}"},
    )
    assert response.status_code == 200, response.text

    assert people(shop, filter_test_accounts=True) == {"bob", "cyd"}


def _deleted(project: ProjectClient, _: ProjectClient) -> int:
    cohort = cohort_of(project, "gone", "ada")
    Cohort.objects.for_project(project.id).filter(pk=cohort.pk).update(deleted=True)
    return int(cohort.pk)


def _foreign(project: ProjectClient, other: ProjectClient) -> int:
    other.capture(event("look", "ada"))
    return int(cohort_of(other, "theirs", "ada").pk)


@pytest.mark.parametrize(
    "of", [_deleted, _foreign, lambda project, other: 99999999], ids=["deleted", "foreign", "unknown"]
)
def test_a_cohort_that_is_not_there(
    shop: ProjectClient, other_project: ProjectClient, of: Callable[[ProjectClient, ProjectClient], int]
) -> None:
    cohort_id = of(shop, other_project)

    assert people(shop, properties=[item(cohort_id)]) == set()
    assert people(shop, properties=[item(cohort_id, negation=True)]) == {"ada", "bob", "cyd"}
    for route in ("funnel", "trend"):
        response = ask(shop, route, breakdown=[cohort_id], breakdown_type="cohort")
        assert (response.status_code, response.json()["attr"]) == (400, "breakdown"), response.text


@pytest.mark.parametrize(
    "breakdown", [["x"], [1.5], [None], {"id": 1}, [True], list(range(1, 30)), "[1", ["ALL"]]
)
def test_what_is_no_list_of_cohorts_is_refused(project: ProjectClient, breakdown: Any) -> None:
    for route in ("funnel", "trend"):
        response = ask(project, route, breakdown=breakdown, breakdown_type="cohort")
        assert (response.status_code, response.json()["attr"]) == (400, "breakdown"), response.text


def test_what_members_do_follows_merges_and_removals(shop: ProjectClient) -> None:
    some = cohort_of(shop, "some", "bob")
    shop.capture(event("$merge_dangerously", "cyd", properties={"alias": "bob"}))
    settle()
    assert people(shop, properties=[item(some.pk)]) == {listed(shop, "cyd")["distinct_ids"][0]}

    shop.delete(f"{shop.persons_url}{listed(shop, 'cyd')['uuid']}/")
    settle()
    assert people(shop, properties=[item(some.pk)]) == set()
    assert people(shop, properties=[item(some.pk, operator="not_in")]) == {"ada"}
