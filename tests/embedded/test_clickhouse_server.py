"""The endpoint behaves like ClickHouse's own towards the ordinary client library."""

import gzip
import threading
import time
import urllib.request
from datetime import datetime
from http.client import HTTPConnection
from statistics import median
from typing import Any

import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError

from persons_api.embedded import clickhouse, stores
from persons_api.embedded.folder import DataFolder
from persons_api.embedded.state import StackState
from tests.embedded.conftest import Connect
from tests.embedded.run import children, wait_until

ODD = "it's \\ \\n \t\n\r\0 é 漢 😀 `\"%{x:String}?&="


def post(
    state: StackState, target: str, body: bytes = b"", headers: dict[str, str] | None = None
) -> tuple[int, dict[str, str], bytes]:
    """A request without the client library: status, headers and body of the answer."""
    connection = HTTPConnection("127.0.0.1", state.clickhouse_port, timeout=10)
    connection.request("POST", target, body, headers if headers is not None else key(state))
    answer = connection.getresponse()
    try:
        return answer.status, dict(answer.getheaders()), answer.read()
    finally:
        connection.close()


def key(state: StackState) -> dict[str, str]:
    return {"X-ClickHouse-User": "default", "X-ClickHouse-Key": state.clickhouse_password}


@pytest.mark.parametrize("form", [False, True], ids=["in the address", "in a form"])
def test_parameters_arrive_as_they_were_sent(connect: Connect, form: bool) -> None:
    client = connect(form_encode_query_params=form)
    parameters: dict[str, Any] = {
        "s": ODD,
        "l": [ODD, ""],
        "n": -5,
        "d": datetime(2024, 1, 2, 3, 4, 5),
        "o": None,
    }

    rows = client.query(
        "SELECT {s:String}, {l:Array(String)}, {n:Int64}, {d:DateTime}, {o:Nullable(String)}",
        parameters=parameters,
    ).result_rows

    assert rows == [(ODD, [ODD, ""], -5, datetime(2024, 1, 2, 3, 4, 5), None)]


def test_settings_hold_for_one_request(client: Client) -> None:
    question = "SELECT getSetting('max_threads'), getSetting('log_comment')"

    assert client.query(question, settings={"max_threads": 1, "log_comment": ODD}).result_rows == [(1, ODD)]
    assert client.query(question).result_rows != [(1, ODD)]


def test_an_unknown_setting_is_refused_by_name(clickhouse_endpoint: StackState) -> None:
    status, headers, body = post(clickhouse_endpoint, "/?no_such_setting=1&query=SELECT+1")

    assert (status, headers["X-ClickHouse-Exception-Code"]) == (400, "115")
    assert b"no_such_setting" in body


def test_a_setting_name_cannot_carry_a_statement(clickhouse_endpoint: StackState) -> None:
    status, headers, _ = post(
        clickhouse_endpoint, "/?a=1,b%20%3D%201&max_threads%3D1,max_block_size=2&query=SELECT+1"
    )

    assert (status, headers["X-ClickHouse-Exception-Code"]) == (400, "115")


def test_the_database_of_the_address_is_used(connect: Connect, client: Client) -> None:
    assert client.command("SELECT currentDatabase()") == "endpoint"
    assert connect().command("SELECT currentDatabase()") == "default"


def test_a_missing_database_is_error_81(connect: Connect) -> None:
    with pytest.raises(DatabaseError) as refusal:
        connect(database="nowhere").command("SELECT 1")

    assert refusal.value.code == 81


def test_rows_inserted_twice_with_one_token_are_there_once(client: Client, table: str) -> None:
    rows = b'{"a": 1, "b": "x"}\n{"a": 2, "b": "a FORMAT CSV\\n"}\n'

    for _ in range(2):
        client.raw_insert(
            table,
            column_names=["a", "b"],
            insert_block=rows,
            fmt="JSONEachRow",
            settings={"insert_deduplication_token": "one"},
        )

    assert client.query("SELECT a, b FROM t ORDER BY a").result_rows == [(1, "x"), (2, "a FORMAT CSV\n")]


def test_rows_inserted_with_two_tokens_are_there_twice(client: Client, table: str) -> None:
    for token in ("one", "two"):
        client.raw_insert(
            table, insert_block=b'{"a": 1}', fmt="JSONEachRow", settings={"insert_deduplication_token": token}
        )

    assert client.command("SELECT count() FROM t") == 2


def test_binary_inserts_keep_every_byte(client: Client, table: str) -> None:
    summary = client.insert(table, [[1, ODD], [2, "\n\nFORMAT CSV\n"]], column_names=["a", "b"])

    assert summary.written_rows == 2
    assert client.query("SELECT a, b FROM t ORDER BY a").result_rows == [(1, ODD), (2, "\n\nFORMAT CSV\n")]


def test_a_broken_row_inserts_nothing(client: Client, table: str) -> None:
    with pytest.raises(DatabaseError) as refusal:
        client.raw_insert(table, insert_block=b'{"a": 1}\n{"a": "x"}', fmt="JSONEachRow")

    assert refusal.value.code == 27
    assert client.command("SELECT count() FROM t") == 0


def test_a_zipped_body_is_unpacked(clickhouse_endpoint: StackState, client: Client, table: str) -> None:
    body = gzip.compress(b'{"a": 7, "b": "z"}')

    status, headers, _ = post(
        clickhouse_endpoint,
        "/?database=endpoint&query=INSERT+INTO+t+FORMAT+JSONEachRow",
        body,
        {**key(clickhouse_endpoint), "Content-Encoding": "gzip"},
    )

    assert status == 200
    assert '"written_rows": "1"' in headers["X-ClickHouse-Summary"]
    assert client.query("SELECT * FROM t").result_rows == [(7, "z")]


@pytest.mark.parametrize(
    ("statement", "code", "name"),
    [
        ("SELECT * FROM nowhere", 60, "UNKNOWN_TABLE"),
        ("SELECT nothing", 47, "UNKNOWN_IDENTIFIER"),
        ("SELEC 1", 62, "SYNTAX_ERROR"),
        ("SELECT throwIf(1)", 395, "FUNCTION_THROW_IF_VALUE_IS_NON_ZERO"),
        ("SELECT {p:String}", 456, "UNKNOWN_QUERY_PARAMETER"),
    ],
)
def test_errors_carry_the_code_and_name_of_clickhouse(
    client: Client, statement: str, code: int, name: str
) -> None:
    with pytest.raises(DatabaseError) as refusal:
        client.command(statement)

    assert (refusal.value.code, refusal.value.name) == (code, name)


def test_a_query_ends_at_its_time_limit(client: Client) -> None:
    with pytest.raises(DatabaseError) as refusal:
        client.query(
            "SELECT count() FROM numbers(1e12) WHERE sipHash64(number) = 1",
            settings={"max_execution_time": 0.2},
        )

    assert refusal.value.code == 159


@pytest.mark.parametrize(
    "headers",
    [
        {"X-ClickHouse_User": "default", "X-ClickHouse_Key": "wrong"},
        {"X-ClickHouse_User": "somebody"},
        {"Authorization": "Basic ZGVmYXVsdDp3cm9uZw=="},
        {"Authorization": "Basic !"},
        {},
    ],
)
def test_a_wrong_password_is_refused(clickhouse_endpoint: StackState, headers: dict[str, str]) -> None:
    status, answered, body = post(clickhouse_endpoint, "/?query=SELECT+1", headers=headers)

    assert (status, answered["X-ClickHouse-Exception-Code"]) == (403, "516")
    assert b"AUTHENTICATION_FAILED" in body


def test_user_and_password_can_be_in_the_address(clickhouse_endpoint: StackState) -> None:
    password = clickhouse_endpoint.clickhouse_password

    status, _, body = post(
        clickhouse_endpoint, f"/?user=default&password={password}&query=SELECT+1", headers={}
    )

    assert (status, body) == (200, b"1\n")


def test_ping_asks_for_no_password(clickhouse_endpoint: StackState) -> None:
    with urllib.request.urlopen(f"http://127.0.0.1:{clickhouse_endpoint.clickhouse_port}/ping") as answer:
        assert answer.read() == b"Ok.\n"


def test_answers_tell_what_was_read(client: Client, table: str) -> None:
    client.command("INSERT INTO t SELECT number, '' FROM numbers(1000)")

    summary = client.query("SELECT sum(a) FROM t").summary

    assert (summary["read_rows"], summary["read_bytes"]) == ("1000", "4000")
    assert int(summary["elapsed_ns"]) > 0


def test_queries_run_side_by_side(connect: Connect, client: Client) -> None:
    asleep = "SELECT count() FROM system.processes WHERE query LIKE 'SELECT sleep(%'"
    threads = [threading.Thread(target=connect().command, args=("SELECT sleep(3)",)) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        wait_until(lambda: int(client.query(asleep).result_rows[0][0]) > 1)
    finally:
        for thread in threads:
            thread.join()


def test_a_small_query_does_not_wait_for_the_network(client: Client) -> None:
    client.command("SELECT 1")
    seconds = []
    for _ in range(21):
        started = time.monotonic()
        client.command("SELECT 1")
        seconds.append(time.monotonic() - started)

    # With headers and body in two sends it would be 40 ms each. Some wait for a processor.
    assert median(seconds) < 0.04


def test_a_stop_ends_a_running_query_and_keeps_what_was_inserted(
    folder: DataFolder, connect: Connect
) -> None:
    state = StackState()
    stores.choose_ports(state)
    part = clickhouse.part(folder, state)
    with children() as running:
        running.start([part])
        client = connect(port=state.clickhouse_port, password=state.clickhouse_password)
        client.command("CREATE TABLE kept (a Int32) ENGINE = MergeTree ORDER BY a")
        client.raw_insert("kept", insert_block=b"1\n2\n", fmt="CSV")
        endless = threading.Thread(target=_ask_forever, args=(connect, state))
        endless.start()
        wait_until(lambda: "sipHash64" in str(client.query("SELECT query FROM system.processes").result_rows))

        asked = time.monotonic()
        running.stop(patience=60, hurry=lambda: False)
        endless.join()

        assert time.monotonic() - asked < 30
        running.start([part])
        assert client.command("SELECT count() FROM kept") == 2


def _ask_forever(connect: Connect, state: StackState) -> None:
    with pytest.raises(DatabaseError):
        connect(port=state.clickhouse_port, password=state.clickhouse_password).command(
            "SELECT count() FROM numbers(1e13) WHERE sipHash64(number) = 1"
        )
