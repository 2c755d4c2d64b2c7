"""A PostHog instance that answers what imports ask, as the original does: pages by links, times that are compared
strictly, and trouble on demand.
"""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit
from uuid import UUID, uuid5

KEY = "phx_of_the_source"
PROJECT = 77
SCOPES = ("project:read", "person:read", "cohort:read", "query:read")
START = datetime(2026, 3, 1, 10, tzinfo=UTC)
_NAMESPACE = UUID("932979b4-65c3-4424-8467-0b66ec27bc22")

#: What a request gets: status, headers and body, or parts of a body with pauses between them. Null: the connection
#: breaks off in the middle.
Trouble = tuple[int, dict[str, str], bytes | list[bytes]] | None
#: Seconds between parts.
PAUSE = 0.05


def uuid_there(distinct_id: str) -> str:
    """The uuid that the original gives the person of this distinct id, in its project."""
    return str(uuid5(_NAMESPACE, f"{PROJECT}:{distinct_id}"))


def error(status: int, detail: str, **headers: str) -> Trouble:
    body = {"type": "x", "code": "x", "detail": detail, "attr": None}
    return status, {"Content-Type": "application/json", **headers}, json.dumps(body).encode()


@dataclass
class Posthog:
    """The instance and what it holds: persons newest first, events in any order."""

    url: str = ""
    persons: list[dict[str, Any]] = field(default_factory=list)
    cohorts: list[dict[str, Any]] = field(default_factory=list)
    members: dict[int, list[str]] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    scopes: tuple[str, ...] = SCOPES
    has_events_route: bool = True
    #: Rows that a page has at most, whatever is asked for.
    most: int = 1_000
    #: Where the links to the next page lead; null: to where the request came from.
    links_to: str | None = None
    #: By the number of the request, from 0.
    trouble: dict[int, Trouble] = field(default_factory=dict)
    #: Called with the number of each request before it is answered.
    meanwhile: Callable[[int], None] = lambda number: None
    #: Path, query and key of each request.
    requests: list[tuple[str, dict[str, str], str | None]] = field(default_factory=list)

    def person(self, *distinct_ids: str, at: int = 0, **properties: Any) -> str:
        """Add a person that was made ``at`` minutes after the start; its uuid."""
        row = {
            "type": "person",
            "id": uuid_there(distinct_ids[0]),
            "uuid": uuid_there(distinct_ids[0]),
            "name": distinct_ids[0],
            "distinct_ids": list(distinct_ids),
            "properties": properties,
            "created_at": (START + timedelta(minutes=at)).isoformat(),
            "last_seen_at": None,
            "is_identified": len(distinct_ids) > 1,
        }
        self.persons.append(row)
        self.persons.sort(key=lambda one: (one["created_at"], one["uuid"]), reverse=True)
        return str(row["uuid"])

    def event(self, name: str, distinct_id: str, *, at: float = 0, **properties: Any) -> str:
        """Add an event ``at`` minutes after the start; its uuid."""
        uuid = str(uuid5(_NAMESPACE, f"event {len(self.events)}"))
        self.events.append(
            {
                "id": uuid,
                "distinct_id": distinct_id,
                "properties": properties,
                "event": name,
                "timestamp": (START + timedelta(minutes=at)).isoformat(),
                "person": None,
                "elements": [],
                "elements_chain": "",
            }
        )
        return uuid

    def cohort(self, name: str, *members: str, filters: Any = None, **fields: Any) -> int:
        """Add a cohort, static with ``members`` (uuids) unless it has ``filters``; its number."""
        number = 500 + len(self.cohorts)
        self.cohorts.insert(
            0,
            {
                "id": number,
                "name": name,
                "description": "",
                "groups": [],
                "deleted": False,
                "filters": filters or {},
                "query": None,
                "is_static": filters is None,
                "is_calculating": False,
                "last_calculation": START.isoformat(),
                "count": len(members),
                **fields,
            },
        )
        self.members[number] = list(members)
        return number

    def answer(self, path: str, query: dict[str, str]) -> Trouble:
        parts = [part for part in path.split("/") if part]
        if parts[:2] != ["api", "projects"]:
            return error(404, "Endpoint not found.")
        if parts[2] not in ("@current", str(PROJECT)):
            return error(404, "Project not found.")
        match parts[3:]:
            case []:
                return self._needs("project:read") or _ok(
                    {"id": PROJECT, "name": "Shop", "api_token": "phc_there"}
                )
            case ["persons"]:
                total = {"count": len(self.persons)} if "include_total" in query else {}
                return self._needs("person:read") or self._page(path, query, self.persons, **total)
            case ["persons", uuid]:
                return self._needs("person:read") or self._one(uuid)
            case ["cohorts"]:
                rows = [row for row in self.cohorts if not row["deleted"]]
                return self._needs("cohort:read") or self._page(path, query, rows, count=len(rows))
            case ["cohorts", number, "persons"]:
                of = self.members[int(number)]
                rows = [
                    {**row, "distinct_ids": row["distinct_ids"][:10]}
                    for row in self.persons
                    if row["uuid"] in of
                ]
                return self._needs("cohort:read") or self._page(path, query, rows)
            case ["events"] if self.has_events_route:
                return self._needs("query:read") or self._events(path, query)
        return error(404, "Not found.")

    def _needs(self, scope: str) -> Trouble:
        return None if scope in self.scopes else error(403, f"API key missing required scope '{scope}'")

    def _one(self, uuid: str) -> Trouble:
        """All distinct ids, those that look made up last."""
        row = next((row for row in self.persons if row["uuid"] == uuid), None)
        if row is None:
            return error(404, "Not found.")
        every = sorted(row.get("all_ids") or row["distinct_ids"], key=lambda one: "-" in one)
        return _ok({**row, "distinct_ids": every})

    def _page(self, path: str, query: dict[str, str], rows: list[Any], **more: Any) -> Trouble:
        limit, offset = min(int(query.get("limit", 100)), self.most), int(query.get("offset", 0))
        page = rows[offset : offset + limit]
        # As the original: a full page has a link, also when nothing follows.
        following = self._link(path, {**query, "offset": str(offset + limit)}) if len(page) == limit else None
        return _ok({"results": page, "next": following, "previous": None, **more})

    def _events(self, path: str, query: dict[str, str]) -> Trouble:
        limit = min(int(query.get("limit", 100)), self.most)
        is_ascending = query.get("orderBy") == '["timestamp"]'
        after, before = (datetime.fromisoformat(query.get(name, default)) for name, default in _BOUNDS)
        # Both bounds are strict.
        rows = [row for row in self.events if after < datetime.fromisoformat(row["timestamp"]) < before]
        rows.sort(key=lambda row: (row["timestamp"], row["id"]), reverse=not is_ascending)
        following = None
        if len(rows) > limit:
            bound = "after" if is_ascending else "before"
            following = self._link(path, {**query, bound: rows[limit - 1]["timestamp"]})
        return _ok({"results": rows[:limit], "next": following})

    def _link(self, path: str, query: dict[str, str]) -> str:
        return f"{self.links_to or self.url}{path}?{urlencode(query)}"


_BOUNDS = (("after", "1970-01-01T00:00:00+00:00"), ("before", "2100-01-01T00:00:00+00:00"))


def _ok(body: dict[str, Any]) -> Trouble:
    return 200, {"Content-Type": "application/json"}, json.dumps(body).encode()


@contextmanager
def fake_posthog() -> Iterator[Posthog]:
    """An instance on a free port."""
    posthog = Posthog()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts, key = urlsplit(self.path), self.headers.get("Authorization")
            query = dict(parse_qsl(parts.query))
            number = len(posthog.requests)
            posthog.requests.append((parts.path, query, key))
            posthog.meanwhile(number)
            if number in posthog.trouble:
                self._send(posthog.trouble[number])
            elif key != f"Bearer {KEY}":
                self._send(error(401, "Personal API key found in request Authorization header is invalid."))
            else:
                self._send(posthog.answer(parts.path, query))

        def _send(self, answer: Trouble) -> None:
            status, headers, body = answer or (200, {"Content-Length": "1000"}, b'{"results": [')
            self.send_response(status)
            parts = [body] if isinstance(body, bytes) else body
            for name, value in {"Content-Length": str(sum(map(len, parts))), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            for index, part in enumerate(parts):
                time.sleep(PAUSE if index else 0)
                self.wfile.write(part)
            self.close_connection = answer is None

        def handle(self) -> None:
            # Who was killed, or has waited long enough, takes no answer.
            with suppress(ConnectionError):
                super().handle()

        def log_message(self, *args: Any) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    posthog.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield posthog
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
