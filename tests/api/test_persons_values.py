"""``GET …/persons/values/``"""

from collections.abc import Callable
from typing import Any

import pytest

from core.clickhouse import client
from core.exceptions import ClickHouseUnavailable
from core.selectors import property_values, waiting_rows
from core.selectors.property_values import Counted
from tests.clients import ProjectClient, bearer, event, settle
from tests.persons import make_person, refusal, send


def values(project: ProjectClient, **query: str) -> list[tuple[str, int]]:
    """Names and counts."""
    response = project.http.get(f"{project.persons_url}values/", params=query, headers=bearer(project.key))
    assert (response.status_code, response.headers["Cache-Control"]) == (200, "max-age=10")
    body = response.json()
    assert (set(body), body["refreshing"]) == ({"results", "refreshing"}, False)
    return [(one["name"], one["count"]) for one in body["results"]]


def with_values(project: ProjectClient, *found: Any) -> None:
    """Persons with these values of the property ``k``."""
    project.capture(
        *(event("a", f"p{number}", properties={"$set": {"k": one}}) for number, one in enumerate(found))
    )


def test_the_most_frequent_value_comes_first_ties_by_name(project: ProjectClient) -> None:
    with_values(project, "qwerty", "asdf", "asdf", "b", "B")

    assert values(project, key="k") == [("asdf", 2), ("B", 1), ("b", 1), ("qwerty", 1)]


@pytest.mark.parametrize("delivered", [False, True])
def test_values_are_in_their_text_form(project: ProjectClient, delivered: bool) -> None:
    found = [True, False, 1, 1.5, "1", ["x", 1], {"a": {"b": "c"}}, "", None, "null", "é"]
    with_values(project, *found)
    if delivered:
        settle()

    assert values(project, key="k") == [
        ("1", 2),
        ("1.5", 1),
        ('["x",1]', 1),
        ("false", 1),
        ("null", 1),
        ("true", 1),
        ('{"a":{"b":"c"}}', 1),
        ("é", 1),
    ]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("AS", ["Asdf", "xasx"]),
        ("%", ["50%"]),
        ("_", ["a_b"]),
        ("\\", ["a\\b"]),
        ("É", ["é"]),
        ("nothing", []),
    ],
)
def test_a_value_is_found_by_a_part_of_it(project: ProjectClient, wanted: str, expected: list[str]) -> None:
    with_values(project, "Asdf", "xasx", "50%", "a_b", "a\\b", "é", "zz")

    assert [name for name, _ in values(project, key="k", value=wanted)] == expected


def test_there_are_at_most_20(project: ProjectClient) -> None:
    with_values(project, *(f"v{number:02}" for number in range(25)), "v24")

    assert values(project, key="k") == [("v24", 2), *((f"v{number:02}", 1) for number in range(19))]


@pytest.mark.parametrize("key", ["a.b", "a`b\\", "é😀", "%", "$os", " ", "distinct_ids"])
def test_any_text_is_a_key(project: ProjectClient, key: str) -> None:
    make_person(project, "a", **{key: "v"})

    assert values(project, key=key) == [("v", 1)]
    settle()
    assert values(project, key=key) == [("v", 1)]


def test_values_come_as_csv_too(project: ProjectClient) -> None:
    with_values(project, "a,b", "a,b", "c")

    response = project.http.get(
        f"{project.persons_url}values/", params={"key": "k", "format": "csv"}, headers=bearer(project.key)
    )

    assert response.text == 'count,name\r\n2,"a,b"\r\n1,c\r\n'


@pytest.mark.parametrize("query", [{}, {"key": ""}, {"key": "$virt_revenue"}, {"key": "unknown"}])
def test_without_a_property_there_are_no_values(project: ProjectClient, query: dict[str, str]) -> None:
    make_person(project, "a", k="v")

    assert values(project, **query) == []


def test_what_was_written_is_seen_at_once(project: ProjectClient) -> None:
    person = make_person(project, "a", k="one")
    make_person(project, "b", k="one")
    settle()
    path = f"{project.persons_url}{person['uuid']}/"

    project.post(f"{path}update_property/", {"key": "k", "value": "two"})
    assert values(project, key="k") == [("one", 1), ("two", 1)]
    project.post(f"{path}delete_property/", {"$unset": "k"})
    assert values(project, key="k") == [("one", 1)]
    settle()
    assert values(project, key="k") == [("one", 1)]


def test_values_of_the_deleted_are_gone_at_once(project: ProjectClient) -> None:
    person = make_person(project, "a", k="v")
    settle()

    project.delete(f"{project.persons_url}{person['uuid']}/")

    assert values(project, key="k") == []
    settle()
    assert values(project, key="k") == []


def test_the_merged_count_once(project: ProjectClient) -> None:
    make_person(project, "a", k="v")
    make_person(project, "b", k="v")
    settle()

    project.capture(event("$merge_dangerously", "a", properties={"alias": "b"}))

    assert values(project, key="k") == [("v", 1)]


def test_distinct_ids_come_in_alphabetical_order(project: ProjectClient) -> None:
    make_person(project, "b", "a%", "C")
    make_person(project, "a_")

    assert values(project, key="distinct_id") == [("C", 1), ("a%", 1), ("a_", 1), ("b", 1)]
    assert values(project, key="distinct_id", value="%") == [("a%", 1)]
    assert values(project, key="distinct_id", value="A") == [("a%", 1), ("a_", 1)]


def test_distinct_ids_of_the_deleted_are_gone(project: ProjectClient) -> None:
    person = make_person(project, "a", "b")
    project.delete(f"{project.persons_url}{person['uuid']}/")

    assert values(project, key="distinct_id") == []


def far_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing may wait."""
    monkeypatch.setattr(waiting_rows, "MOST_WAITING_BYTES", -1)


def away(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ClickHouseUnavailable

    monkeypatch.setattr(client, "query", fail)


@pytest.mark.parametrize("fail", [far_behind, away])
def test_while_clickhouse_cannot_tell_postgresql_gives_the_same(
    project: ProjectClient, monkeypatch: pytest.MonkeyPatch, fail: Callable[[pytest.MonkeyPatch], None]
) -> None:
    with_values(project, "Asdf", "asdf", "asdf", True, {"a": 1}, None, "", "é")
    expected = [Counted(*pair) for pair in values(project, key="k")]
    fail(monkeypatch)

    assert property_values.property_values(project.id, key="k", wanted="") == expected
    assert property_values.property_values(project.id, key="k", wanted="É") == [Counted("é", 1)]


@pytest.mark.parametrize("name", ["key", "value"])
def test_a_null_character_is_refused(project: ProjectClient, name: str) -> None:
    response = send(project, "GET", f"{project.persons_url}values/?{name}=%00")

    assert refusal(response) == (400, "validation_error", "invalid_input", name)


def test_nobody_elses_values_are_shown(project: ProjectClient, other_project: ProjectClient) -> None:
    make_person(other_project, "a", k="v")

    assert values(project, key="k") == []
    assert values(project, key="distinct_id") == []


def test_a_key_of_another_kind_is_refused(project: ProjectClient) -> None:
    response = project.get(f"{project.persons_url}values/", key=project.new_key("cohort:read"))

    assert refusal(response) == (403, "authentication_error", "permission_denied", None)
