"""What each operator means, asked of ClickHouse: stored values, a filter, and which of the values pass."""

from typing import Any
from zoneinfo import ZoneInfo

import pytest

from core.exceptions import InvalidInput
from core.filters.properties import PropertyGroup, PropertyReader, filters_of
from core.sql.conditions import ON_PERSONS, group_condition
from core.sql.patterns import check_patterns
from core.sql.text import sql, text
from insights.sql.conditions import OnEvents
from tests.insights.world import NOON, World

MISSING = object()
#: The type of the groups that the values are in.
OWN_TYPE = 3

TEXTS = {
    "missing": MISSING, "null": None, "empty": "", "word": "Word", "lower": "word", "two": 2, "'two'": "2",
    "1.5": 1.5, "true": True, "'true'": "true", "list": ["a", 1], "object": {"a": {"b": None}}, "'null'": "null",
    "percent": "100%", "umlaut": "Ärger", "lines": "one\ntwo", "odd": "a\\b'\t\"`{p0:String}\0",
}  # fmt: skip
NUMBERS = {
    "missing": MISSING, "null": None, "'0'": "0", "'2'": "2", "2": 2, "string": "string", "1.4": 1.4, "1.3": 1.3,
    "2.5": 2.5, "-1": -1, "1e3": "1e3", "spaced": " 2 000 ", "quoted": '"7"', "inf": "inf", "nan": "nan",
    "empty": "", "true": True, "list": [5], "hex": "0x10", "dirty": "5 apples",
}  # fmt: skip
# The project is in Berlin: 2021-05-01T00:00 there is 2021-04-30T22:00Z.
DATES = {
    "missing": MISSING, "null": None, "empty": "", "word": "soon", "iso day": "2021-05-01",
    "iso": "2021-05-01T10:11:12Z", "iso fraction": "2021-05-01T10:11:12.999Z", "iso local": "2021-05-01 12:11:12",
    "slashes": "2021/05/01", "day first": "01/05/2021", "day first, dashes": "01-05-2021",
    "day first, time": "1/5/2021 12:11:12", "rfc 822": "Sat, 01 May 2021 10:11:12 +0000",
    "unix": 1619863872, "unix fraction": "1619863872.5", "unix milliseconds": 1619863872999, "nine digits": "999999999",
    "seven digits": 1619863, "eleven digits": "16198638720", "month first": "05/13/2021", "31st of June": "2021-06-31",
    "year": "2021", "next day": "2021-05-02T00:00:00+02:00", "day before": "2021-04-30 23:59:59",
}  # fmt: skip
THE_SECOND = {
    "iso",
    "iso fraction",
    "iso local",
    "day first, time",
    "rfc 822",
    "unix",
    "unix fraction",
    "unix milliseconds",
}
THE_DAY = {"iso day", "slashes", "day first", "day first, dashes"} | THE_SECOND


@pytest.fixture(scope="module")
def world() -> World:
    """An event for every stored value, named after its table, with the name of the value as its distinct id. It is in
    a group that has the same value; nobody has told of the group where the value is missing.
    """
    world = World(zone="Europe/Berlin")
    stored = [
        (table, name, {} if value is MISSING else {"k": value})
        for table, values in {"texts": TEXTS, "numbers": NUMBERS, "dates": DATES}.items()
        for name, value in values.items()
    ]
    world.events(
        *(
            world.event_line(table, name, 0, properties, groups={OWN_TYPE: f"{table} {name}"})
            for table, name, properties in stored
        )
    )
    world.insert(
        "groups",
        [
            world.group_line(OWN_TYPE, f"{table} {name}", properties)
            for table, name, properties in stored
            if properties
        ],
    )
    return world


def read(world: World, properties: Any) -> PropertyGroup:
    return PropertyReader(zone=ZoneInfo(world.zone), now=NOON).read(properties, attr="properties")


def passing(world: World, table: str, *filters: dict[str, Any]) -> set[str]:
    """Names of the stored values that pass."""
    query = sql(
        """SELECT distinct_id FROM events AS e
        WHERE project_id = {project_id:Int64} AND event = {table} AND {condition}""",
        table=text(table),
        condition=group_condition(read(world, list(filters)), OnEvents(sql("e.person_id"))),
    )
    return {row[0] for row in world.ask(query)}


def check(
    world: World, table: str, values: dict[str, Any], operator: str | None, value: Any, expected: set[str]
) -> None:
    """The filter lets ``expected`` pass, and its negation everything else; of groups no less than of events."""
    for source in ({}, {"type": "group", "group_type_index": OWN_TYPE}):
        item = {"key": "k", "operator": operator, "value": value, **source}

        assert passing(world, table, item) == expected
        assert passing(world, table, {**item, "negation": True}) == set(values) - expected


PRESENT = set(TEXTS) - {"missing"}
COMPLEMENTS = {"exact": "is_not", "icontains": "not_icontains", "regex": "not_regex", "is_set": "is_not_set"}


@pytest.mark.parametrize(
    ("operator", "value", "expected"),
    [
        ("exact", "Word", {"word"}),
        (None, "word", {"lower"}),
        ("exact", ["Word", "word"], {"word", "lower"}),
        ("exact", [], set()),
        ("exact", 2, {"two", "'two'"}),
        ("exact", "2", {"two", "'two'"}),
        ("exact", 2.0, set()),
        ("exact", 1.5, {"1.5"}),
        ("exact", "1.5", {"1.5"}),
        ("exact", True, {"true", "'true'"}),
        ("exact", "true", {"true", "'true'"}),
        ("exact", "True", set()),
        ("exact", "null", {"null", "'null'"}),
        ("exact", [None], {"null", "'null'"}),
        ("exact", "", {"empty", "missing"}),
        ("exact", ["", "word"], {"empty", "missing", "lower"}),
        ("exact", '["a",1]', {"list"}),
        ("exact", {"a": {"b": None}}, {"object"}),
        ("exact", TEXTS["odd"], {"odd"}),
        ("exact", [TEXTS["odd"], "x"], {"odd"}),
        ("icontains", "WOR", {"word", "lower"}),
        ("icontains", "ärg", {"umlaut"}),
        ("icontains", "", set(TEXTS)),
        ("icontains", "%", {"percent"}),
        ("icontains", "_", set()),
        ("icontains", 2, {"two", "'two'"}),
        ("icontains", ["wor", "0%"], {"word", "lower", "percent"}),
        ("icontains", "\\B'", {"odd"}),
        ("regex", "^W", {"word"}),
        ("regex", "(?i)^w", {"word", "lower"}),
        ("regex", "or", {"word", "lower"}),
        ("regex", r"^\d", {"two", "'two'", "1.5", "percent"}),
        ("regex", "^$", {"empty", "missing"}),
        ("regex", ".*", set(TEXTS)),
        ("regex", "one.two", {"lines"}),
        ("regex", "^.rger$", {"umlaut"}),
        ("regex", ["^W", "^2$"], {"word", "two", "'two'"}),
        ("is_set", "is_set", PRESENT),
        ("is_set", None, PRESENT),
    ],
)
def test_texts(world: World, operator: str | None, value: Any, expected: set[str]) -> None:
    check(world, "texts", TEXTS, operator, value, expected)

    complement = COMPLEMENTS[operator or "exact"]
    assert (
        passing(world, "texts", {"key": "k", "operator": complement, "value": value}) == set(TEXTS) - expected
    )


@pytest.mark.parametrize(
    ("operator", "value", "expected"),
    [
        ("gt", 1, {"'2'", "2", "1.4", "1.3", "2.5", "1e3", "spaced", "quoted"}),
        ("gt", "1", {"'2'", "2", "1.4", "1.3", "2.5", "1e3", "spaced", "quoted"}),
        ("gt", 2, {"2.5", "1e3", "spaced", "quoted"}),
        ("gte", 2, {"'2'", "2", "2.5", "1e3", "spaced", "quoted"}),
        ("lt", 1.4, {"'0'", "1.3", "-1"}),
        ("lte", "1.4", {"'0'", "1.3", "1.4", "-1"}),
        ("lt", -1, set()),
        ("gt", "1999", {"spaced"}),
        ("gt", -1e300, {"'0'", "'2'", "2", "1.4", "1.3", "2.5", "-1", "1e3", "spaced", "quoted"}),
        ("lt", 1e300, {"'0'", "'2'", "2", "1.4", "1.3", "2.5", "-1", "1e3", "spaced", "quoted"}),
    ],
)
def test_numbers(world: World, operator: str, value: Any, expected: set[str]) -> None:
    check(world, "numbers", NUMBERS, operator, value, expected)


@pytest.mark.parametrize(
    ("operator", "value", "expected"),
    [
        ("is_date_exact", "2021-05-01", THE_DAY),
        ("is_date_exact", "01/05/2021", THE_DAY),
        ("is_date_exact", "2021-05-01T10:11:12Z", THE_SECOND),
        ("is_date_exact", "2021-05-01 12:11:12.5", THE_SECOND),
        ("is_date_exact", "2021-05-01 00:00:00", THE_DAY - THE_SECOND),
        ("is_date_after", "2021-04-30", THE_DAY | {"next day"}),
        ("is_date_after", "2021-05-01", {"next day"}),
        ("is_date_after", "2021-05-01T10:11:11Z", THE_SECOND | {"next day"}),
        ("is_date_after", "2021-05-01T10:11:12Z", {"next day"}),
        ("is_date_before", "2021-05-02", THE_DAY | {"day before", "nine digits"}),
        ("is_date_before", "2021-05-01", {"day before", "nine digits"}),
        ("is_date_before", "2021-05-01T10:11:12Z", (THE_DAY - THE_SECOND) | {"day before", "nine digits"}),
        ("is_relative_date_after", "-1d", set()),
        ("is_relative_date_before", "-1d", THE_DAY | {"next day", "day before", "nine digits"}),
    ],
)
def test_dates(world: World, operator: str, value: Any, expected: set[str]) -> None:
    check(world, "dates", DATES, operator, value, expected)


def test_the_worked_examples_of_the_contract(world: World) -> None:
    def count(names: set[str], operator: str, value: Any) -> int:
        return len(passing(world, "numbers", {"key": "k", "operator": operator, "value": value}) & names)

    words, floats = {"'0'", "'2'", "2", "string"}, {"1.4", "1.3", "2", "2.5"}

    assert [count(words, "exact", 2), count(words, "gt", 1), count(words, "lt", 3)] == [2, 2, 3]
    assert [count(floats, "exact", 1.5), count(floats, "gt", 1.2), count(floats, "lt", 2.3)] == [0, 4, 3]


KEYS = ["plain", "a.b", "a", "`", "'", "", "%", "ü", "a b", "$set", "{p0:String}", "\\", "x`.y", "k]", "0"]


def test_every_key_is_one_key() -> None:
    world = World()
    world.events(*(world.event_line("keys", key, 0, {key: "v"}) for key in KEYS))

    found = {key: passing(world, "keys", {"key": key, "value": "v"}) for key in KEYS}

    assert found == {key: {key} for key in KEYS}


def test_groups_nest_and_sources_mix() -> None:
    world = World()
    for name, plan, browser in (
        ("a", "team", "Chrome"),
        ("b", "team", "Safari"),
        ("c", "free", "Chrome"),
        ("d", "free", "Safari"),
    ):
        world.persons(name, properties={"plan": plan})
        world.events(world.event_line("x", name, 0, {"browser": browser}))
    team = {"key": "plan", "value": "team", "type": "person"}
    chrome = {"key": "browser", "value": "Chrome"}

    def found(properties: Any) -> set[str]:
        condition = group_condition(read(world, properties), OnEvents(sql("e.person_id")))
        query = sql(
            "SELECT distinct_id FROM events AS e WHERE project_id = {project_id:Int64} AND {condition}",
            condition=condition,
        )
        return {row[0] for row in world.ask(query)}

    assert found([team, chrome]) == {"a"}
    assert found({"type": "OR", "values": [team, chrome]}) == {"a", "b", "c"}
    assert found([{**team, "negation": True}, chrome]) == {"c"}
    assert found(
        {
            "type": "OR",
            "values": [
                {"type": "AND", "values": [team, chrome]},
                {"type": "AND", "values": [{**team, "operator": "is_not"}, {**chrome, "operator": "is_not"}]},
            ],
        }
    ) == {"a", "d"}


def test_the_current_properties_of_a_person_count() -> None:
    world = World()
    old, new = {"plan": "free", "gone": "1"}, {"plan": "team"}
    world.insert("person", [world.person_line("a", old, version=1), world.person_line("a", new, version=2)])
    world.insert("person", [world.person_line("a", old, version=0)])

    def count(**item: Any) -> int:
        condition = group_condition(read(world, [{"type": "person", **item}]), ON_PERSONS)
        query = sql(
            "SELECT id FROM person FINAL WHERE project_id = {project_id:Int64} AND {condition}",
            condition=condition,
        )
        return len(world.ask(query))

    assert [
        count(key="plan", value="team"),
        count(key="plan", value="free"),
        count(key="gone", operator="is_set"),
    ] == [1, 0, 0]


def test_the_current_properties_of_the_group_of_that_type_count() -> None:
    world, other = World(), World()
    old, new = {"plan": "free", "gone": "1"}, {"plan": "team"}
    world.insert("groups", [world.group_line(0, "acme", old, version=1), world.group_line(1, "acme", old)])
    world.insert("groups", [world.group_line(0, "acme", new, version=2)])
    world.insert("groups", [world.group_line(0, "acme", old)])
    other.insert("groups", [other.group_line(0, "acme", old, version=9)])
    world.events(world.event_line("x", "in acme", 0, groups={0: "acme"}), world.event_line("x", "alone", 0))

    def found(**item: Any) -> set[str]:
        return passing(world, "x", {"type": "group", "group_type_index": 0, **item})

    assert found(key="plan", value="team") == {"in acme"}
    assert found(key="plan", value="free") == set()
    assert found(key="gone", operator="is_set") == set()
    assert found(key="plan", value="team", operator="is_not") == {"alone"}
    assert found(key="gone", operator="is_not_set") == {"in acme", "alone"}


@pytest.mark.parametrize("pattern", ["(", "[a", "a**", r"\1", "(?=a)", "(?<!a)b", "a{1001}", "a{2,1}"])
def test_a_pattern_that_re2_does_not_take_is_named(world: World, pattern: str) -> None:
    group = read(
        world,
        [
            {"key": "k", "value": "ok", "operator": "regex"},
            {"key": "k", "value": pattern, "operator": "not_regex"},
        ],
    )

    with pytest.raises(InvalidInput) as caught:
        check_patterns(filters_of(group))

    assert caught.value.attr == "properties[1]"
