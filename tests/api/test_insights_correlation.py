"""``GET|POST /api/projects/{project_id}/insights/funnel/correlation/`` as clients see it, and who is behind it."""

import json
from fractions import Fraction
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.clients import ProjectClient, bearer, event, settle

SERIES = [{"id": "sign up"}, {"id": "paid", "order": 1}]
DATES = {"date_from": "2026-01-05", "date_to": "2026-01-08"}
COMPANY = 0

Events = list[dict[str, Any]]


def at(clock: str) -> str:
    return f"2026-01-05T{clock}:00Z"


def went(
    distinct_id: str, *between: str | tuple[str, dict[str, Any]], paid: bool, **properties: Any
) -> Events:
    """Signed up at 10:00, did what is in ``between`` (names, or names and properties) at 11:00, and perhaps paid at
    12:00.
    """
    inner = [(one, {}) if isinstance(one, str) else one for one in between]
    return [
        event("sign up", distinct_id, timestamp=at("10:00"), properties=properties),
        *(
            event(name, distinct_id, timestamp=at("11:00"), properties={**properties, **own})
            for name, own in inner
        ),
        *([event("paid", distinct_id, timestamp=at("12:00"), properties=properties)] if paid else []),
    ]


def many(prefix: str, count: int, *between: str | tuple[str, dict[str, Any]], paid: bool, **p: Any) -> Events:
    """So many persons who did the same."""
    return [one for n in range(count) for one in went(f"{prefix}{n}", *between, paid=paid, **p)]


def told(distinct_id: str, **properties: Any) -> dict[str, Any]:
    return event("$set", distinct_id, timestamp=at("09:00"), properties={"$set": properties})


def told_of_group(key: str, **properties: Any) -> dict[str, Any]:
    about = {"$group_type": "company", "$group_key": key, "$group_set": properties}
    return event("$groupidentify", "teller", timestamp=at("09:00"), properties=about)


def url(project: ProjectClient) -> str:
    return f"/api/projects/{project.id}/insights/funnel/correlation/"


def post(project: ProjectClient, **body: Any) -> httpx.Response:
    return project.post(url(project), {"events": SERIES, **DATES, **body})


def result(response: httpx.Response) -> Any:
    assert response.status_code == 200, response.text
    return response.json()["result"]


def behind(project: ProjectClient, link: str) -> set[str]:
    """The names of the persons or groups that a link leads to."""
    response = project.http.get(link, headers=bearer(project.key))
    assert response.status_code == 200, response.text
    (page,) = response.json()["results"]
    assert response.json()["next"] is None
    return {actor.get("name") or actor["id"] for actor in page["people"]}


def counts(project: ProjectClient, found: Any) -> dict[str, tuple[int, int]]:
    """Successes and failures by the names of rows; each number must be that of the actors behind it."""
    for row in found["events"]:
        assert len(behind(project, row["success_people_url"])) == row["success_count"]
        assert len(behind(project, row["failure_people_url"])) == row["failure_count"]
    return {row["event"]["event"]: (row["success_count"], row["failure_count"]) for row in found["events"]}


def odds(found: Any) -> dict[str, float]:
    return {row["event"]["event"]: row["odds_ratio"] for row in found["events"]}


def ratio(numerator: int, denominator: int = 1) -> Any:
    return pytest.approx(float(Fraction(numerator, denominator)))


@pytest.fixture
def funnel(project: ProjectClient) -> ProjectClient:
    """Ada and Eve paid, having looked; Bob and Cleo did not; Bob and Eve asked."""
    project.capture(
        *went("ada", ("looked", {"page": "/a"}), paid=True),
        *went("eve", ("looked", {"page": "/b"}), "asked", paid=True),
        *went("bob", "asked", paid=False),
        *went("cleo", paid=False),
        # Without a profile nobody is counted.
        *went("anon", "looked", paid=False, **{"$process_person_profile": False}),
    )
    settle()
    return project


def test_events_that_go_along_with_success_and_failure(project: ProjectClient) -> None:
    project.capture(
        *many("a", 5, "good", paid=True),
        *many("b", 5, paid=True),
        *many("c", 5, "bad", paid=False),
        *many("d", 5, paid=False),
    )
    settle()

    found = result(post(project))

    assert [row["event"]["event"] for row in found["events"]] == ["good", "bad"]
    assert [row["correlation_type"] for row in found["events"]] == ["success", "failure"]
    assert odds(found) == {"good": ratio(11), "bad": ratio(1, 11)}
    assert counts(project, found) == {"good": (5, 0), "bad": (0, 5)}
    assert found["skewed"] is False


def test_properties_of_persons(project: ProjectClient) -> None:
    project.capture(
        *many("a", 11, paid=True),
        *many("b", 11, paid=False),
        *(told(f"a{n}", browser="x") for n in range(10)),
        told("b0", browser="x"),
        told("a10", browser="y"),
        *(told(f"b{n}", browser="y") for n in range(1, 11)),
    )
    settle()

    found = result(post(project, funnel_correlation_type="properties", funnel_correlation_names=["browser"]))

    assert odds(found) == {"browser::x": ratio(121, 4), "browser::y": ratio(4, 121)}
    assert counts(project, found) == {"browser::x": (10, 1), "browser::y": (1, 10)}


def test_exactly_one_is_failure_and_one_actor_of_each_kind_is_enough(project: ProjectClient) -> None:
    project.capture(*went("a", "looked", paid=True), *went("b", paid=True), *went("c", "looked", paid=False))
    settle()

    found = result(post(project))

    assert odds(found) == {"looked": ratio(1, 2)}
    assert [row["correlation_type"] for row in found["events"]] == ["failure"]


def test_the_answer_has_every_key_of_the_contract(funnel: ProjectClient) -> None:
    answer = post(funnel).json()

    assert answer.keys() == {"result", "last_refresh", "is_cached"}
    assert answer["result"].keys() == {"events", "skewed"}
    looked, asked = answer["result"]["events"]
    assert {key: value for key, value in looked.items() if not key.endswith("_url")} == {
        "success_count": 2,
        "failure_count": 0,
        "odds_ratio": ratio(9),
        "correlation_type": "success",
        "event": {"event": "looked", "properties": {}, "elements": []},
    }
    assert looked["success_people_url"].startswith(f"/api/projects/{funnel.id}/persons/funnel/correlation/?")
    assert behind(funnel, looked["success_people_url"]) == {"ada", "eve"}
    assert behind(funnel, looked["failure_people_url"]) == set()
    assert behind(funnel, asked["success_people_url"]) == {"eve"}
    assert behind(funnel, asked["failure_people_url"]) == {"bob"}
    assert asked["odds_ratio"] == 1
    assert asked["correlation_type"] == "failure"


def test_a_query_string_asks_the_same(funnel: ProjectClient) -> None:
    response = funnel.get(url(funnel), events=json.dumps(SERIES), **DATES)

    assert counts(funnel, result(response)) == {"looked": (2, 0), "asked": (1, 1)}


def test_a_link_means_the_same_dates_whenever_it_is_followed(funnel: ProjectClient) -> None:
    row, *_ = result(post(funnel))["events"]

    query = parse_qs(urlsplit(row["success_people_url"]).query)

    assert query["explicit_date"] == ["true"]
    assert (query["date_from"], query["date_to"]) == (["2026-01-05T00:00:00Z"], ["2026-01-08T23:59:59Z"])


def test_events_are_left_out(funnel: ProjectClient) -> None:
    found = result(post(funnel, funnel_correlation_exclude_event_names=["looked"]))

    assert counts(funnel, found) == {"asked": (1, 1)}


def test_unknown_types_mean_events(funnel: ProjectClient) -> None:
    assert counts(funnel, result(post(funnel, funnel_correlation_type="moods"))) == {
        "looked": (2, 0),
        "asked": (1, 1),
    }


def test_only_the_way_from_the_first_step_to_the_last_counts(project: ProjectClient) -> None:
    """What happens at the same instant as a step is outside; so is all after the window of who did not finish."""
    project.capture(
        *went("ada", "inside", paid=True),
        event("before", "ada", timestamp=at("09:59")),
        event("with the first", "ada", timestamp=at("10:00")),
        event("with the last", "ada", timestamp=at("12:00")),
        event("after", "ada", timestamp=at("12:01")),
        *went("bob", paid=False),
        event("inside", "bob", timestamp=at("12:59")),
        event("after", "bob", timestamp=at("13:00")),
    )
    settle()

    found = result(post(project, funnel_window_interval=3, funnel_window_interval_unit="hour"))

    assert counts(project, found) == {"inside": (1, 1)}


def test_the_end_of_the_range_is_outside(project: ProjectClient) -> None:
    project.capture(
        *went("ada", "inside", paid=True),
        *went("bob", paid=False),
        event("inside", "bob", timestamp=at("12:29")),
        event("outside", "bob", timestamp=at("12:30")),
    )
    settle()

    found = result(post(project, date_to="2026-01-05T12:30:00Z", explicit_date=True))

    assert counts(project, found) == {"inside": (1, 1)}


def test_events_with_the_name_of_a_step_do_not_count(project: ProjectClient) -> None:
    project.capture(*went("ada", "looked", "tried", paid=True), *went("bob", "tried", paid=False))
    settle()
    tried = {"id": "tried", "order": 1, "properties": [{"key": "hard", "value": "yes"}]}

    assert counts(project, result(post(project))) == {"looked": (1, 0), "tried": (1, 1)}
    found = result(post(project, events=[SERIES[0], tried], funnel_order_type="unordered"))
    assert (found["events"], found["skewed"]) == ([], True)
    assert counts(project, result(post(project, events=[SERIES[0], {**tried, "id": "paid"}]))) == {}


@pytest.mark.parametrize(
    ("step", "expected"),
    [(1, {"looked": (1, 2)}), (2, {"looked": (1, 1)}), (-2, {}), (4, {})],
)
def test_the_step_says_who_entered(
    project: ProjectClient, step: int, expected: dict[str, tuple[int, int]]
) -> None:
    steps = [*SERIES, {"id": "came again", "order": 2}]
    project.capture(
        *went("ada", "looked", paid=True),
        event("came again", "ada", timestamp=at("13:00")),
        *went("bob", "looked", paid=True),
        *went("cleo", "looked", paid=False),
    )
    settle()

    assert counts(project, result(post(project, events=steps, funnel_step=step))) == expected


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("ordered", {"looked": (2, 1)}),
        ("unordered", {"looked": (2, 1)}),
        # Paying right after signing up is the only way.
        ("strict", {"looked": (0, 2)}),
    ],
)
def test_orders(project: ProjectClient, order: str, expected: dict[str, tuple[int, int]]) -> None:
    project.capture(
        *went("ada", "looked", paid=True),
        *went("bob", "looked", paid=True),
        event("sign up", "bob", timestamp=at("11:30")),
        *went("cleo", "looked", paid=False),
    )
    settle()

    found = counts(project, result(post(project, funnel_order_type=order)))

    assert found == expected


def test_an_exclusion_voids_attempts(funnel: ProjectClient) -> None:
    exclusion = {"id": "asked", "funnel_from_step": 0, "funnel_to_step": 1}

    assert counts(funnel, result(post(funnel, exclusions=[exclusion]))) == {"looked": (1, 0)}


def test_filters_say_which_events_there_are(funnel: ProjectClient) -> None:
    funnel.capture(
        *went("dan", "looked", paid=True, team="red"),
        *went("fay", "asked", paid=False, team="red"),
        event("looked", "fay", timestamp=at("11:00"), properties={"team": "blue"}),
    )
    settle()

    found = result(post(funnel, properties=[{"key": "team", "value": "red"}]))

    assert counts(funnel, found) == {"looked": (1, 0), "asked": (0, 1)}


def test_properties_of_events(project: ProjectClient) -> None:
    """Shown are those of three actors at least."""
    project.capture(
        *many("a", 3, ("looked", {"page": "a::b", "n": 1, "kept.out": "x"}), paid=True),
        *many("b", 2, ("looked", {"page": "", "n": "1"}), paid=False),
        *many("c", 1, ("looked", {"n": 2}), paid=False),
        *many("d", 4, ("asked", {"page": "/a"}), paid=False),
        event("looked", "c0", timestamp=at("11:00"), properties={"page": ""}),
    )
    settle()

    found = result(
        post(
            project,
            funnel_correlation_type="event_with_properties",
            funnel_correlation_event_names=["looked"],
            funnel_correlation_event_exclude_property_names=["kept.out"],
        )
    )

    assert counts(project, found) == {
        "looked::page::a::b": (3, 0),
        "looked::n::1": (3, 2),
        "looked::page::": (0, 3),
    }


def test_an_empty_property_of_an_event_is_not_a_missing_one(project: ProjectClient) -> None:
    project.capture(
        *many("a", 3, ("looked", {"page": ""}), paid=True),
        *many("b", 3, "looked", paid=True),
        *many("c", 2, ("looked", {"page": ""}), paid=False),
    )
    settle()

    found = result(
        post(
            project,
            funnel_correlation_type="event_with_properties",
            funnel_correlation_event_names=["looked"],
        )
    )

    assert counts(project, found) == {"looked::page::": (3, 2)}


def test_autocaptured_elements(project: ProjectClient) -> None:
    chain = 'a.big.link:href="/x"nth-child="1"nth-of-type="2"text="Go \\"on\\""'
    elements = [
        {"tag_name": "button", "$el_text": "Buy", "attr__class": "big", "nth_child": 1},
        {"tag_name": "div"},
    ]
    clicked = ("$autocapture", {"$event_type": "click", "$elements_chain": chain, "page": "/a"})
    old = ("$autocapture", {"$event_type": "submit", "$elements": elements})
    project.capture(*many("a", 3, clicked, paid=True), *many("b", 3, old, paid=False))
    settle()

    found = result(
        post(
            project,
            funnel_correlation_type="event_with_properties",
            funnel_correlation_event_names=["$autocapture"],
        )
    )

    newer, older = (row["event"] for row in found["events"])
    assert counts(project, found) == {newer["event"]: (3, 0), older["event"]: (0, 3)}
    assert newer["event"] == f"$autocapture::elements_chain::click__~~__{chain}"
    assert newer["properties"] == {"$event_type": "click"}
    assert newer["elements"] == [
        {
            "text": 'Go "on"',
            "tag_name": "a",
            "attr_class": ["big", "link"],
            "href": "/x",
            "attr_id": None,
            "nth_child": 1,
            "nth_of_type": 2,
            "attributes": {},
            "order": 0,
        }
    ]
    assert older["event"] == (
        '$autocapture::elements_chain::submit__~~__button.big:nth-child="1"text="Buy";div'
    )
    assert [element["tag_name"] for element in older["elements"]] == ["button", "div"]


@pytest.fixture
def told_about(funnel: ProjectClient) -> ProjectClient:
    funnel.capture(
        told("ada", **{"a::b": "x::y", "plan": "team"}),
        told("eve", plan=True),
        told("bob", plan=""),
    )
    settle()
    return funnel


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["plan"], {"plan::team": (1, 0), "plan::true": (1, 0), "plan::": (0, 2)}),
        # Who lacks a property counts only if it is named.
        (["$all"], {"plan::team": (1, 0), "plan::true": (1, 0), "plan::": (0, 1), "a::b::x::y": (1, 0)}),
        (["a::b", "nothing"], {"a::b::x::y": (1, 0), "a::b::": (1, 2), "nothing::": (2, 2)}),
    ],
)
def test_named_and_all_properties(
    told_about: ProjectClient, names: list[str], expected: dict[str, tuple[int, int]]
) -> None:
    found = result(
        post(
            told_about,
            funnel_correlation_type="properties",
            funnel_correlation_names=names,
            funnel_correlation_exclude_names=["$creator_event_uuid"],
        )
    )

    assert counts(told_about, found) == expected


def test_groups_of_the_first_type(project: ProjectClient) -> None:
    """Acme paid, by two persons; bolt did not, and nobody has told of it."""
    of = {name: {"$groups": {"company": name}} for name in ("acme", "bolt")}
    project.capture(
        told_of_group("acme", size=9),
        told("ada", size=9),
        event("sign up", "ada", timestamp=at("10:00"), properties=of["acme"]),
        event("looked", "bob", timestamp=at("11:00"), properties=of["acme"]),
        event("paid", "bob", timestamp=at("12:00"), properties=of["acme"]),
        *went("bob", "asked", paid=False, **of["bolt"]),
        *went("cleo", "looked", paid=True),
    )
    settle()
    given = {"aggregation_group_type_index": COMPANY}

    by_event = result(post(project, **given))
    by_property = result(
        post(project, **given, funnel_correlation_type="properties", funnel_correlation_names=["size"])
    )
    with_property = result(
        post(project, **given, funnel_correlation_type="properties", funnel_correlation_names=["$all"])
    )

    assert counts(project, by_event) == {"looked": (1, 0), "asked": (0, 1)}
    assert counts(project, by_property) == {"size::9": (1, 0), "size::": (0, 1)}
    assert behind(project, by_property["events"][1]["failure_people_url"]) == {"bolt"}
    assert counts(project, with_property) == {"size::9": (1, 0)}


def test_rare_things_are_left_out(project: ProjectClient) -> None:
    """Of 101 actors 2.02 are two percent."""
    project.capture(
        *many("a", 2, "rare", paid=True),
        *many("b", 3, "less rare", paid=True),
        *many("c", 46, paid=True),
        *many("d", 50, paid=False),
    )
    settle()

    assert odds(result(post(project))) == {"less rare": ratio(4 * 51, 49)}


def test_ten_of_each_are_shown_and_ties_go_by_name(project: ProjectClient) -> None:
    good, bad = [f"good {n:02}" for n in range(12)], [f"bad {n:02}" for n in range(12)]
    project.capture(*went("ada", *good[::-1], paid=True), *went("bob", *bad[::-1], paid=False))
    settle()

    assert list(odds(result(post(project)))) == [*good[:10], *bad[:10]]


@pytest.mark.parametrize(
    ("successes", "failures", "skewed"),
    [(1, 11, True), (11, 1, True), (1, 10, False), (2, 0, True), (0, 2, True)],
)
def test_skewed(project: ProjectClient, successes: int, failures: int, skewed: bool) -> None:
    project.capture(*many("a", successes, "x", paid=True), *many("b", failures, "x", paid=False))
    settle()

    found = result(post(project))

    assert found["skewed"] is skewed
    assert bool(found["events"]) is (successes > 0 and failures > 0)


def test_without_steps_there_is_nothing_and_without_anybody_it_is_skewed(project: ProjectClient) -> None:
    assert result(post(project, events=[])) == {"events": [], "skewed": False}
    assert result(post(project)) == {"events": [], "skewed": True}


def test_a_value_of_a_breakdown_limits_who_entered(funnel: ProjectClient) -> None:
    funnel.capture(
        *went("dan", "looked", paid=True, team="red"), *went("fay", "looked", paid=False, team="red")
    )
    settle()

    assert counts(funnel, result(post(funnel, breakdown="team"))) == {"looked": (3, 1), "asked": (1, 1)}
    assert counts(funnel, result(post(funnel, breakdown="team", funnel_step_breakdown="red"))) == {
        "looked": (1, 1)
    }
    assert counts(funnel, result(post(funnel, breakdown="team", funnel_step_breakdown=""))) == {
        "looked": (2, 0),
        "asked": (1, 1),
    }
    assert counts(
        funnel, result(post(funnel, breakdown="team", breakdown_limit=1, funnel_step_breakdown="Other"))
    ) == {"looked": (1, 1)}


def test_a_merge_makes_one_actor_of_two_and_a_split_two_of_one(project: ProjectClient) -> None:
    project.capture(
        event("sign up", "anon", timestamp=at("10:00")),
        event("looked", "anon", timestamp=at("11:00")),
        event("paid", "user", timestamp=at("12:00")),
        *went("bob", paid=False),
    )
    settle()
    assert counts(project, result(post(project))) == {}

    project.capture(event("$identify", "user", properties={"$anon_distinct_id": "anon"}))
    settle()
    assert counts(project, result(post(project))) == {"looked": (1, 0)}

    merged = project.person("user")
    assert merged is not None
    split = project.post(f"{project.persons_url}{merged['uuid']}/split/", {})
    settle()
    assert split.status_code in (200, 201, 202), split.text
    assert counts(project, result(post(project))) == {}


def test_who_is_deleted_does_not_count(funnel: ProjectClient) -> None:
    eve = funnel.person("eve")
    assert eve is not None
    funnel.delete(f"{funnel.persons_url}{eve['uuid']}/")
    settle()

    assert counts(funnel, result(post(funnel))) == {"looked": (1, 0), "asked": (0, 1)}


def test_test_accounts_are_kept_out(funnel: ProjectClient) -> None:
    funnel.capture(told("eve", role="tester"))
    funnel.project.test_account_filters = [
        {"key": "role", "value": "tester", "operator": "is_not", "type": "person"}
    ]
    funnel.project.save()
    settle()

    found = result(post(funnel, filter_test_accounts=True))

    assert counts(funnel, found) == {"looked": (1, 0), "asked": (0, 1)}


def test_projects_do_not_mix(funnel: ProjectClient, other_project: ProjectClient) -> None:
    other_project.capture(
        *went("ada", "looked", "spied", paid=True),
        *went("bob", "spied", paid=False),
        told("ada", plan="theirs"),
    )
    settle()

    assert counts(funnel, result(post(funnel))) == {"looked": (2, 0), "asked": (1, 1)}
    assert counts(other_project, result(post(other_project))) == {"looked": (1, 0), "spied": (1, 1)}
    assert funnel.get(url(funnel), key=other_project.key).status_code == 403
    row, *_ = result(post(other_project))["events"]
    stolen = row["success_people_url"].replace(f"/{other_project.id}/", f"/{funnel.id}/")
    assert funnel.http.get(stolen, headers=bearer(other_project.key)).status_code == 403


def test_a_key_needs_query_or_insight(funnel: ProjectClient) -> None:
    for scope, status in (("query:read", 200), ("insight:read", 200), ("person:read", 403)):
        response = funnel.get(url(funnel), key=funnel.new_key(scope), events=json.dumps(SERIES), **DATES)
        assert response.status_code == status


@pytest.mark.parametrize(
    ("given", "attr"),
    [
        ({"funnel_correlation_type": "properties"}, "funnel_correlation_names"),
        (
            {"funnel_correlation_type": "properties", "funnel_correlation_names": []},
            "funnel_correlation_names",
        ),
        ({"funnel_correlation_type": "event_with_properties"}, "funnel_correlation_event_names"),
        (
            {"funnel_correlation_type": "properties", "funnel_correlation_names": "["},
            "funnel_correlation_names",
        ),
        (
            {"funnel_correlation_type": "properties", "funnel_correlation_names": [1]},
            "funnel_correlation_names",
        ),
        (
            {"funnel_correlation_type": "properties", "funnel_correlation_names": ["n"] * 201},
            "funnel_correlation_names",
        ),
        ({"funnel_correlation_exclude_event_names": {"a": 1}}, "funnel_correlation_exclude_event_names"),
        ({"funnel_correlation_type": {}}, "funnel_correlation_type"),
        ({"funnel_step": -1}, "funnel_step"),
        ({"funnel_step": "x"}, "funnel_step"),
        ({"properties": "nope"}, "properties"),
        ({"properties": [{"key": "a", "operator": "regex", "value": "("}]}, "properties[0]"),
        ({"exclusions": [{"id": "x", "funnel_from_step": 0, "funnel_to_step": 3}]}, "exclusions[0]"),
        ({"aggregation_group_type_index": 5}, "aggregation_group_type_index"),
        ({"interval": "fortnight"}, "interval"),
        ({"funnel_window_interval_unit": "moon"}, "funnel_window_interval_unit"),
        ({"funnel_order_type": "random"}, "funnel_order_type"),
        ({"sampling_factor": 2}, "sampling_factor"),
        ({"funnel_step_breakdown": "x"}, "funnel_step_breakdown"),
        # Where they change nothing.
        ({"breakdown_limit": 1001}, "breakdown_limit"),
        ({"breakdown_group_type_index": "x"}, "breakdown_group_type_index"),
        ({"breakdown_attribution_value": -1}, "breakdown_attribution_value"),
        ({"funnel_correlation_names": [1]}, "funnel_correlation_names"),
        ({"funnel_correlation_event_names": "["}, "funnel_correlation_event_names"),
        ({"funnel_correlation_exclude_names": "x"}, "funnel_correlation_exclude_names"),
        (
            {"funnel_correlation_event_exclude_property_names": [None]},
            "funnel_correlation_event_exclude_property_names",
        ),
    ],
)
def test_what_cannot_be_answered_is_refused_by_name(
    project: ProjectClient, given: dict[str, Any], attr: str
) -> None:
    response = post(project, **given)

    assert (response.status_code, response.json()["attr"]) == (400, attr), response.text
    assert response.json()["type"] == "validation_error"


@pytest.mark.parametrize("name", ["", "\0", "a.b", "`'\\", "{p0:String}", "%", "%FF", "é\u2028", "x" * 5000])
@pytest.mark.parametrize("kind", ["properties", "event_with_properties"])
def test_odd_names(project: ProjectClient, name: str, kind: str) -> None:
    """Properties and events may have any name."""
    project.capture(
        *many("a", 3, ("looked", {name: "v"}), paid=True),
        *went("b", paid=False),
        *(told(f"a{n}", **{name: "v"}) for n in range(3)),
    )
    settle()

    found = result(
        post(
            project,
            funnel_correlation_type=kind,
            funnel_correlation_names=[name],
            funnel_correlation_event_names=["looked", name],
            funnel_correlation_event_exclude_property_names=["nothing", name + "x"],
        )
    )

    shown = {row["event"]["event"]: row["success_count"] for row in found["events"]}
    if "\0" not in name:
        assert {count for event, count in shown.items() if event.endswith(f"{name}::v")} == {3}
    assert counts(project, found)
