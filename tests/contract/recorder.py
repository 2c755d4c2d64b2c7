"""Stands between an SDK and the server and writes down what they say to each other."""

import base64
import gzip
import json
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Condition, Thread
from typing import Any
from urllib.parse import parse_qs

import httpx

_CAPTURE_PATHS = ("/batch/", "/e/")
#: Headers that each of the two connections has of its own.
_OF_ONE_CONNECTION = frozenset(
    ["connection", "content-length", "date", "host", "server", "transfer-encoding"]
)


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and the status of its answer."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any
    status: int


@dataclass(slots=True)
class Recorder:
    """The address to give to an SDK, and what it did there."""

    url: str
    exchanges: list[Exchange] = field(default_factory=list)
    _more: Condition = field(default_factory=Condition, repr=False)

    def add(self, exchange: Exchange) -> None:
        with self._more:
            self.exchanges.append(exchange)
            self._more.notify_all()

    @property
    def events(self) -> list[dict[str, Any]]:
        """Every event that was sent, as often as it was sent."""
        sent = [exchange.body for exchange in self.exchanges if exchange.path.startswith(_CAPTURE_PATHS)]
        return [event for body in sent if body is not None for event in body["batch"]]

    def wait_for(self, uuids: Collection[str], *, seconds: float) -> None:
        """Return when these events are sent and answered."""

        def missing() -> set[str]:
            return set(uuids) - {event["uuid"] for event in self.events}

        with self._more:
            self._more.wait_for(lambda: not missing(), timeout=seconds)
        assert missing() == set()

    def paths(self) -> set[str]:
        """The paths that were asked for, without their parameters."""
        return {exchange.path.partition("?")[0] for exchange in self.exchanges}

    def assert_smooth(self) -> None:
        """Everything was answered with 200 and nothing was sent twice."""
        assert self.exchanges
        refused = [exchange for exchange in self.exchanges if exchange.status != 200]
        assert refused == []
        events = [json.dumps(event, sort_keys=True) for event in self.events]
        assert len(events) == len(set(events))
        assert [exchange.path for exchange in self.exchanges if "retry_count" in exchange.path] == []


class Listener(ThreadingHTTPServer):
    """Takes connections, each in a thread."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that leaves before its answer is no news."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


@contextmanager
def recorder_in_front_of(server: str) -> Iterator[Recorder]:
    with httpx.Client(base_url=server, timeout=40) as client:

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self._forward()

            def do_POST(self) -> None:
                self._forward()

            def do_OPTIONS(self) -> None:
                self._forward()

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the name of the base class)
                """Say nothing."""

            def _forward(self) -> None:
                content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                headers = _forwarded(self.headers.items())
                with client.stream(self.command, self.path, content=content, headers=headers) as response:
                    answer = b"".join(response.iter_raw())
                recorder.add(
                    Exchange(
                        self.command, self.path, dict(self.headers), _decoded(content), response.status_code
                    )
                )
                self.send_response(response.status_code)
                for name, value in _forwarded(response.headers.multi_items()):
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

        listener = Listener(("127.0.0.1", 0), Handler)
        recorder = Recorder(f"http://127.0.0.1:{listener.server_port}")
        with serving(listener):
            yield recorder


@contextmanager
def serving(listener: Listener) -> Iterator[None]:
    """``listener`` answers in a thread of its own."""
    Thread(target=listener.serve_forever, args=[0.05], daemon=True).start()
    try:
        yield
    finally:
        listener.shutdown()
        listener.server_close()


def _forwarded(headers: Any) -> list[tuple[str, str]]:
    return [(name, value) for name, value in headers if name.lower() not in _OF_ONE_CONNECTION]


def _decoded(content: bytes) -> Any:
    """The JSON in a body; null for an empty one."""
    if content.startswith(b"\x1f\x8b"):
        content = gzip.decompress(content)
    if content.startswith(b"data="):
        content = base64.b64decode(parse_qs(content.decode())["data"][0])
    return json.loads(content) if content else None
