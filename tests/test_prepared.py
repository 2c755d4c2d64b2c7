"""Prepared statements: what ``core.database.fetch_prepared`` promises besides rows."""

import uuid
from datetime import UTC, datetime

import pytest
from django.db import DataError, OperationalError, connection, transaction

from core.database import fetch_prepared, release_connection
from persons_api.postgresql.connection import numbered


def test_parameters_are_numbered_by_their_first_place() -> None:
    assert numbered("a = %(one)s AND b = %(two)s AND c = %(one)s") == (
        "a = $1 AND b = $2 AND c = $1",
        ("one", "two"),
    )


def test_values_come_back_as_what_they_were() -> None:
    moment = datetime(2026, 3, 4, 5, 6, 7, 89000, tzinfo=UTC)
    values = {"n": 2**62, "t": "ünï-😀", "u": uuid.UUID(int=7), "at": moment, "l": ["a", "b,c"], "none": None}

    for _ in range(2):
        assert fetch_prepared(
            "SELECT %(n)s::bigint, %(t)s::text, %(u)s::uuid, %(at)s::timestamptz, %(l)s::text[], %(none)s::int",
            values,
        ) == [tuple(values.values())]


def test_no_rows_are_an_empty_list() -> None:
    assert fetch_prepared("SELECT 1 WHERE %(no)s::bool", {"no": False}) == []


def test_an_error_is_djangos_and_the_connection_goes_on() -> None:
    statement = "SELECT 1 / %(n)s::int"

    with pytest.raises(DataError):
        fetch_prepared(statement, {"n": 0})

    assert fetch_prepared(statement, {"n": 1}) == [(1,)]


def test_null_characters_are_refused_and_not_cut_off() -> None:
    with pytest.raises(DataError):
        fetch_prepared("SELECT %(t)s::text", {"t": "a\0b"})


def test_it_takes_part_in_the_transaction_also_as_its_first_statement() -> None:
    statement = "SELECT txid_current() + %(zero)s::int"

    with transaction.atomic():
        ((first,),) = fetch_prepared(statement, {"zero": 0})
        with connection.cursor() as cursor:
            cursor.execute("SELECT txid_current()")
            assert cursor.fetchone() == (first,)

    assert fetch_prepared(statement, {"zero": 0}) != [(first,)]


def test_a_connection_that_the_server_ended_is_an_operational_error_once() -> None:
    release_connection()

    with pytest.raises(OperationalError):
        fetch_prepared("SELECT pg_terminate_backend(pg_backend_pid() + %(zero)s::int)", {"zero": 0})

    assert fetch_prepared("SELECT %(n)s::int", {"n": 1}) == [(1,)]
