"""ClickHouse's HTTP interface in front of chDB, the ClickHouse engine that comes as a Python wheel.

Clients cannot tell it from a ClickHouse server: they connect with the same library and the same settings. One
connection to chDB serves one request, so that settings, parameters and database of a request end with it
(measured: 0.75 ms for a small query, against 0.5 ms on a kept connection).

Started as ``python -m persons_api.embedded.clickhouse_server --path DIR --port N``; the user and the password
that it asks for are in ``CLICKHOUSE_USER`` and ``CLICKHOUSE_PASSWORD``.
"""

import argparse
import base64
import binascii
import gzip
import hmac
import json
import os
import re
import resource
import signal
import socket
import sys
import threading
import time
import uuid
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import chdb

from persons_api.embedded.insert_statement import InsertWithData, split_insert

#: URL parameters that are about the HTTP exchange; any other one, except ``param_…``, is a setting.
NOT_SETTINGS = frozenset(
    (
        "query",
        "query_id",
        "database",
        "default_format",
        "user",
        "password",
        "quota_key",
        "role",
        "session_id",
        "session_timeout",
        "session_check",
        "close_session",
        "compress",
        "decompress",
        "stacktrace",
        "buffer_size",
        "wait_end_of_query",
        "client_protocol_version",
        "enable_http_compression",
        "send_progress_in_http_headers",
        "http_headers_progress_interval_ms",
        "cancel_http_readonly_queries_on_client_close",
    )
)
SETTING_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
ERROR_CODE = re.compile(r"Code: (\d+)\.")
#: HTTP status by ClickHouse error code; every other error is a 500.
STATUS_OF_CODE = {36: 400, 62: 400, 115: 400, 46: 404, 47: 404, 60: 404, 81: 404, 192: 403, 516: 403}
#: Seconds that running queries get at a stop, before and after they are told to end.
STOP_PATIENCE = 1.0
STOP_KILL_PATIENCE = 2.0


class ClickHouseError(Exception):
    """An answer in ClickHouse's own form: ``Code: N. DB::Exception: …``."""

    def __init__(self, code: int, text: str, name: str) -> None:
        super().__init__(f"Code: {code}. DB::Exception: {text} ({name})")


@dataclass
class Question:
    """What a request asks of the engine."""

    text: bytes = b""
    database: str = ""
    default_format: str = "TabSeparated"
    settings: dict[str, str] = field(default_factory=dict)
    parameters: dict[str, str] = field(default_factory=dict)

    def read(self, fields: Mapping[str, str]) -> None:
        """Take over the fields of the URL or of a form."""
        for name, value in fields.items():
            if name.startswith("param_"):
                self.parameters[name.removeprefix("param_")] = value
            elif name not in NOT_SETTINGS:
                self.settings[name] = value
        self.text = fields.get("query", "").encode() or self.text
        self.database = fields.get("database", self.database)
        self.default_format = fields.get("default_format", self.default_format)

    def append(self, body: bytes) -> None:
        """A body continues the text of the URL: statement in one and data in the other are one statement."""
        self.text = self.text + b"\n" + body if self.text and body else self.text or body


@dataclass(frozen=True)
class Answer:
    body: bytes
    format: str
    #: Numbers as text, as ClickHouse sends them in ``X-ClickHouse-Summary``.
    summary: dict[str, str]


def quoted(text: str, quote: str) -> str:
    return quote + text.replace("\\", "\\\\").replace(quote, "\\" + quote) + quote


class Engine:
    """chDB, and how many requests are using it."""

    def __init__(self, path: str) -> None:
        self.path = path
        # The engine lives as long as one connection is open.
        self.connection = chdb.connect(path)
        self.timezone: str = (
            self.connection.query("SELECT timezone()", "TabSeparated").bytes().decode().strip()
        )
        self._running = 0
        self._changed = threading.Condition()

    def ask(self, question: Question) -> Answer:
        with self._counted(), chdb.connect(self.path) as connection:
            if question.database:
                connection.query(f"USE {quoted(question.database, '`')}")
            if question.settings:
                connection.query(set_statement(question.settings))
            insert = split_insert(question.text)
            if insert:
                return run_insert(connection, insert)
            return run_query(connection, question)

    def stop(self) -> None:
        """Let running queries end, or end them, and close; what still runs then ends with the process."""
        if not self._wait_idle(STOP_PATIENCE):
            with chdb.connect(self.path) as connection:
                connection.query("KILL QUERY WHERE query NOT LIKE 'KILL QUERY%' ASYNC")
            if not self._wait_idle(STOP_KILL_PATIENCE):
                return
        self.connection.close()

    @contextmanager
    def _counted(self) -> Iterator[None]:
        with self._changed:
            self._running += 1
        try:
            yield
        finally:
            with self._changed:
                self._running -= 1
                self._changed.notify_all()

    def _wait_idle(self, seconds: float) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: self._running == 0, seconds)


def set_statement(settings: Mapping[str, str]) -> str:
    for name in settings:
        if not SETTING_NAME.fullmatch(name):
            raise ClickHouseError(115, f"Unknown setting {quoted(name, chr(39))}.", "UNKNOWN_SETTING")
    return "SET " + ", ".join(f"{name} = {quoted(value, chr(39))}" for name, value in settings.items())


def run_insert(connection: Any, insert: InsertWithData) -> Answer:
    started = time.perf_counter_ns()
    with connection.send_insert(insert.statement, insert.format) as stream:
        stream.append(insert.data)
        result = stream.finish()
    rows, size = str(result.rows_written), str(result.bytes_written)
    return Answer(b"", "", summary(read=(rows, size), written=(rows, size), started=started))


def run_query(connection: Any, question: Question) -> Answer:
    started = time.perf_counter_ns()
    result = connection.query(question.text.decode(), question.default_format, params=question.parameters)
    return Answer(
        bytes(result.bytes()),
        question.default_format,
        summary(
            read=(str(result.storage_rows_read()), str(result.storage_bytes_read())),
            written=(str(result.rows_written()), str(result.bytes_written())),
            result_bytes=str(result.size()),
            started=started,
        ),
    )


def summary(
    *, read: tuple[str, str], written: tuple[str, str], started: int, result_bytes: str = "0"
) -> dict[str, str]:
    return {
        "read_rows": read[0],
        "read_bytes": read[1],
        "written_rows": written[0],
        "written_bytes": written[1],
        "total_rows_to_read": "0",
        "result_rows": "0",
        "result_bytes": result_bytes,
        "elapsed_ns": str(time.perf_counter_ns() - started),
    }


class Server(ThreadingHTTPServer):
    daemon_threads = True
    # Waiting for idle keep-alive connections would hold up every stop.
    block_on_close = False
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], engine: Engine, user: str, password: str) -> None:
        super().__init__(address, Handler)
        self.engine = engine
        self.user = user
        self.password = password

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection, address

    def handle_error(self, request: Any, client_address: Any) -> None:
        # A client that went away before its answer is nothing to report.
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        fields = dict(parse_qsl(url.query, keep_blank_values=True))
        query_id = fields.get("query_id") or str(uuid.uuid4())
        # Read even when it is not wanted: what is left of it would be taken for the next request.
        body = self._body()
        if url.path == "/ping" or (self.command == "GET" and not fields.get("query")):
            return self._send(200, b"Ok.\n", {"Content-Type": "text/html; charset=UTF-8"})
        try:
            self._check_password(fields)
            answer = self.server.engine.ask(self._question(fields, body))
        except (ClickHouseError, RuntimeError, ValueError) as error:
            return self._send_error(error, query_id)
        return self._send(
            200,
            answer.body,
            {
                "Content-Type": "text/plain; charset=UTF-8",
                "X-ClickHouse-Query-Id": query_id,
                "X-ClickHouse-Format": answer.format,
                "X-ClickHouse-Timezone": self.server.engine.timezone,
                "X-ClickHouse-Summary": json.dumps(answer.summary),
            },
        )

    def do_POST(self) -> None:
        self.do_GET()

    def _question(self, fields: Mapping[str, str], body: bytes) -> Question:
        question = Question(default_format=self.headers.get("X-ClickHouse-Format") or "TabSeparated")
        question.database = self.headers.get("X-ClickHouse-Database", "")
        question.read(fields)
        content_type = self.headers.get("Content-Type", "")
        if content_type.startswith("multipart/form-data"):
            question.read(form_fields(content_type, body))
        else:
            question.append(inflated(body, self.headers.get("Content-Encoding", "")))
        return question

    def _check_password(self, fields: Mapping[str, str]) -> None:
        user, password = self._credentials(fields)
        same_user = hmac.compare_digest(user.encode(), self.server.user.encode())
        same_password = hmac.compare_digest(password.encode(), self.server.password.encode())
        if not (same_user and same_password):
            raise ClickHouseError(
                516,
                f"{user}: Authentication failed: password is incorrect, or there is no user with such name.",
                "AUTHENTICATION_FAILED",
            )

    def _credentials(self, fields: Mapping[str, str]) -> tuple[str, str]:
        scheme, _, encoded = self.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "basic":
            try:
                user, _, password = base64.b64decode(encoded).decode().partition(":")
            except (binascii.Error, UnicodeDecodeError):
                return "", ""
            return user, password
        return (
            self.headers.get("X-ClickHouse-User") or fields.get("user") or "default",
            self.headers.get("X-ClickHouse-Key") or fields.get("password") or "",
        )

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        chunks = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass  # trailers
        return b"".join(chunks)

    def _send_error(self, error: Exception, query_id: str) -> None:
        text = str(error)
        found = ERROR_CODE.search(text)
        code = int(found[1]) if found else 1000
        # The streaming insert puts words of its own in front.
        body = text[found.start() :] if found else f"Code: 1000. DB::Exception: {text} (POCO_EXCEPTION)"
        headers = {"X-ClickHouse-Exception-Code": str(code), "X-ClickHouse-Query-Id": query_id}
        self._send(STATUS_OF_CODE.get(code, 500), body.encode() + b"\n", headers)

    def _send(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        """Answer in one send: a second one waits up to 40 ms for the acknowledgement of the first."""
        lines = [f"{self.protocol_version} {status} {self.responses[status][0]}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        lines += [f"Content-Length: {len(body)}", "", ""]
        self.wfile.write("\r\n".join(lines).encode("latin-1", "replace") + body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        """No access log: statements carry personal data."""


def form_fields(content_type: str, body: bytes) -> dict[str, str]:
    message = BytesParser(policy=HTTP).parsebytes(f"Content-Type: {content_type}\r\n\r\n".encode() + body)
    fields = {}
    for part in message.iter_parts():
        content = part.get_payload(decode=True)
        if isinstance(content, bytes):
            fields[str(part.get_param("name", header="Content-Disposition"))] = content.decode()
    return fields


def inflated(body: bytes, encoding: str) -> bytes:
    if encoding in ("", "identity"):
        return body
    try:
        if encoding == "gzip":
            return gzip.decompress(body)
        if encoding == "deflate":
            return zlib.decompress(body)
    except (OSError, EOFError, zlib.error) as error:
        raise ClickHouseError(354, f"Cannot decompress the body: {error}", "ZLIB_INFLATE_FAILED") from None
    raise ClickHouseError(1, f"Unsupported Content-Encoding {encoding}", "UNSUPPORTED_METHOD")


def allow_many_files() -> None:
    """Let this process open as many files as the system lets it. Shells begin with 1,024, and one merge of rows with a
    hundred properties takes more.
    """
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--path", required=True, help="folder of the data")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    arguments = parser.parse_args()
    allow_many_files()
    user = os.environ.get("CLICKHOUSE_USER") or "default"
    server = Server(
        (arguments.host, arguments.port), Engine(arguments.path), user, os.environ["CLICKHOUSE_PASSWORD"]
    )

    def stop(*_: object) -> None:
        # From another thread: shutdown() waits for the loop that runs in this one.
        threading.Thread(target=server.shutdown).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    server.serve_forever(poll_interval=0.1)
    server.server_close()
    server.engine.stop()
    # Threads of queries that would not end must not hold up the exit.
    os._exit(0)


if __name__ == "__main__":
    main()
