"""Groups in captured events: ``$groupidentify`` and ``$groups``."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from core.clickhouse import client
from core.clickhouse.compare import compare
from core.events.read import CaptureRequest, read_events
from core.models import Group, GroupType
from core.services.capture import capture, take_events
from tests.clients import ProjectClient, event, settle

TOO_LONG = "x" * 401


def told(
    group_type: Any, key: Any, set_: Any = None, distinct_id: str = "u", /, **properties: Any
) -> dict[str, Any]:
    """A ``$groupidentify`` as SDKs send it."""
    about = {"$group_type": group_type, "$group_key": key, "$group_set": {} if set_ is None else set_}
    return event("$groupidentify", distinct_id, properties={**about, **properties})


def done_in(groups: Any, name: str = "a", /, **properties: Any) -> dict[str, Any]:
    """An event in groups."""
    return event(name, "u", properties={"$groups": groups, **properties})


def types(project: ProjectClient) -> dict[str, int]:
    """Group types and their indexes."""
    return dict(GroupType.objects.for_project(project.id).values_list("name", "index"))


def groups(project: ProjectClient) -> dict[tuple[int, str], tuple[dict[str, Any], int]]:
    """Type index and key of every group, with its properties and version. ClickHouse has the same ones."""
    settle()
    assert all(one.is_equal for one in compare(project.id))
    rows = Group.objects.for_project(project.id)
    return {(row.type_index, row.key): (row.properties, row.version) for row in rows}


def keys_of_events(project: ProjectClient) -> list[tuple[str, list[str]]]:
    """Each event with its group keys by type index."""
    settle()
    sql = """
    SELECT event, [group_0, group_1, group_2, group_3, group_4] FROM events
    WHERE project_id = {project_id:Int64} ORDER BY event
    """
    return [(name, keys) for name, keys in client.query(sql, project_id=project.id)]


def test_groupidentify_makes_the_type_and_the_group(project: ProjectClient) -> None:
    project.capture(
        {**told("company", "acme", {"name": "Acme", "seats": 5}), "timestamp": "2026-01-02T03:04:05Z"}
    )

    assert types(project) == {"company": 0}
    assert groups(project) == {(0, "acme"): ({"name": "Acme", "seats": 5}, 0)}
    rows = client.query(
        "SELECT type_index, key, created_at, toJSONString(properties), typed_keys, version FROM groups"
        " WHERE project_id = {project_id:Int64}",
        project_id=project.id,
    )
    assert [tuple(row) for row in rows] == [
        (0, "acme", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), '{"name":"Acme","seats":"5"}', ["seats"], 0)
    ]


def test_a_group_set_is_laid_over_and_only_a_difference_is_a_new_version(project: ProjectClient) -> None:
    project.capture(told("company", "acme", {"name": "Acme", "seats": 5}))
    project.capture(told("company", "acme", {"seats": 6, "plan": None}))
    assert groups(project) == {(0, "acme"): ({"name": "Acme", "seats": 6, "plan": None}, 1)}

    project.capture(told("company", "acme", {"name": "Acme", "plan": None}), told("company", "acme"))
    assert groups(project) == {(0, "acme"): ({"name": "Acme", "seats": 6, "plan": None}, 1)}

    project.capture(told("company", "acme", {"seats": "6"}), told("company", "acme", {"name": "ACME"}))
    assert groups(project) == {(0, "acme"): ({"name": "ACME", "seats": "6", "plan": None}, 2)}


def test_one_request_may_tell_of_many_groups_and_of_one_several_times(project: ProjectClient) -> None:
    project.capture(
        {**told("company", "acme", {"a": 1, "b": 1}), "timestamp": "2026-01-02T00:00:00Z"},
        told("company", "bolt", {"a": 2}),
        told("team", "acme", {"a": 3}),
        {**told("company", "acme", {"b": 4}), "timestamp": "2026-01-01T00:00:00Z"},
    )

    assert types(project) == {"company": 0, "team": 1}
    assert groups(project) == {
        (0, "acme"): ({"a": 1, "b": 4}, 0),
        (0, "bolt"): ({"a": 2}, 0),
        (1, "acme"): ({"a": 3}, 0),
    }
    acme = Group.objects.for_project(project.id).get(type_index=0, key="acme")
    assert acme.created_at == datetime(2026, 1, 2, tzinfo=UTC)


def test_properties_beyond_the_limit_of_a_person_are_not_taken(project: ProjectClient) -> None:
    project.capture(told("company", "acme", {"a": 1}))
    project.capture(told("company", "acme", {"b": "x" * 700_000}))
    project.capture(told("company", "bolt", {"b": "x" * 700_000}))

    assert groups(project) == {(0, "acme"): ({"a": 1}, 0), (0, "bolt"): ({}, 0)}


def test_groupidentify_makes_a_person_without_the_values_of_the_group(project: ProjectClient) -> None:
    sent = told("company", "acme", {"name": "Acme"}, **{"$set": {"plan": "team"}})
    project.capture(sent)

    person = project.person("u")
    assert person is not None
    assert person["properties"] == {"$creator_event_uuid": sent["uuid"]}


def test_events_bear_the_keys_of_their_groups_by_type(project: ProjectClient) -> None:
    project.capture(
        done_in({"company": "acme", "team": "red"}, "a"),
        done_in({"team": "blue"}, "b"),
        event("c", "u"),
        told("company", "bolt", **{"$groups": {"company": "bolt"}}),
    )

    assert types(project) == {"company": 0, "team": 1}
    assert keys_of_events(project) == [
        ("$groupidentify", ["bolt", "", "", "", ""]),
        ("a", ["acme", "red", "", "", ""]),
        ("b", ["", "blue", "", "", ""]),
        ("c", ["", "", "", "", ""]),
    ]


def test_an_event_in_a_group_makes_no_group(project: ProjectClient) -> None:
    project.capture(done_in({"company": "acme"}))

    assert groups(project) == {}


def test_a_groupidentify_is_in_its_group_only_when_it_says_so(project: ProjectClient) -> None:
    project.capture(told("company", "acme"))

    assert keys_of_events(project) == [("$groupidentify", ["", "", "", "", ""])]


def test_types_keep_their_index(project: ProjectClient) -> None:
    project.capture(done_in({"company": "acme"}))
    project.capture(told("team", "red"), done_in({"project": "x"}))
    project.capture(done_in({"project": "x", "team": "red", "company": "acme"}))

    assert types(project) == {"company": 0, "team": 1, "project": 2}


def test_events_without_a_profile_are_in_groups_too(project: ProjectClient) -> None:
    project.capture(done_in({"company": "acme"}, **{"$process_person_profile": False}))

    assert types(project) == {"company": 0}
    assert keys_of_events(project) == [("a", ["acme", "", "", "", ""])]
    assert project.person("u") is None


def test_a_groupidentify_without_a_profile_is_dropped_whole(project: ProjectClient) -> None:
    project.capture(
        told(
            "company",
            "acme",
            **{"$process_person_profile": False, "$groups": {"company": "acme", "team": "red"}},
        )
    )

    assert (types(project), groups(project), keys_of_events(project)) == ({}, {}, [])


@pytest.mark.parametrize(("sent", "stored"), [(7, "7"), (1.5, "1.5"), (True, "true"), (0, "0"), ("ü", "ü")])
def test_names_may_be_any_scalar(project: ProjectClient, sent: Any, stored: str) -> None:
    project.capture(told(sent, sent), done_in({"company": sent}))

    assert types(project) == {stored: 0, "company": 1}
    assert groups(project) == {(0, stored): ({}, 0)}
    assert ("a", ["", stored, "", "", ""]) in keys_of_events(project)


NO_NAMES = [None, "", "  ", [], ["acme"], {}, {"id": 5}, TOO_LONG]


@pytest.mark.parametrize("name", NO_NAMES)
def test_a_groupidentify_of_no_group_is_just_an_event(project: ProjectClient, name: Any) -> None:
    project.capture(told(name, "acme"), told("company", name))

    assert (types(project), groups(project)) == ({}, {})
    assert keys_of_events(project) == [("$groupidentify", ["", "", "", "", ""])] * 2


def test_a_groupidentify_without_properties_is_just_an_event(project: ProjectClient) -> None:
    project.capture(
        event("$groupidentify", "u"), event("$groupidentify", "u", properties={"$group_set": {"a": 1}})
    )

    assert (types(project), groups(project), len(keys_of_events(project))) == ({}, {}, 2)


@pytest.mark.parametrize("set_", [None, [1], "name", 5])
def test_a_group_set_that_is_no_object_sets_nothing(project: ProjectClient, set_: Any) -> None:
    about = {"$group_type": "company", "$group_key": "acme", "$group_set": set_}
    project.capture(event("$groupidentify", "u", properties=about))

    assert groups(project) == {(0, "acme"): ({}, 0)}


@pytest.mark.parametrize("value", [["company"], [{"company": "acme"}], "company", 5, True, None, {}])
def test_groups_that_are_no_object_are_no_groups(project: ProjectClient, value: Any) -> None:
    project.capture(done_in(value))

    assert types(project) == {}
    assert keys_of_events(project) == [("a", ["", "", "", "", ""])]


@pytest.mark.parametrize("name", NO_NAMES)
def test_an_entry_that_names_no_group_leaves_the_others_alone(project: ProjectClient, name: Any) -> None:
    project.capture(done_in({"first": name, str(name) if name == TOO_LONG else "": "x", "company": "acme"}))

    assert types(project) == {"company": 0}
    assert keys_of_events(project) == [("a", ["acme", "", "", "", ""])]


def test_names_of_400_characters_are_kept(project: ProjectClient) -> None:
    longest = "ü" * 400
    project.capture(told(longest, longest), done_in({longest: longest}))

    assert groups(project) == {(0, longest): ({}, 0)}
    assert ("a", [longest, "", "", "", ""]) in keys_of_events(project)


def test_a_nul_is_replaced(project: ProjectClient) -> None:
    raw = (
        '{"api_key": "%s", "event": "$groupidentify", "distinct_id": "u", "properties": {"$group_type": "c\\u0000",'
        ' "$group_key": "k\\u0000", "$group_set": {"n\\u0000": "v\\u0000"}, "$groups": {"c\\u0000": "k\\u0000"}}}'
    )

    assert project.http.post("/e/", content=(raw % project.token).encode()).status_code == 200

    assert types(project) == {"c\ufffd": 0}
    assert groups(project) == {(0, "k\ufffd"): ({"n\ufffd": "v\ufffd"}, 0)}
    assert keys_of_events(project) == [("$groupidentify", ["k\ufffd", "", "", "", ""])]


def test_a_sixth_type_is_ignored_and_its_events_are_kept(project: ProjectClient) -> None:
    five = {f"type {n}": f"key {n}" for n in range(5)}
    project.capture(done_in({**five, "sixth": "x"}, "a"))
    project.capture(
        told("sixth", "x", {"a": 1}), told("type 4", "x"), done_in({"sixth": "x", "type 1": "y"}, "b")
    )

    assert types(project) == {f"type {n}": n for n in range(5)}
    assert groups(project) == {(4, "x"): ({}, 0)}
    assert keys_of_events(project) == [
        ("$groupidentify", ["", "", "", "", ""]),
        ("$groupidentify", ["", "", "", "", ""]),
        ("a", [f"key {n}" for n in range(5)]),
        ("b", ["", "y", "", "", ""]),
    ]


def send_at_once(project: ProjectClient, *requests: Mapping[str, Any]) -> None:
    """Each event as a request of its own; large requests, so that none of them share a transaction."""

    def send(one: Mapping[str, Any]) -> int:
        batch = [one, *(event("filler", f"u{n}") for n in range(25))]
        return project.http.post("/batch/", json={"api_key": project.token, "batch": batch}).status_code

    with ThreadPoolExecutor(len(requests)) as pool:
        assert list(pool.map(send, requests)) == [200] * len(requests)


def test_first_captures_at_once_make_one_type_and_one_group(project: ProjectClient) -> None:
    send_at_once(project, *(told("company", "acme", {f"k{n}": n}, f"d{n}") for n in range(8)))

    assert types(project) == {"company": 0}
    assert groups(project) == {(0, "acme"): ({f"k{n}": n for n in range(8)}, 7)}


def test_first_captures_of_seven_types_at_once_make_five(project: ProjectClient) -> None:
    names = {f"type {n}" for n in range(7)}
    send_at_once(project, *(done_in({name: "x"}) for name in sorted(names)))

    made = types(project)
    assert sorted(made.values()) == [0, 1, 2, 3, 4]
    assert made.keys() < names
    columns = [keys.index("x") for name, keys in keys_of_events(project) if name == "a" and "x" in keys]
    assert sorted(columns) == [0, 1, 2, 3, 4]


def test_groups_told_of_at_once_in_different_orders_all_change(project: ProjectClient) -> None:
    names = [f"group {n}" for n in range(20)]

    def request(n: int) -> list[dict[str, Any]]:
        ordered = names if n % 2 else names[::-1]
        return [told("company", name, {f"k{n}": n}, f"d{n}-{name}") for name in ordered]

    for _ in range(2):  # births, then changes
        with ThreadPoolExecutor(6) as pool:
            list(pool.map(lambda n: project.capture(*request(n)), range(6)))
        project.capture(*request(7))

    assert {key: properties for key, (properties, _) in groups(project).items()} == {
        (0, name): {f"k{n}": n for n in (0, 1, 2, 3, 4, 5, 7)} for name in names
    }


def test_projects_have_types_and_groups_of_their_own(
    project: ProjectClient, other_project: ProjectClient
) -> None:
    project.capture(done_in({"team": "red"}), told("company", "acme", {"a": 1}))
    other_project.capture(told("company", "acme", {"b": 2}))

    assert (types(project), types(other_project)) == ({"team": 0, "company": 1}, {"company": 0})
    assert groups(project) == {(1, "acme"): ({"a": 1}, 0)}
    assert groups(other_project) == {(0, "acme"): ({"b": 2}, 0)}


def test_a_group_that_differs_between_the_stores_is_noticed(project: ProjectClient) -> None:
    project.capture(told("company", "acme", {"a": 1}))
    settle()
    stored = Group.objects.for_project(project.id)

    stored.update(version=1)
    different = [one.table for one in compare(project.id) if not one.is_equal]
    stored.update(version=0)

    assert different == ["groups"]
    assert all(one.is_equal for one in compare(project.id))


def captured_here(project: ProjectClient, *events: dict[str, Any]) -> int:
    """The number of statements of a capture in this process."""
    now = timezone.now()
    read = read_events(CaptureRequest(project.token, list(events), None), received=now)
    with CaptureQueriesContext(connection) as statements:
        capture(project_id=project.id, events=read)
    return len(statements)


def test_events_in_groups_of_known_types_cost_no_statement(project: ProjectClient) -> None:
    captured_here(project, done_in({"company": "acme"}))
    without = captured_here(project, event("a", "u"))

    assert captured_here(project, done_in({"company": "bolt"}), done_in({"company": 5})) == without


def test_a_type_of_a_capture_that_failed_is_made_by_the_next(project: ProjectClient) -> None:
    now = timezone.now()
    events = read_events(CaptureRequest(project.token, [done_in({"company": "acme"})], None), received=now)
    with transaction.atomic(), connection.cursor() as cursor:
        take_events(cursor, project_id=project.id, events=events)
        transaction.set_rollback(True)

    captured_here(project, done_in({"company": "acme"}))

    assert types(project) == {"company": 0}
