"""The only way to ClickHouse: statements with bound parameters, and inserts of ready lines.

Every statement about data of a project goes through ``query``, which demands the project and binds it as
``{project_id:Int64}``; a statement that does not use it is refused. ``administer`` is for the schema and for
questions about the server itself.
"""

import threading
import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import clickhouse_connect
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError, DatabaseError
from django.conf import settings as django_settings
from urllib3 import PoolManager
from urllib3.exceptions import HTTPError

from core import request_id
from core.clickhouse import cluster
from core.exceptions import ClickHouseRefused, ClickHouseUnavailable, QueryTooHeavy
from core.metrics.counts import CLICKHOUSE

#: ClickHouse's codes for a query that ran into its own limits.
TOO_HEAVY_CODES = {158, 159, 160, 241, 307, 396}
#: Codes that go away by themselves: busy, shutting down, stopped by somebody, read-only for the moment, network.
PASSING_CODES = {202, 209, 210, 236, 242, 252, 279, 394, 439, 733, 749}

#: In an error of any code: a process has too many files open, or the system has.
_NO_FILES = "Too many open files"

Settings = Mapping[str, str | int]
_thread = threading.local()


def query(
    sql: str,
    *,
    project_id: int,
    parameters: Mapping[str, Any] | None = None,
    settings: Settings | None = None,
) -> Sequence[Sequence[Any]]:
    """Rows of ``sql`` about one project.

    Raises ``ClickHouseUnavailable``, ``QueryTooHeavy`` or ``ClickHouseRefused``.
    """
    if "{project_id:Int64}" not in sql:
        raise ValueError("a query about project data must use {project_id:Int64}")
    bound = {**(parameters or {}), "project_id": project_id}
    client = _client(_patience(settings))
    asked = {**cluster.read_settings(one_project=True), **_commented(settings)}
    return _rows(partial(client.query, sql, parameters=bound, settings=asked), kind="query")


def query_with_work(
    sql: str,
    *,
    project_id: int,
    parameters: Mapping[str, Any] | None = None,
    settings: Settings | None = None,
) -> tuple[Sequence[Sequence[Any]], Mapping[str, str]]:
    """The same as ``query``, for long results of work that nobody waits for, and what ClickHouse tells of the work:
    numbers as text by their names in ``X-ClickHouse-Summary``, ``read_rows`` among them.
    """
    if "{project_id:Int64}" not in sql:
        raise ValueError("a query about project data must use {project_id:Int64}")
    bound = {**(parameters or {}), "project_id": project_id}
    # An error in the middle must not look like the end of the result, and the work is known at the end.
    whole = {"wait_end_of_query": 1, **cluster.read_settings(one_project=True), **_commented(settings)}
    result = _call(partial(_client().query, sql, parameters=bound, settings=whole), kind="query")
    return result.result_rows, result.summary


def administer(sql: str, *, parameters: Mapping[str, Any] | None = None, in_database: bool = True) -> None:
    """Run a statement that changes the schema or the server, on every node of a cluster. ``in_database`` is false until
    the database exists.
    """
    here = cluster.here()
    client = _client(cluster.DDL_PATIENCE if here else PATIENCE)
    _call(
        partial(
            client.command,
            here.addressed(sql) if here else sql,
            parameters=dict(parameters or {}),
            settings=cluster.change_settings(),
            use_database=in_database,
        )
    )


def inspect(sql: str, *, parameters: Mapping[str, Any] | None = None) -> Sequence[Sequence[Any]]:
    """Rows of a question over all projects: for delivery, checks and benchmarks, never for an answer to a
    key. What it asks of ``system.parts`` and the like comes from every node.
    """
    here = cluster.here()
    return _rows(
        partial(
            _client().query,
            here.everywhere(sql) if here else sql,
            parameters=dict(parameters or {}),
            settings=cluster.read_settings(one_project=False),
        ),
        kind="inspect",
    )


def insert_lines(table: str, lines: bytes, *, token: str) -> None:
    """Insert JSON lines into ``table``; ClickHouse takes each ``token`` once, however often it is sent."""
    _call(
        partial(
            _client().raw_insert,
            table,
            insert_block=lines,
            fmt="JSONEachRow",
            settings={**_INSERT_SETTINGS, **cluster.write_settings(), "insert_deduplication_token": token},
        ),
        kind="insert",
    )


#: A batch must arrive as one block: the token is per block, and a block is all or nothing in a partition.
_INSERT_SETTINGS: dict[str, str | int] = {
    "async_insert": 0,
    "insert_deduplicate": 1,
    "max_insert_block_size": 10_000_000,
    "min_insert_block_size_rows": 10_000_000,
    "min_insert_block_size_bytes": 0,
    "input_format_parallel_parsing": 0,
    # Old events of many months may travel in one batch.
    "max_partitions_per_insert_block": 0,
    # Properties are text forms: what looks like a date or a number in a string stays a string.
    "input_format_try_infer_dates": 0,
    "input_format_try_infer_datetimes": 0,
    "input_format_json_max_depth": 100_000,
    "input_format_skip_unknown_fields": 1,
}


#: Seconds after which a ClickHouse that says nothing counts as away. A question that somebody waits for has less: the
#: longest wait and this much more; one that is merely long is stopped before, by its own limit.
PATIENCE = 300
GRACE = 5


def _patience(settings: Settings | None) -> int:
    """For a question with these settings: one of two, so that a thread keeps few clients."""
    seconds = int((settings or {}).get("max_execution_time", 0))
    wait: int = django_settings.INSIGHTS_WAIT
    return (wait if seconds <= wait else max(seconds, django_settings.INSIGHTS_LONGEST)) + GRACE


def _client(patience: int = PATIENCE) -> Client:
    """One client a thread: clients are not made for sharing, their connections are kept."""
    clients: dict[int, Client] = _thread.__dict__.setdefault("clients", {})
    if patience not in clients:
        clients[patience] = _call(partial(_connect, patience), kind="connect")
    return clients[patience]


def _connect(patience: int) -> Client:
    target: dict[str, Any] = dict(django_settings.CLICKHOUSE)
    del target["database"]
    client = clickhouse_connect.get_client(
        **target,
        compress=False,
        connect_timeout=5,
        send_receive_timeout=patience,
        autogenerate_session_id=False,
        query_retries=0,
        tz_mode="aware",
    )
    client.database = cluster.database()
    return client


def is_there() -> bool:
    """Whether ClickHouse answers at all, within two seconds."""
    target = django_settings.CLICKHOUSE
    host = f"[{target['host']}]" if ":" in str(target["host"]) else target["host"]
    url = f"{target['interface']}://{host}:{target['port']}/ping"
    try:
        return _pings.request("GET", url, timeout=2.0, retries=False).status == 200
    except HTTPError:
        return False


_pings = PoolManager(num_pools=1, maxsize=4)


def _commented(settings: Settings | None) -> dict[str, str | int]:
    """With the name of the request in the comment that ``system.processes`` and the query log show."""
    comment = f"{(settings or {}).get('log_comment', '')} {request_id.current.get()}".strip()
    return {**(settings or {}), "log_comment": comment} if comment else dict(settings or {})


def _rows(call: "partial[Any]", *, kind: str) -> Sequence[Sequence[Any]]:
    rows: Sequence[Sequence[Any]] = _call(call, kind=kind).result_rows
    return rows


def _call(call: Any, *, kind: str = "administer") -> Any:
    """The result of ``call``, counted under its kind."""
    started, outcome = time.perf_counter(), "ok"
    try:
        return _run(call)
    except (ClickHouseRefused, ClickHouseUnavailable, QueryTooHeavy) as error:
        outcome = type(error).__name__
        raise
    finally:
        CLICKHOUSE.observe((kind, outcome), time.perf_counter() - started)


def _run(call: Any) -> Any:
    """Run ``call`` and sort its failure by what the caller should do next."""
    try:
        return call()
    except DatabaseError as error:
        code = getattr(error, "code", None) or _code_in(str(error))
        if code in TOO_HEAVY_CODES:
            raise QueryTooHeavy from error
        if code is None or code in PASSING_CODES or _NO_FILES in str(error):
            raise ClickHouseUnavailable from error
        raise ClickHouseRefused(code, str(error)) from error
    except (ClickHouseError, OSError) as error:
        raise ClickHouseUnavailable from error


def _code_in(text: str) -> int | None:
    """The number in ``Code: 60. DB::Exception: …``."""
    for marker in ("error code ", "Code: ", "code: "):
        _, found, rest = text.partition(marker)
        digits = rest[: len(rest) - len(rest.lstrip("0123456789"))]
        if found and digits:
            return int(digits)
    return None
