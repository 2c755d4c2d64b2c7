"""``GET …/persons/?properties=…&search=…``: who is found, and that it is what PostgreSQL knows this moment."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from django.utils import timezone

from core.clickhouse import client
from core.exceptions import ReplicaTooLate
from core.filters.properties import PropertyGroup
from core.models import CohortMember
from core.outbox.deliver import LOCK_SPACE
from core.outbox.freeze import TARGETS
from core.selectors import person_search, waiting_rows
from core.selectors.person_search import PersonSearch, count_found, find_persons
from core.selectors.persons import PersonFilter, list_persons
from core.selectors.waiting_rows import waiting_members
from tests.clients import ProjectClient, event, settle
from tests.erasure import completed
from tests.persons import join, listed, make_listed
from tests.stack import Stack


def ask(project: ProjectClient, **params: Any) -> dict[str, Any]:
    if "properties" in params:
        params["properties"] = json.dumps(params["properties"])
    response = project.get(project.persons_url, **params)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def found(project: ProjectClient, **params: Any) -> set[str]:
    """The first distinct id of everybody who is found."""
    return {row["distinct_ids"][0] for row in ask(project, **params)["results"]}


@pytest.fixture
def people(project: ProjectClient) -> ProjectClient:
    make_listed(project, "ada", email="Ada@Example.org", plan="team", age=36, tags=["a", 1], vip=True)
    make_listed(project, "bob", email="bob@example.org", plan="free", age="7", name="50% off_er")
    make_listed(project, "cyd", "cyd-second", plan=None, born="2001-02-03")
    settle()
    return project


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ({"key": "plan", "value": "team"}, {"ada"}),
        ({"key": "plan", "value": ["team", "free"]}, {"ada", "bob"}),
        ({"key": "plan", "value": "team", "operator": "exact", "type": "person"}, {"ada"}),
        ({"key": "plan", "value": "team", "operator": "is_not"}, {"bob", "cyd"}),
        ({"key": "email", "value": "EXAMPLE.org", "operator": "icontains"}, {"ada", "bob"}),
        ({"key": "email", "value": "ada", "operator": "not_icontains"}, {"bob", "cyd"}),
        ({"key": "email", "value": "^b.*g$", "operator": "regex"}, {"bob"}),
        ({"key": "email", "value": "^b", "operator": "not_regex"}, {"ada", "cyd"}),
        ({"key": "age", "value": 7, "operator": "gt"}, {"ada"}),
        ({"key": "age", "value": "7", "operator": "gte"}, {"ada", "bob"}),
        ({"key": "age", "value": 36, "operator": "lt"}, {"bob"}),
        ({"key": "age", "value": 36}, {"ada"}),
        ({"key": "vip", "value": True}, {"ada"}),
        ({"key": "tags", "value": '["a",1]'}, {"ada"}),
        ({"key": "email", "value": "is_set", "operator": "is_set"}, {"ada", "bob"}),
        ({"key": "plan", "operator": "is_set"}, {"ada", "bob", "cyd"}),
        ({"key": "email", "value": "x", "operator": "is_not_set"}, {"cyd"}),
        ({"key": "born", "value": "2001-02-03", "operator": "is_date_exact"}, {"cyd"}),
        ({"key": "born", "value": "2001-02-04", "operator": "is_date_before"}, {"cyd"}),
        ({"key": "born", "value": "2001-02-03", "operator": "is_date_after"}, set()),
        ({"key": "no such key", "value": "x"}, set()),
    ],
)
def test_each_operator(people: ProjectClient, item: dict[str, Any], expected: set[str]) -> None:
    assert found(people, properties=[item]) == expected


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ([], {"ada", "bob", "cyd"}),
        ([{"key": "plan", "value": "team"}, {"key": "plan", "value": "free"}], set()),
        (
            {"type": "OR", "values": [{"key": "plan", "value": "team"}, {"key": "plan", "value": "free"}]},
            {"ada", "bob"},
        ),
        (
            {
                "type": "AND",
                "values": [
                    {
                        "type": "OR",
                        "values": [{"key": "vip", "value": True}, {"key": "born", "operator": "is_set"}],
                    },
                    {"type": "AND", "values": [{"key": "email", "operator": "is_not_set"}]},
                ],
            },
            {"cyd"},
        ),
        (
            {
                "type": "OR",
                "values": [
                    {"key": "plan", "value": "free"},
                    {
                        "type": "AND",
                        "values": [{"key": "vip", "value": True}, {"key": "plan", "value": "team"}],
                    },
                ],
            },
            {"ada", "bob"},
        ),
    ],
)
def test_lists_and_groups(people: ProjectClient, properties: Any, expected: set[str]) -> None:
    assert found(people, properties=properties) == expected


@pytest.mark.parametrize(
    ("search", "expected"),
    [
        ("ADA@", {"ada"}),
        ("example.ORG", {"ada", "bob"}),
        ("50% OFF", {"bob"}),
        ("%", {"bob"}),
        ("_", {"bob"}),
        ("cyd-SEC", {"cyd"}),
        ("nobody", set()),
        ("", {"ada", "bob", "cyd"}),
    ],
)
def test_search_looks_at_email_name_and_distinct_ids(
    people: ProjectClient, search: str, expected: set[str]
) -> None:
    assert found(people, search=search) == expected


def test_search_finds_a_part_of_a_uuid(people: ProjectClient) -> None:
    uuid = listed(people, "cyd")["uuid"]

    assert found(people, search=uuid[3:20].upper()) == {"cyd"}


def test_filters_combine(people: ProjectClient) -> None:
    cohort = join(people, "some", listed(people, "ada"), listed(people, "cyd"))
    has_plan = [{"key": "plan", "operator": "is_set"}]

    assert found(people, properties=has_plan, cohort=cohort.pk) == {"ada", "cyd"}
    assert found(people, properties=has_plan, cohort=cohort.pk, search="cyd") == {"cyd"}
    assert found(people, properties=has_plan, distinct_id="cyd-second") == {"cyd"}
    assert found(people, properties=has_plan, distinct_id="nobody") == set()
    assert found(people, search="example", email="bob@example.org") == {"bob"}


def test_cohorts_in_property_filters(people: ProjectClient) -> None:
    cohort = join(people, "some", listed(people, "ada"), listed(people, "cyd"))

    def of(operator: str | None) -> set[str]:
        item = {"type": "cohort", "key": "id", "value": cohort.pk, "operator": operator}
        return found(people, properties=[item])

    assert (of(None), of("in"), of("not_in")) == ({"ada", "cyd"}, {"ada", "cyd"}, {"bob"})


def test_members_are_found_by_either_store(people: ProjectClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """PostgreSQL tells members among the newest persons; where they are rare, ClickHouse finds all."""
    cohort, empty = join(people, "some", listed(people, "ada")), join(people, "none")
    settle()
    member = {"type": "cohort", "key": "id", "value": cohort.pk}
    stranger = {**member, "operator": "not_in"}
    either = {"type": "OR", "values": [member, {"key": "email", "value": "bob@example.org"}]}

    def answers() -> list[tuple[set[str], int]]:
        asked: list[dict[str, Any]] = [
            {"properties": [member]},
            {"properties": [stranger]},
            {"properties": either},
            {"properties": [member, stranger]},
            {"cohort": cohort.pk, "search": "e"},
            {"cohort": cohort.pk, "search": "ada"},
            {"cohort": empty.pk, "search": "e"},
        ]
        return [(found(people, **given), ask(people, include_total="", **given)["count"]) for given in asked]

    expected = [{"ada"}, {"bob", "cyd"}, {"ada", "bob"}, set(), {"ada"}, {"ada"}, set()]
    assert answers() == [(names, len(names)) for names in expected]
    where = PersonFilter(cohort_id=cohort.pk, search="e")
    monkeypatch.setattr(person_search, "MOST_TRIED", 1)
    rows = list_persons(people.project, where=where, limit=1, offset=0).rows
    assert [row["distinct_ids"] for row in rows] == [["ada"]]


def test_the_total_counts_what_is_found(people: ProjectClient) -> None:
    answer = ask(people, search="example.org", include_total="", limit=1)

    assert (answer["count"], len(answer["results"])) == (2, 1)


def test_a_table_holds_what_is_found(people: ProjectClient) -> None:
    response = people.get(people.persons_url, format="csv", search="example.org")

    assert len(response.text.strip().split("\r\n")) == 3


@pytest.fixture
def nothing_is_delivered(stack: Stack) -> Any:
    settle()
    with psycopg.connect(stack.environment["DATABASE_URL"], autocommit=True) as connection:
        for place in range(len(TARGETS)):
            connection.execute("SELECT pg_advisory_lock(%s, %s)", [LOCK_SPACE, place])
        yield
    settle()


def test_what_was_just_written_is_found_although_clickhouse_does_not_have_it(
    people: ProjectClient, nothing_is_delivered: None
) -> None:
    people.capture(
        event("$set", "ada", properties={"$set": {"plan": "free"}}),
        event("a", "dan", properties={"$set": {"plan": "team", "name": "Dan \"'\\\n\t{p0:String} ünï-😀"}}),
        event("$identify", "bob", properties={"$anon_distinct_id": "bob's new id"}),
    )
    people.delete(f"{people.persons_url}{listed(people, 'cyd')['uuid']}/")

    assert found(people, properties=[{"key": "plan", "value": "team"}]) == {"dan"}
    assert found(people, properties=[{"key": "plan", "operator": "is_set"}]) == {"ada", "bob", "dan"}
    assert found(people, search="ünï-😀") == {"dan"}
    assert found(people, search="bob's new") == {"bob"}
    assert found(people, search="cyd") == set()
    assert found(people, search="a") == {"ada", "bob", "dan"}


def test_members_count_at_once(people: ProjectClient, nothing_is_delivered: None) -> None:
    ada, bob, cyd = (listed(people, name) for name in ("ada", "bob", "cyd"))
    cohort = join(people, "some", ada, bob)
    member = {"type": "cohort", "key": "id", "value": cohort.pk}
    # Of these ClickHouse looks for the members; of a filter by itself PostgreSQL.
    either = {"type": "OR", "values": [member, {"key": "plan", "value": "nothing"}]}

    def members() -> list[Any]:
        count = ask(people, properties=[member], search="", include_total="", limit=1)["count"]
        return [found(people, properties=[member]), found(people, properties=either), count]

    assert members() == [{"ada", "bob"}, {"ada", "bob"}, 2]
    CohortMember.objects.for_project(people.id).filter(cohort=cohort, person__uuid=ada["uuid"]).delete()
    assert members() == [{"bob"}, {"bob"}, 1]
    people.post(f"{people.persons_url}{cyd['uuid']}/merge/", {"distinct_id": "bob"})
    merged = {listed(people, "cyd")["distinct_ids"][0]}
    assert members() == [merged, merged, 1]
    people.delete(f"{people.persons_url}{cyd['uuid']}/")
    assert members() == [set(), set(), 0]


def test_too_many_changes_of_members_are_waited_for(
    people: ProjectClient, nothing_is_delivered: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    cohort = join(people, "some", listed(people, "ada"))
    monkeypatch.setattr(waiting_rows, "MOST_WAITING_BYTES", 10)

    assert waiting_members(people.id, set()) == {}
    assert waiting_members(people.id, {cohort.pk + 10**9}) == {}
    with pytest.raises(ReplicaTooLate):
        waiting_members(people.id, {cohort.pk})


def names(project: ProjectClient, **params: Any) -> list[str]:
    """The same as ``found``, in the order of the answer."""
    return [row["distinct_ids"][0] for row in ask(project, **params)["results"]]


def test_what_a_person_no_longer_has_is_not_found(project: ProjectClient) -> None:
    times = [f"2026-01-01T00:{minute:02}:00Z" for minute in range(40)]
    project.capture(
        *(
            event("a", f"u{n}", timestamp=time, properties={"$set": {"k": "old"}})
            for n, time in enumerate(times)
        )
    )
    settle()
    project.capture(*(event("$set", f"u{n}", properties={"$set": {"k": "new"}}) for n in range(1, 40)))
    settle()

    # Older rows of 39 persons may come before the one that is found: more than are read for a page.
    assert names(project, properties=[{"key": "k", "value": "old"}], limit=1) == ["u0"]
    assert names(project, properties=[{"key": "k", "value": "new"}], limit=2) == ["u39", "u38"]


def test_a_person_who_became_older_is_found_once_and_in_its_place(project: ProjectClient) -> None:
    between = {f"u{n}": f"2026-01-03T00:{n:02}:00Z" for n in range(30)}
    made = {"young": "2026-01-05T00:00:00Z", **between, "old": "2026-01-01T00:00:00Z"}
    project.capture(
        *(
            event("a", name, timestamp=time, properties={"$set": {"k": "v", "name": "Same"}})
            for name, time in made.items()
        )
    )
    settle()
    project.capture(event("$identify", "young", properties={"$anon_distinct_id": "old"}))
    settle()

    everybody = [*reversed(between), "young"]
    assert names(project) == everybody
    for params in ({"properties": [{"key": "k", "value": "v"}]}, {"search": "same"}):
        assert names(project, **params) == everybody
        # More stand between the row of then and the row of now than are read for a page.
        assert names(project, **params, limit=1) == ["u29"]
        assert names(project, **params, limit=1, offset=30) == ["young"]


def test_an_erased_person_leaves_nothing_behind(project: ProjectClient) -> None:
    uuid = make_listed(project, "gone", email="gone@example.org")["uuid"]
    make_listed(project, "stays", email="stays@example.org")
    settle()

    project.delete(f"{project.persons_url}{uuid}/", delete_events="true")
    completed(project, uuid)

    rows = client.query(
        """SELECT toString(id) = {uuid:String}, properties FROM person_newest_first
        WHERE project_id = {project_id:Int64} AND NOT empty(JSONAllPaths(properties))""",
        project_id=project.id,
        parameters={"uuid": uuid},
    )
    assert [(is_gone, properties["email"]) for is_gone, properties in rows] == [(0, "stays@example.org")]


def test_exact_values_of_every_kind_are_found(project: ProjectClient) -> None:
    values = {
        "a=b": "c=d",
        "a.b": "ünï-😀",
        "": "x",
        "empty": "",
        "long": "l" * 500,
        "lines": "one\ntwo",
        "n": 1.5,
    }
    make_listed(project, "odd", **values)
    # More keys than a JSON column of ClickHouse keeps apart.
    make_listed(project, "wide", **{f"key {n}": f"value {n}" for n in range(1500)})
    settle()

    for key, value in values.items():
        expected = {"odd", "wide"} if value == "" else {"odd"}
        assert found(project, properties=[{"key": key, "value": value}]) == expected, key
    for n in (0, 700, 1499):
        assert found(project, properties=[{"key": f"key {n}", "value": ["no", f"value {n}"]}]) == {"wide"}
        assert found(project, properties=[{"key": f"key {n}", "value": f"value {n + 1}"}]) == set()


@pytest.mark.parametrize(
    ("most_ids", "most_walked"),
    [(10_000, 12_000), (3, 12_000), (3, 60), (3, 0)],
    ids=["by id", "by person", "by person, then by a pass", "by a pass"],
)
@pytest.mark.parametrize("is_delivered", [True, False], ids=["delivered", "waiting"])
def test_each_way_of_searching_finds_the_same(
    project: ProjectClient,
    monkeypatch: pytest.MonkeyPatch,
    most_ids: int,
    most_walked: int,
    is_delivered: bool,
) -> None:
    named = [f"wanted-{n}" if n % 4 == 1 else f"other-{n}" for n in range(40)]
    project.capture(
        *(
            event(
                "a",
                name,
                timestamp=f"2026-01-01T00:00:{n // 2:02}Z",
                properties={"$set": {"name": "Wanted" if n % 5 == 2 else "x", "even": n % 2 == 0}},
            )
            for n, name in enumerate(named)
        )
    )
    if is_delivered:
        settle()
    monkeypatch.setattr(person_search, "MOST_IDS", most_ids)
    monkeypatch.setattr(person_search, "MOST_WALKED", most_walked)
    uuids = [row["uuid"] for row in ask(project)["results"]]
    expected = [uuid for uuid, n in zip(uuids, _numbers(project), strict=True) if n % 4 == 1 or n % 5 == 2]
    search = PersonSearch(PropertyGroup(), "WANTED", until=timezone.now())

    for limit, offset in ((40, 0), (5, 0), (5, 3), (20, 14)):
        persons = find_persons(project.id, search, limit=limit, offset=offset)
        assert list(map(str, persons)) == expected[offset : offset + limit]
    assert count_found(project.id, search) == len(expected)


def _numbers(project: ProjectClient) -> list[int]:
    """What the distinct ids of the persons of the list end in."""
    return [int(name.rpartition("-")[2]) for name in names(project)]


def test_filters_combine_with_a_search_for_ids(project: ProjectClient) -> None:
    for n in range(8):
        make_listed(project, f"wanted-{n}", even=n % 2 == 0)
    settle()
    even = [{"key": "even", "value": True}]

    assert names(project, search="wanted", properties=even) == [
        "wanted-6",
        "wanted-4",
        "wanted-2",
        "wanted-0",
    ]
    assert names(project, search="wanted-4", properties=even) == ["wanted-4"]
    assert names(project, search="wanted-5", properties=even) == []


def test_pages_of_a_search_are_full_and_fit_together(project: ProjectClient) -> None:
    times = [f"2026-01-0{1 + n % 3}T00:00:00Z" for n in range(12)]
    project.capture(
        *(
            event("a", f"u{n}", timestamp=time, properties={"$set": {"even": n % 2 == 0}})
            for n, time in enumerate(times)
        )
    )
    everybody = [row["distinct_ids"][0] for row in ask(project)["results"]]
    properties = [{"key": "even", "value": True}]

    pages, answer = [], ask(project, properties=properties, limit=4)
    pages.append(answer["results"])
    while answer["next"]:
        answer = project.get(answer["next"]).json()
        pages.append(answer["results"])

    assert [len(page) for page in pages] == [4, 2]
    walked = [row["distinct_ids"][0] for page in pages for row in page]
    assert walked == [name for name in everybody if int(name[1:]) % 2 == 0]


def test_persons_of_other_projects_are_not_found(people: ProjectClient, other_project: ProjectClient) -> None:
    theirs = join(people, "theirs", listed(people, "ada"))

    assert found(other_project, search="ada") == set()
    assert found(other_project, properties=[{"key": "plan", "operator": "is_set"}]) == set()
    item = {"type": "cohort", "key": "id", "value": theirs.pk}
    response = other_project.get(other_project.persons_url, properties=json.dumps([item]))
    assert (response.status_code, response.json()["attr"]) == (400, "properties")


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "1",
        '"plan"',
        '{"key": "plan", "value": "team"}',
        '{"plan": "team"}',
        '{"type": "AND"}',
        '[{"value": "team"}]',
        '[{"key": 1, "value": "team"}]',
        '[{"key": "plan"}]',
        '[{"key": "plan", "value": "x", "operator": "like"}]',
        '[{"key": "plan", "value": "(", "operator": "regex"}]',
        '[{"key": "plan", "value": "x", "operator": "gt"}]',
        '[{"key": "plan", "value": "x", "operator": "is_date_before"}]',
        '[{"key": "plan", "value": "x", "operator": "in"}]',
        '[{"key": "plan", "value": "x", "type": "event"}]',
        '[{"key": "plan", "value": "x", "type": "group", "group_type_index": 0}]',
        '[{"key": "plan", "value": "x", "type": "nothing"}]',
        '[{"key": "plan", "value": "x", "type": ["person"]}]',
        '[{"key": "id", "value": "x", "type": "cohort"}]',
        '[{"key": "id", "value": 99999999, "type": "cohort"}]',
        '[{"key": "name", "value": 1, "type": "cohort"}]',
        '[{"key": "id", "value": 1, "type": "cohort", "operator": "gt"}]',
        '{"type": "XOR", "values": []}',
        '{"type": "OR", "values": 1}',
        "[[]]",
        "[1]",
    ],
)
def test_what_is_no_filter_is_refused(project: ProjectClient, text: str) -> None:
    response = project.get(project.persons_url, properties=text)

    assert (response.status_code, response.json()["attr"]) == (400, "properties"), response.text


def test_a_walk_over_pages_sees_everybody_once_while_others_come_and_go(project: ProjectClient) -> None:
    project.capture(*(event("a", f"u{n}", timestamp="2026-01-01T00:00:00Z") for n in range(100)))
    leaving = [listed(project, f"u{n}")["uuid"] for n in range(0, 100, 10)]

    seen, url, page = [], project.persons_url, 0
    with ThreadPoolExecutor(2) as pool:
        while url:
            answer = (project.get(url) if page else project.get(url, limit=7)).json()
            seen += [row["distinct_ids"][0] for row in answer["results"]]
            url, page = answer["next"], page + 1
            arrival = event("a", f"new{page}", timestamp="2026-02-01T00:00:00Z")
            list(
                pool.map(
                    lambda call: call(),
                    [
                        lambda arrival=arrival: project.capture(arrival),
                        lambda: leaving and project.delete(f"{project.persons_url}{leaving.pop()}/"),
                    ],
                )
            )

    staying = [f"u{n}" for n in range(100) if n % 10]
    assert [name for name in seen if name in staying] == [
        name for name in dict.fromkeys(seen) if name in staying
    ]
    assert set(staying) <= set(seen)
    assert answer["previous"] is not None
