"""New migrations may run while requests go on: none rewrites or long locks a table, and what the version before uses
stays until the phase ``post``.
"""

import re
from collections.abc import Sequence

import pytest
from django.db import connection
from django.db.migrations.loader import MigrationLoader

from core.clickhouse import migrate
from core.management.phases import WrongPhase, is_post, of_phase

#: What was there before this rule: nothing of it was ever applied to an installation with traffic.
FIRST_CHECKED = "0014"
FIRST_CHECKED_FILE = "0016"

_CREATED = re.compile(r'CREATE TABLE (?:IF NOT EXISTS )?"?(\w+)"?', re.IGNORECASE)
#: What a statement must not be on a table with rows, and why.
DANGERS: dict[str, str] = {
    r'CREATE (?:UNIQUE )?INDEX (?!CONCURRENTLY)[^;]* ON "?(?P<table>\w+)': "blocks writers: AddIndexConcurrently",
    r'ALTER TABLE "?(?P<table>\w+)"? ALTER COLUMN "?\w+"? TYPE': "rewrites the table",
    r'ALTER TABLE "?(?P<table>\w+)"? ALTER COLUMN "?\w+"? SET NOT NULL': "reads the whole table under a lock",
    r'ALTER TABLE "?(?P<table>\w+)"? ADD COLUMN [^;]*GENERATED ALWAYS': "rewrites the table",
    r'ALTER TABLE "?(?P<table>\w+)"? ADD COLUMN [^;]*DEFAULT (?:\(?\w*(?:random|clock_timestamp)\w*\()': (
        "rewrites the table"
    ),
    r'ALTER TABLE "?(?P<table>\w+)"? ADD COLUMN (?:(?!DEFAULT|NULL)[^;])*NOT NULL(?![^;]*DEFAULT)': (
        "the version before cannot add rows: db_default"
    ),
    r'ALTER TABLE "?(?P<table>\w+)"? ALTER COLUMN "?\w+"? DROP DEFAULT': (
        "the version before cannot add rows: db_default"
    ),
    r'ALTER TABLE "?(?P<table>\w+)"? ADD CONSTRAINT [^;]*(?:UNIQUE|PRIMARY KEY|EXCLUDE) (?!USING INDEX)': (
        "builds an index under a lock"
    ),
    r'ALTER TABLE "?(?P<table>\w+)"? ADD CONSTRAINT (?![^;]*NOT VALID)[^;]*(?:CHECK|FOREIGN KEY)': (
        "reads the whole table under a lock: NOT VALID, then VALIDATE"
    ),
}
#: What only the phase ``post`` may do.
REMOVALS = r'(?:DROP TABLE|DROP COLUMN|RENAME (?:COLUMN|TO)|ALTER TABLE "?\w+"? RENAME)'


def dangers(statements: Sequence[str], *, post: bool = False) -> list[str]:
    """What is wrong with the statements of a migration. Tables that it makes itself are empty, and nobody's yet."""
    own = {table for one in statements for table in _CREATED.findall(one)}
    found = []
    for statement in statements:
        for pattern, why in DANGERS.items():
            match = re.search(pattern, statement, re.IGNORECASE)
            if match and match["table"] not in own:
                found.append(f"{why}: {statement}")
        if not post and re.search(REMOVALS, statement, re.IGNORECASE):
            found.append(f"only in a migration with _post_ in its name: {statement}")
    return found


def statements_of(name: str) -> list[str]:
    loader = MigrationLoader(connection, replace_migrations=False)
    plan = [(loader.graph.nodes["core", name], False)]
    return [line for line in loader.collect_sql(plan) if line and not line.startswith("--")]


NEW = sorted(
    name for app, name in MigrationLoader(None).graph.nodes if app == "core" and name >= FIRST_CHECKED
)


@pytest.mark.parametrize("name", NEW)
def test_a_new_migration_holds_up_nobody(name: str) -> None:
    assert dangers(statements_of(name), post=is_post(name)) == []


@pytest.mark.parametrize(
    "statement",
    [
        'CREATE INDEX "i" ON "core_person" ("uuid")',
        "CREATE UNIQUE INDEX i ON core_person (uuid)",
        'ALTER TABLE "core_person" ALTER COLUMN "version" TYPE numeric USING "version"::numeric',
        'ALTER TABLE "core_person" ALTER COLUMN "version" SET NOT NULL',
        'ALTER TABLE "core_person" ADD COLUMN "a" text GENERATED ALWAYS AS (lower("b")) STORED',
        'ALTER TABLE "core_person" ADD COLUMN "a" uuid DEFAULT (gen_random_uuid()) NOT NULL',
        'ALTER TABLE "core_person" ADD COLUMN "a" boolean NOT NULL',
        'ALTER TABLE "core_person" ALTER COLUMN "a" DROP DEFAULT',
        'ALTER TABLE "core_person" ADD CONSTRAINT "c" UNIQUE ("a")',
        'ALTER TABLE "core_person" ADD CONSTRAINT "c" CHECK ("a" > 0)',
        'ALTER TABLE "core_person" ADD CONSTRAINT "c" FOREIGN KEY ("a") REFERENCES "core_project" ("id")',
        'ALTER TABLE "core_person" DROP COLUMN "a" CASCADE',
        'ALTER TABLE "core_person" RENAME COLUMN "a" TO "b"',
        'DROP TABLE "core_person" CASCADE',
    ],
)  # fmt: skip
def test_what_would_hold_up_somebody_is_found(statement: str) -> None:
    assert len(dangers([statement])) == 1
    # Nobody uses a table that the migration has made.
    if not re.search(REMOVALS, statement):
        assert dangers(['CREATE TABLE "core_person" ("id" bigint)', statement]) == []


@pytest.mark.parametrize(
    "statement",
    [
        'CREATE INDEX CONCURRENTLY "i" ON "core_person" ("uuid")',
        'ALTER TABLE "core_person" ADD COLUMN "a" timestamp with time zone NULL',
        'ALTER TABLE "core_person" ADD COLUMN "a" bigint DEFAULT 0 NOT NULL',
        'ALTER TABLE "core_person" ADD CONSTRAINT "c" CHECK ("a" > 0) NOT VALID',
        'ALTER TABLE "core_person" VALIDATE CONSTRAINT "c"',
        'ALTER TABLE "core_person" ADD CONSTRAINT "c" UNIQUE USING INDEX "i"',
    ],
)
def test_what_is_quick_is_allowed(statement: str) -> None:
    assert dangers([statement]) == []


def test_only_the_phase_post_takes_away() -> None:
    assert dangers(['ALTER TABLE "core_person" DROP COLUMN "a"'], post=True) == []


def test_new_files_of_clickhouse_take_nothing_away_before() -> None:
    for path in migrate.SCHEMA.glob("*.sql"):
        if path.name >= FIRST_CHECKED_FILE and not is_post(path.name):
            assert not re.search(
                r"^(DROP|RENAME)|DROP COLUMN|RENAME COLUMN", path.read_text(), re.MULTILINE
            ), path


PENDING = ["0020_a", "0021_b", "0022_post_c"]


def test_the_phases_follow_each_other() -> None:
    assert of_phase(PENDING, "pre") == ["0020_a", "0021_b"]
    assert of_phase(["0022_post_c"], "post") == ["0022_post_c"]
    assert of_phase(PENDING, "all") == PENDING


def test_a_version_is_ended_before_the_next_one_is_begun() -> None:
    with pytest.raises(WrongPhase, match="0022_post_c ends the upgrade"):
        of_phase([*PENDING, "0023_d"], "pre")
