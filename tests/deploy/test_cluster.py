"""Questions in a cluster of two shards: each goes to one of them, and answers what a single ClickHouse answers.

Both shards are this one ClickHouse, so a question that went to both would find everything twice. Keeper is missing in
it: replication and ``ON CLUSTER`` are tested as text (``tests/rules/test_cluster.py``).
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch
from uuid import UUID

import orjson
import pytest
from django.test import override_settings

from core.clickhouse import client, cluster, migrate, squash
from core.exceptions import ClickHouseRefused
from core.sql.text import Sql
from insights.filters.correlation import read_correlation
from insights.filters.properties_timeline import read_timeline
from insights.queries import cohort
from insights.queries.correlation import correlated
from insights.queries.funnel_population import population
from insights.queries.funnel_steps import step_counts
from insights.queries.funnel_times import times
from insights.queries.funnel_trends import entered
from insights.queries.properties_timeline import history
from persons_api.embedded import clickhouse, stores
from persons_api.embedded.folder import DataFolder
from persons_api.embedded.process import Command
from persons_api.embedded.state import StackState
from tests.cohorts.test_query_text import CRITERIA
from tests.cohorts.world import read
from tests.embedded.run import children
from tests.insights import test_correlation_query_text as correlations
from tests.insights import test_query_text as funnels
from tests.insights import test_trend_query_text as trends
from tests.insights.world import NOON, World

CLUSTER = cluster.Cluster("many", "shop")
PROJECT = 5
_CONFIGURATION = """
<clickhouse><tcp_port>{port}</tcp_port><remote_servers>
  <many>{shard}{shard}</many>
  <many_nodes>{shard}</many_nodes>
</remote_servers></clickhouse>
"""
_SHARD = """
<shard><internal_replication>true</internal_replication>
<replica><host>127.0.0.1</host><port>{port}</port></replica></shard>
"""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """A ClickHouse that knows the cluster, with the schema and some rows of the project 5."""
    folder = DataFolder(tmp_path_factory.mktemp("cluster") / "data")
    folder.create()
    state = StackState()
    stores.choose_ports(state)
    # Nobody listens there: it only says that the host is this one.
    port = 9
    (folder.path / "cluster.xml").write_text(_CONFIGURATION.format(port=port, shard=_SHARD.format(port=port)))
    part = clickhouse.part(folder, state)
    assert isinstance(part.command, Command)
    path = part.command.arguments.index("--path") + 1
    part.command.arguments[path] += f"?config-file={folder.path / 'cluster.xml'}"
    with children() as running:
        running.start([part])
        target = {
            "interface": "http",
            "host": "127.0.0.1",
            "port": state.clickhouse_port,
            "username": "default",
            "password": state.clickhouse_password,
            "database": CLUSTER.database,
        }
        with single(target):
            make_schema()
        with clustered(target):
            fill()
        yield target


@contextmanager
def single(target: dict[str, Any]) -> Iterator[None]:
    with override_settings(CLICKHOUSE=target), fresh_clients():
        yield


@contextmanager
def clustered(target: dict[str, Any]) -> Iterator[None]:
    # Nothing listens to other nodes here.
    within = patch.dict(cluster._READ, prefer_localhost_replica=1)
    with override_settings(CLICKHOUSE=target, CLICKHOUSE_CLUSTER=CLUSTER.name), fresh_clients(), within:
        yield


@contextmanager
def fresh_clients() -> Iterator[None]:
    """Clients are kept by their thread, with the address that they were made for."""
    kept = client._thread.__dict__.pop("clients", {})
    try:
        yield
    finally:
        client._thread.__dict__["clients"] = kept


def without_keeper(statement: str) -> str:
    """What is left of a cluster's statement where there is no Keeper."""
    statement = statement.replace(f" ON CLUSTER {CLUSTER.name}", "").replace(
        "ENGINE = Replicated", "ENGINE = "
    )
    window = r"replicated_deduplication_window = (\d+), replicated_deduplication_window_seconds = \d+"
    return re.sub(window, r"non_replicated_deduplication_window = \1", statement)


def make_schema() -> None:
    for statement in CLUSTER.databases():
        client.administer(without_keeper(statement), in_database=False)
    for path in sorted(migrate.SCHEMA.glob("*.sql")):
        for statement in migrate.statements(path.read_text()):
            for one in CLUSTER.schema(statement):
                if not one.startswith("INSERT"):
                    client.administer(without_keeper(one))


def fill() -> None:
    """Ten persons of the project, and an override, through the Distributed tables."""
    persons = [UUID(int=number) for number in range(1, 11)]
    mappings = [mapping(f"id{n}", person) for n, person in enumerate(persons)]
    rows = {
        "events": [
            happened(UUID(int=100 * n + hour), name, f"id{n}", person, hour)
            for n, person in enumerate(persons)
            for hour, name in enumerate(("a", "b", "c"))
        ],
        "person": [
            {"project_id": PROJECT, "id": person, "created_at": "2026-01-01 00:00:00", "version": 1}
            for person in persons
        ],
        "person_distinct_id": mappings,
        "person_distinct_id_overrides": [mapping("id0", persons[1])],
    }
    for table, some in rows.items():
        client.insert_lines(table, b"\n".join(map(orjson.dumps, some)), token=table)


def happened(uuid: UUID, name: str, distinct_id: str, person: UUID, hour: int) -> dict[str, Any]:
    moment = f"2026-01-06 {hour:02}:00:00"
    who = {"project_id": PROJECT, "distinct_id": distinct_id, "person_id": person}
    return {"uuid": uuid, "event": name, "timestamp": moment, "received_at": moment, **who}


def mapping(distinct_id: str, person: UUID) -> dict[str, Any]:
    return {"project_id": PROJECT, "distinct_id": distinct_id, "person_id": person, "version": 1}


def questions() -> Iterator[Sql]:
    """Of every kind that there is."""
    yield from funnels.build(events=[{"id": "a"}, {"id": "b"}], date_from="2026-01-01", date_to="2026-01-08")
    yield from trends.built(True, math="dau", events=[{"id": "a"}], properties=funnels.FILTERS[8:])
    some = [CRITERIA[name] for name in ("performed", "first", "followed", "person", "cohort")]
    criteria = read({"properties": {"type": "OR", "values": some}}, now=NOON)
    yield cohort.members(criteria, {}, overridden=True)
    timeline = read_timeline({"events": [{"id": "a"}]}, project=correlations.PROJECT, now=NOON)
    yield history(timeline, UUID(int=2), overridden=True)
    result = World(project_id=PROJECT).result_question(
        events=[{"id": "a"}, {"id": "b", "order": 1}], funnel_order_type="unordered", funnel_viz_type="trends"
    )
    people = population(result.funnel, overridden=True, kept=[])
    yield from (step_counts(result.funnel, people), entered(result, people), times(result, people))
    for asked in correlations.TABLES[1:3]:
        question = read_correlation({**correlations.FUNNEL, **asked}, project=correlations.PROJECT, now=NOON)
        yield correlated(question, population(question.entered.funnel, overridden=True, kept=[]))


def answer(query: Sql) -> list[str]:
    text, parameters = query.rendered()
    # Where a walk through the past of a person begins.
    start = {"after_time": 0, "after_received": 0, "after_id": "", "page": 10}
    return sorted(map(repr, client.query(text, project_id=PROJECT, parameters={**start, **parameters})))


def test_every_question_stays_on_one_shard_and_answers_what_a_single_clickhouse_does(
    address: dict[str, Any],
) -> None:
    with single(address):
        expected = [answer(query) for query in questions()]
    with clustered(address):
        found = [answer(query) for query in questions()]

    assert found == expected
    # They did find something.
    assert sum(bool(rows) for rows in expected) > 5


def test_a_table_that_is_not_asked_for_the_project_is_an_error_and_no_question_to_all_shards(
    address: dict[str, Any],
) -> None:
    loose = "SELECT count() FROM events WHERE {project_id:Int64} > 0"

    with clustered(address), pytest.raises(ClickHouseRefused) as refusal:
        client.query(loose, project_id=PROJECT)

    assert refusal.value.code == 507


def test_rows_are_found_once_and_a_batch_is_taken_once(address: dict[str, Any]) -> None:
    count = "SELECT count() FROM {table} FINAL WHERE project_id = {{project_id:Int64}}"

    with clustered(address):
        fill()
        found = {
            table: client.query(count.format(table=table), project_id=PROJECT)[0][0]
            for table in ("events", "person", "person_newest_first")
        }
        parts = client.inspect("SELECT DISTINCT _partition_id FROM events WHERE project_id = 5")

    assert found == {"events": 30, "person": 10, "person_newest_first": 10}
    assert parts == [("202601",)]


def test_a_squash_looks_into_the_tables_of_its_node(address: dict[str, Any]) -> None:
    run = UUID(int=8)

    with clustered(address):
        parameters = {"run": run, "seconds": -60, "deleted": 0, "most": 10}
        client.administer(squash._SNAPSHOT, parameters=parameters)
        client.administer(squash._BY_ID, parameters={"run": run})
        found = client.inspect(
            squash._PARTITIONS, parameters={"projects": [PROJECT], "table": squash._by_id()}
        )

    assert found == [("202601",)]


def test_tables_of_a_single_clickhouse_are_refused_in_a_cluster(address: dict[str, Any]) -> None:
    with clustered(address):
        problems = list(migrate.problems())

    assert [problem.partition(",")[0] for problem in problems] == ["PERSONS_API_CLICKHOUSE_CLUSTER=many"]
    assert "those of a single ClickHouse" in problems[0]
