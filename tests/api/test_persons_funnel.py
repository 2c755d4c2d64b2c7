"""``GET|POST /api/projects/{project_id}/persons/funnel/`` as clients see it."""

import json
import time
from typing import Any

import httpx
import pytest

from core.models import Person, PersonDistinctId
from tests.clients import ProjectClient, bearer, event, settle

STEPS = ["looked", "signed up", "ordered"]
SERIES = [{"id": name, "type": "events", "order": order} for order, name in enumerate(STEPS)]


def did(project: ProjectClient, distinct_id: str, *names: str, **properties: Any) -> None:
    """One event of each name, an hour apart, the last one an hour ago."""
    project.capture(
        *(
            event(name, distinct_id, timestamp=ago(len(names) - n), properties=properties)
            for n, name in enumerate(names)
        )
    )


def ago(hours: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 3600 * hours))


def get(project: ProjectClient, key: str | None = None, **params: Any) -> httpx.Response:
    query = {"events": json.dumps(SERIES), "funnel_step": 1, **params}
    return project.get(f"{project.persons_url}funnel/", key=key, **query)


def post(project: ProjectClient, url: str = "", **body: Any) -> httpx.Response:
    return project.http.post(
        url or f"{project.persons_url}funnel/",
        json={"events": SERIES, "funnel_step": 1, **body},
        headers=bearer(project.key),
    )


def names(response: httpx.Response) -> set[str]:
    assert response.status_code == 200, response.text
    (result,) = response.json()["results"]
    assert result["count"] == len(result["people"])
    return {person["name"] for person in result["people"]}


@pytest.fixture
def funnel(project: ProjectClient) -> ProjectClient:
    did(project, "ada", *STEPS, plan="team")
    did(project, "bob", *STEPS[:2], plan="free")
    did(project, "cleo", STEPS[0])
    did(project, "dan", "something else")
    settle()
    return project


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (1, {"ada", "bob", "cleo"}),
        (0, {"ada", "bob", "cleo"}),
        (2, {"ada", "bob"}),
        (3, {"ada"}),
        (4, set()),
        (-2, {"cleo"}),
        (-3, {"bob"}),
        (-4, {"ada"}),
    ],
)
def test_steps_reached_and_dropped(funnel: ProjectClient, step: int, expected: set[str]) -> None:
    assert names(get(funnel, funnel_step=step)) == expected
    assert names(post(funnel, funnel_step=step)) == expected
    assert names(post(funnel, events=json.dumps(SERIES), funnel_step=str(step))) == expected


def test_custom_steps_beat_the_step(funnel: ProjectClient) -> None:
    assert names(get(funnel, funnel_step=3, funnel_custom_steps="[1, 3]")) == {"ada", "cleo"}


def test_the_answer_has_every_key_of_the_contract(funnel: ProjectClient) -> None:
    response = get(funnel, funnel_step=3)

    body = response.json()
    row = funnel.person("ada")
    assert body.keys() == {"results", "next", "initial", "missing_persons", "is_cached", "last_refresh"}
    assert body["results"] == [{"people": [row], "count": 1}]
    assert (body["next"], body["missing_persons"], body["is_cached"]) == (None, 0, False)
    assert body["initial"] == str(response.url)


def test_the_window_is_inclusive_and_counts_from_the_first_step(project: ProjectClient) -> None:
    project.capture(
        event("looked", "ada", timestamp="2026-01-01T00:00:00Z"),
        event("signed up", "ada", timestamp="2026-01-01T00:30:00Z"),
        event("ordered", "ada", timestamp="2026-01-01T01:00:00Z"),
    )
    settle()
    dates: dict[str, Any] = {"date_from": "2026-01-01", "date_to": "2026-01-02", "funnel_step": 3}

    assert names(get(project, **dates, funnel_window_interval=60, funnel_window_interval_unit="minute")) == {
        "ada"
    }
    assert (
        names(get(project, **dates, funnel_window_interval=3599, funnel_window_interval_unit="second"))
        == set()
    )


def test_filters_by_event_and_by_person(funnel: ProjectClient) -> None:
    funnel.capture(event("$set", "bob", properties={"$set": {"vip": True}}))
    settle()
    of_event = [{"key": "plan", "value": "team", "type": "event"}]
    of_person = {"type": "AND", "values": [{"key": "vip", "value": "true", "type": "person"}]}

    assert names(get(funnel, properties=json.dumps(of_event))) == {"ada"}
    assert names(post(funnel, properties=of_event)) == {"ada"}
    assert names(post(funnel, properties=of_person)) == {"bob"}
    assert names(get(funnel, events=json.dumps([{**SERIES[0], "properties": of_event}, SERIES[1]]))) == {
        "ada"
    }


def test_pages_are_full_disjoint_and_end_exactly(project: ProjectClient) -> None:
    visitors = {f"visitor-{n}" for n in range(6)}
    for visitor in visitors:
        did(project, visitor, *STEPS)
    settle()
    for spelling in ("projects", "environments"):
        first = post(project, f"/api/{spelling}/{project.id}/persons/funnel/?limit=3")
        second = post(project, first.json()["next"])

        assert f"/api/{spelling}/" in first.json()["next"]
        assert (len(names(first)), len(names(second))) == (3, 3)
        assert names(first) | names(second) == visitors
        assert second.json()["next"] is None


def test_a_merge_makes_one_actor_of_two(project: ProjectClient) -> None:
    project.capture(event("looked", "anon", timestamp=ago(3)), event("signed up", "user", timestamp=ago(2)))
    settle()
    assert names(get(project, funnel_step=2)) == set()

    project.capture(event("$identify", "user", properties={"$anon_distinct_id": "anon"}))
    settle()

    merged = project.person("user")
    assert merged is not None
    assert names(get(project, funnel_step=2)) == {merged["name"]}


def test_events_without_a_profile_count_once_there_is_one(project: ProjectClient) -> None:
    project.capture(event("looked", "anon", timestamp=ago(3), properties={"$process_person_profile": False}))
    settle()
    assert names(get(project)) == set()

    project.capture(event("$identify", "user", properties={"$anon_distinct_id": "anon"}))
    settle()

    assert names(get(project)) == {"user"}


def test_who_is_gone_from_postgres_is_not_shown_and_the_page_is_full_without(project: ProjectClient) -> None:
    for visitor in ("a", "b", "c", "d"):
        did(project, visitor, *STEPS)
    settle()
    gone = names(get(project, limit=2))
    PersonDistinctId.objects.for_project(project.id).filter(distinct_id__in=gone).delete()
    Person.objects.for_project(project.id).exclude(
        id__in=PersonDistinctId.objects.for_project(project.id).values("person_id")
    ).delete()

    response = get(project, limit=2)

    assert names(response) == {"a", "b", "c", "d"} - gone
    assert response.json()["next"] is None


def test_events_before_1970_are_found(project: ProjectClient) -> None:
    project.capture(
        *(event(name, "ada", timestamp=f"1969-07-20T20:1{n}:00Z") for n, name in enumerate(STEPS))
    )
    settle()

    assert names(get(project, date_from="1969-07-01", date_to="1969-08-01", funnel_step=3)) == {"ada"}


def test_projects_do_not_mix(funnel: ProjectClient, other_project: ProjectClient) -> None:
    did(other_project, "ada", *STEPS)
    did(other_project, "eve", *STEPS)
    settle()
    either = {
        "type": "OR",
        "values": [{"key": "plan", "value": x, "type": "event"} for x in ("team", "none")],
    }

    assert names(get(other_project)) == {"ada", "eve"}
    assert names(post(funnel, properties=either)) == {"ada"}
    assert get(funnel, key=other_project.key).status_code == 403


def test_a_key_needs_person_read(funnel: ProjectClient) -> None:
    refused = get(funnel, key=funnel.new_key("cohort:read"))

    assert (refused.status_code, refused.json()["detail"]) == (
        403, "API key missing required scope 'person:read'",
    )  # fmt: skip
    assert get(funnel, key=funnel.new_key("person:write")).status_code == 200


@pytest.mark.parametrize(
    ("params", "attr"),
    [
        ({"funnel_step": ""}, "funnel_step"),
        ({"funnel_step": "-1"}, "funnel_step"),
        ({"funnel_step": "x"}, "funnel_step"),
        ({"events": "["}, "events"),
        ({"properties": "nope"}, "properties"),
        ({"properties": '[{"key": "a", "operator": "regex", "value": "("}]'}, "properties[0]"),
        ({"properties": '[{"key": "a", "operator": "near", "value": "x"}]'}, "properties[0]"),
        ({"limit": "x"}, "limit"),
        ({"limit": "1001"}, "limit"),
        ({"offset": "-1"}, "offset"),
        ({"interval": "fortnight"}, "interval"),
        ({"date_from": "sometime"}, "date_from"),
        ({"funnel_window_interval_unit": "moon"}, "funnel_window_interval_unit"),
        ({"funnel_order_type": "random"}, "funnel_order_type"),
        ({"exclusions": '[{"id": "x", "funnel_from_step": 0, "funnel_to_step": 3}]'}, "exclusions[0]"),
        ({"funnel_viz_type": "trends"}, "drop_off"),
        ({"actions": '[{"id": 1}]'}, "actions"),
        ({"breakdown": "plan", "breakdown_type": "mood"}, "breakdown_type"),
        ({"aggregation_group_type_index": "5"}, "aggregation_group_type_index"),
        ({"aggregation_group_type_index": "-1"}, "aggregation_group_type_index"),
        ({"aggregation_group_type_index": "company"}, "aggregation_group_type_index"),
    ],
)
def test_what_cannot_be_answered_is_refused_by_name(
    project: ProjectClient, params: dict[str, str], attr: str
) -> None:
    response = get(project, **params)

    assert (response.status_code, response.json()["attr"]) == (400, attr), response.text


def test_a_broken_body_is_400_and_a_form_415(project: ProjectClient) -> None:
    url = f"{project.persons_url}funnel/"
    headers = bearer(project.key)

    broken = project.http.post(url, content=b"{", headers={**headers, "Content-Type": "application/json"})
    form = project.http.post(url, data={"a": "b"}, headers=headers)

    assert (broken.status_code, broken.json()["code"]) == (400, "parse_error")
    assert (form.status_code, form.json()["code"]) == (415, "unsupported_media_type")


def test_an_event_sent_again_counts_once(project: ProjectClient) -> None:
    """An SDK repeats a request whose answer got lost, uuids and all, perhaps when the first is long delivered."""
    look = event("looked", "ada", timestamp=ago(2))
    twice = json.dumps([{"id": "looked", "order": 0}, {"id": "looked", "order": 1}])
    for _ in range(3):
        project.capture(look)
        settle()

    assert names(get(project, events=twice, funnel_step=1)) == {"ada"}
    assert names(get(project, events=twice, funnel_step=2)) == set()

    project.capture(event("looked", "ada", timestamp=ago(1)))
    settle()

    assert names(get(project, events=twice, funnel_step=2)) == {"ada"}


def test_order_types(project: ProjectClient) -> None:
    project.capture(
        event("looked", "ada", timestamp=ago(3)),
        event("something else", "ada", timestamp=ago(2)),
        event("signed up", "ada", timestamp=ago(1)),
        event("signed up", "bob", timestamp=ago(2)),
        event("looked", "bob", timestamp=ago(1)),
    )
    settle()
    two = json.dumps(SERIES[:2])

    assert names(get(project, events=two, funnel_step=2)) == {"ada"}
    assert names(get(project, events=two, funnel_step=2, funnel_order_type="strict")) == set()
    assert names(get(project, events=two, funnel_step=-2, funnel_order_type="Strict")) == {"ada", "bob"}
    assert names(get(project, events=two, funnel_step=2, funnel_order_type="unordered")) == {"ada", "bob"}


@pytest.mark.parametrize("order", ["ordered", "strict", "unordered"])
def test_twenty_steps(project: ProjectClient, order: str) -> None:
    steps = [f"step {n}" for n in range(20)]
    did(project, "ada", *steps)
    did(project, "bob", *steps[:19])
    settle()
    given: dict[str, Any] = {
        "events": [{"id": name, "order": n} for n, name in enumerate(steps)],
        "funnel_order_type": order,
        "date_from": "-3d",
    }

    assert names(post(project, **given, funnel_step=20)) == {"ada"}
    assert names(post(project, **given, funnel_step=-20)) == {"bob"}


def test_an_exclusion_voids_an_attempt(funnel: ProjectClient) -> None:
    funnel.capture(event("complained", "ada", timestamp=ago(1.5)))
    settle()
    exclusion = {"id": "complained", "funnel_from_step": 1, "funnel_to_step": 2}

    assert names(post(funnel, exclusions=[exclusion])) == {"bob", "cleo"}
    assert names(get(funnel, exclusions=json.dumps([exclusion]), funnel_step=3)) == set()


def test_a_table_has_a_row_for_each_person(funnel: ProjectClient) -> None:
    response = get(funnel, format="csv", funnel_step=2)

    header, *rows = response.text.splitlines()
    place = header.split(",").index("name")
    assert response.headers["content-type"].startswith("text/csv")
    assert {row.split(",")[place] for row in rows} == {"ada", "bob"}


def test_there_are_no_recordings(funnel: ProjectClient) -> None:
    (result,) = get(funnel, include_recordings="true").json()["results"]

    assert [person["matched_recordings"] for person in result["people"]] == [[], [], []]


def test_search(funnel: ProjectClient) -> None:
    assert names(get(funnel, search="AD")) == {"ada"}


def test_test_accounts_are_kept_out(funnel: ProjectClient) -> None:
    funnel.project.test_account_filters = [{"key": "plan", "value": "free", "operator": "is_not"}]
    funnel.project.save()

    assert names(get(funnel, filter_test_accounts="true")) == {"ada", "cleo"}
    assert names(get(funnel)) == {"ada", "bob", "cleo"}
