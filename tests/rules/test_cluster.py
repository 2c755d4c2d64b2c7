"""What statements become in a cluster. ClickHouse itself parses every one."""

import re
from pathlib import Path

import pytest
import yaml
from django.test import override_settings

from core.clickhouse import client, migrate, mutations, scrub, squash
from core.clickhouse.cluster import Cluster
from persons_api import env
from tests.embedded.run import ROOT, run

CLUSTER = Cluster("many", "shop")
DISTRIBUTED = ", project_id)"
SCHEMA = sorted(migrate.SCHEMA.glob("*.sql"))


def flat(statement: str) -> str:
    return re.sub(r"\s+", " ", statement).strip()


def parsed(statement: str) -> str:
    """The statement as ClickHouse prints it."""
    ((text,),) = client.inspect("SELECT formatQuerySingleLine({text:String})", parameters={"text": statement})
    return str(text)


def schema() -> list[str]:
    return [
        one
        for path in SCHEMA
        for statement in migrate.statements(path.read_text())
        for one in CLUSTER.schema(statement)
    ]


def made() -> dict[str, str]:
    """What makes a table, by its name with the database."""
    return {
        found[1]: flat(one)
        for one in schema()
        if (
            found := re.match(
                r"CREATE (?:OR REPLACE TABLE|TABLE IF NOT EXISTS|MATERIALIZED VIEW IF NOT EXISTS) (\S+)", one
            )
        )
    }


@pytest.mark.parametrize("path", SCHEMA, ids=lambda path: path.stem)
def test_clickhouse_understands_every_schema_file(path: Path) -> None:
    for statement in migrate.statements(path.read_text()):
        for one in CLUSTER.schema(statement):
            assert parsed(one)
            assert one.startswith("INSERT") or " ON CLUSTER many" in parsed(one)


def test_rows_of_projects_are_replicated_and_spread_by_project() -> None:
    tables = made()

    assert tables["shop.events"].startswith(
        "CREATE TABLE IF NOT EXISTS shop.events ON CLUSTER many ( project_id Int64,"
    )
    assert "ENGINE = ReplicatedReplacingMergeTree PARTITION BY toYYYYMM(timestamp)" in tables["shop.events"]
    assert "replicated_deduplication_window = 10000" in tables["shop.events"]
    assert "non_replicated" not in " ".join(tables.values())
    assert (
        "ENGINE = ReplicatedReplacingMergeTree(version, is_deleted) ORDER BY (project_id, id)"
        in tables["shop.person"]
    )
    assert tables["shop_cluster.events"] == (
        "CREATE OR REPLACE TABLE shop_cluster.events ON CLUSTER many AS shop.events "
        "ENGINE = Distributed('many', shop, events, project_id)"
    )


def test_every_table_with_rows_of_projects_has_both_forms() -> None:
    tables = made()
    spread = {name.partition(".")[2] for name, text in tables.items() if text.endswith(DISTRIBUTED)}

    assert spread == {
        name.partition(".")[2]
        for name, text in tables.items()
        if re.search(r"ENGINE = (Replicated\w*MergeTree|Null)", text)
    }
    assert {
        "events",
        "person",
        "person_newest_first",
        "person_distinct_id",
        "person_distinct_id_overrides",
    } < spread


@pytest.mark.parametrize(
    "table", ["ids_to_erase", "persons_to_erase", "distinct_ids_to_erase", "overrides_to_squash_by_id"]
)
def test_what_mutations_look_into_is_the_same_on_every_node(table: str) -> None:
    tables = made()

    assert re.search(r"ENGINE = (Join|Set)", tables[f"shop.{table}"])
    assert tables[f"shop_cluster.{table}"].endswith(f"ENGINE = Distributed('many_nodes', shop, {table})")


def test_views_stay_on_their_node() -> None:
    tables = made()

    assert tables["shop.person_to_newest_first"] == (
        "CREATE MATERIALIZED VIEW IF NOT EXISTS shop.person_to_newest_first ON CLUSTER many "
        "TO shop.person_newest_first "
        "AS SELECT project_id, created_at, id, properties, version, is_deleted FROM shop.person"
    )
    assert "FROM shop.cohort_member_changes ARRAY JOIN" in tables["shop.cohort_member_changes_to_members"]


def test_a_new_column_is_in_both_forms() -> None:
    statements = CLUSTER.schema("-- Why.\nALTER TABLE events\n    ADD COLUMN IF NOT EXISTS a String")

    assert [flat(one) for one in statements] == [
        "ALTER TABLE shop.events ON CLUSTER many ADD COLUMN IF NOT EXISTS a String",
        "CREATE OR REPLACE TABLE shop_cluster.events ON CLUSTER many AS shop.events "
        "ENGINE = Distributed('many', shop, events, project_id)",
    ]


def test_a_schema_statement_of_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="RENAME"):
        CLUSTER.schema("RENAME TABLE a TO b")


DELETE = "\nDELETE FROM person WHERE project_id = 1 SETTINGS lightweight_deletes_sync = 2"
CHANGES = {
    "a squash": (
        squash._FOLD % "202601",
        "ALTER TABLE shop.events ON CLUSTER many UPDATE person_id = joinGet(",
    ),
    "the end of an override": (
        squash._REMOVE.format(comparison="<"),
        "ALTER TABLE shop.person_distinct_id_overrides ON CLUSTER many DELETE WHERE ",
    ),
    "an erasure": (DELETE, "DELETE FROM shop.person ON CLUSTER many WHERE project_id = 1 SETTINGS "),
    "what was noted": ("TRUNCATE TABLE ids_to_erase", "TRUNCATE TABLE shop.ids_to_erase ON CLUSTER many"),
    "an exchange": (
        "EXCHANGE TABLES person AND person_rebuilt",
        "EXCHANGE TABLES shop.person AND shop.person_rebuilt ON CLUSTER many",
    ),
    "a stop": ("KILL QUERY WHERE query = 'a' ASYNC", "KILL QUERY ON CLUSTER many WHERE query = 'a' ASYNC"),
    "an optimization": ("OPTIMIZE TABLE events FINAL", "OPTIMIZE TABLE shop.events ON CLUSTER many FINAL"),
}


@pytest.mark.parametrize("name", list(CHANGES))
def test_changes_go_to_the_tables_of_every_node(name: str) -> None:
    statement, expected = CHANGES[name]

    addressed = CLUSTER.addressed(statement)

    assert flat(addressed).startswith(expected)
    assert "ON CLUSTER many" in parsed(re.sub(r"\{table:String\}", "'t'", addressed))


def test_inserts_go_to_distributed_tables() -> None:
    for statement in (squash._SNAPSHOT, squash._BY_ID):
        assert CLUSTER.addressed(statement) == statement


@pytest.mark.parametrize(
    "question", [mutations._UNDONE, squash._IS_INTACT, scrub._MASKED], ids=["mutations", "tables", "parts"]
)
def test_questions_about_the_server_go_to_every_node(question: str) -> None:
    asked = CLUSTER.everywhere(question)

    assert re.search(r"FROM clusterAllReplicas\('many', system\.(mutations|tables|parts)\)", asked)
    assert "FROM system." not in asked
    assert "clusterAllReplicas(" in parsed(asked)


REBUILD = {
    "CREATE TABLE IF NOT EXISTS person_rebuilt AS person": [
        "CREATE TABLE IF NOT EXISTS shop.person_rebuilt ON CLUSTER many AS shop.person",
        "CREATE OR REPLACE TABLE shop_cluster.person_rebuilt ON CLUSTER many AS shop.person_rebuilt "
        "ENGINE = Distributed('many', shop, person_rebuilt, project_id)",
    ],
    "DROP TABLE IF EXISTS person_rebuilt SYNC": [
        "DROP TABLE IF EXISTS shop_cluster.person_rebuilt ON CLUSTER many",
        "DROP TABLE IF EXISTS shop.person_rebuilt ON CLUSTER many SYNC",
    ],
    "DROP VIEW IF EXISTS person_to_rebuilt SYNC": [
        "DROP VIEW IF EXISTS shop.person_to_rebuilt ON CLUSTER many SYNC"
    ],
    "EXCHANGE TABLES person AND person_rebuilt": [
        "EXCHANGE TABLES shop.person AND shop.person_rebuilt ON CLUSTER many"
    ],
    "ALTER TABLE events DROP PARTITION ID '202601'": [
        "ALTER TABLE shop.events ON CLUSTER many DROP PARTITION ID '202601'"
    ],
}


@pytest.mark.parametrize("statement", list(REBUILD))
def test_a_rebuild_and_retention_are_told_to_every_node(statement: str) -> None:
    found = CLUSTER.schema(statement)

    assert found == REBUILD[statement]
    assert all(parsed(one) for one in found)


def test_the_example_of_a_configuration_is_one_that_is_accepted() -> None:
    clusters = yaml.safe_load((ROOT / "deploy/clickhouse/cluster.yaml").read_text())["remote_servers"]
    shards, (nodes,) = clusters["persons"]["shard"], clusters["persons_nodes"]["shard"]

    assert [shard["internal_replication"] for shard in shards] == [True, True]
    assert nodes["internal_replication"] is False
    assert nodes["replica"] == [replica for shard in shards for replica in shard["replica"]]


def test_a_cluster_that_clickhouse_does_not_know_stops_the_start() -> None:
    with override_settings(CLICKHOUSE_CLUSTER="nowhere"), pytest.raises(migrate.WrongCluster) as refusal:
        migrate.migrate()

    assert str(refusal.value).startswith("PERSONS_API_CLICKHOUSE_CLUSTER=nowhere: ClickHouse cannot make")


def test_a_name_that_would_need_quotes_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERSONS_API_CLICKHOUSE_CLUSTER", "my-cluster")

    with pytest.raises(env.BadEnvironment, match="PERSONS_API_CLICKHOUSE_CLUSTER='my-cluster'"):
        env.identifier("PERSONS_API_CLICKHOUSE_CLUSTER")


def test_the_embedded_stack_has_no_cluster(tmp_path: Path) -> None:
    ended = run("up", "--data-dir", str(tmp_path / "data"), PERSONS_API_CLICKHOUSE_CLUSTER="many")

    assert ended.returncode == 1
    assert "the embedded stack has one ClickHouse" in ended.stderr
    assert not (tmp_path / "data").exists()
