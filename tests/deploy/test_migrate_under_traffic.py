"""A migration that has to wait for somebody refuses nobody meanwhile."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from django.core.management import call_command
from django.db import OperationalError, connection, transaction

from core.management import phases
from core.management.phases import patiently
from tests.clients import ProjectClient, event
from tests.embedded.run import wait_until
from tests.persons import listed


@contextmanager
def somebody_reads_long() -> Iterator[Callable[[], None]]:
    """A transaction that holds a lock on persons, in the way of every change of the table, until it is let go."""
    holds, let_go = threading.Event(), threading.Event()

    def read() -> None:
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("LOCK TABLE core_person IN ACCESS SHARE MODE")
                holds.set()
                let_go.wait(60)
        finally:
            connection.close()

    thread = threading.Thread(target=read)
    thread.start()
    holds.wait()
    try:
        yield let_go.set
    finally:
        let_go.set()
        thread.join()


def add_column() -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE core_person ADD COLUMN added_by_a_test boolean NULL")


def drop_column() -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE core_person DROP COLUMN IF EXISTS added_by_a_test")


def in_thread(call: Callable[[], None]) -> None:
    try:
        call()
    finally:
        connection.close()


def test_requests_are_answered_while_a_migration_waits(
    project: ProjectClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[float] = []
    monkeypatch.setattr(phases, "PAUSE", 0.1)
    monkeypatch.setattr(phases, "LOCK_TIMEOUT", 0.3)

    def migrate() -> None:
        tries.append(time.monotonic())
        add_column()

    answers: list[int | None] = []
    try:
        with somebody_reads_long() as let_go, ThreadPoolExecutor(1) as pool:
            migration = pool.submit(in_thread, lambda: patiently(migrate))
            # ``capture`` fails unless the answer is 200.
            while len(tries) < 4:
                project.capture(event("$set", "ada", properties={"$set": {"turn": len(answers)}}))
                answers.append(listed(project, "ada")["properties"]["turn"])
            assert not migration.done()
            let_go()
            migration.result(timeout=30)
        project.capture(event("$set", "ada", properties={"$set": {"turn": "last"}}))
    finally:
        patiently(drop_column)

    assert answers == list(range(len(answers)))
    assert listed(project, "ada")["properties"]["turn"] == "last"


def test_a_migration_that_never_gets_its_lock_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(phases, "PATIENCE", 0.0)
    monkeypatch.setattr(phases, "LOCK_TIMEOUT", 0.05)

    with somebody_reads_long(), pytest.raises(OperationalError, match="lock timeout"):
        patiently(add_column)

    with connection.cursor() as cursor:
        cursor.execute("SHOW lock_timeout")
        assert cursor.fetchone() == ("0",)


def test_an_index_that_was_not_finished_is_out_of_the_way_of_the_next_try(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(phases, "PAUSE", 0.0)
    monkeypatch.setattr(phases, "LOCK_TIMEOUT", 0.2)

    def index() -> None:
        with connection.cursor() as cursor:
            cursor.execute("CREATE INDEX CONCURRENTLY made_by_a_test ON core_cohort (name)")

    try:
        with writing_to_cohorts() as let_go, ThreadPoolExecutor(1) as pool:
            migration = pool.submit(in_thread, lambda: patiently(index))
            wait_until(lambda: validity_of_index() == [(False,)])
            let_go()
            migration.result(timeout=30)
        assert validity_of_index() == [(True,)]
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP INDEX CONCURRENTLY IF EXISTS made_by_a_test")


def validity_of_index() -> list[tuple[bool]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT i.indisvalid FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE relname = %s",
            ["made_by_a_test"],
        )
        return list(cursor.fetchall())


@contextmanager
def writing_to_cohorts() -> Iterator[Callable[[], None]]:
    """A transaction that an index built meanwhile has to wait for."""
    holds, let_go = threading.Event(), threading.Event()

    def write() -> None:
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("LOCK TABLE core_cohort IN ROW EXCLUSIVE MODE")
                holds.set()
                let_go.wait(60)
        finally:
            connection.close()

    thread = threading.Thread(target=write)
    thread.start()
    holds.wait()

    def end() -> None:
        let_go.set()
        thread.join()

    try:
        yield end
    finally:
        end()


@pytest.mark.parametrize("phase", ["pre", "post"])
def test_a_schema_that_is_up_to_date_stays(phase: str, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("prepare", "--phase", phase)

    assert capsys.readouterr().out.startswith("schema is up to date (ClickHouse files applied now: none)")
