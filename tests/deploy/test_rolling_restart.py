"""Every process is replaced while events and questions come in: each accepted event is there once, and who asks is
answered.
"""

import json
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import clickhouse_connect
import httpx
import psutil

from tests.clients import NO_TLS, event
from tests.deploy.compose import Installation
from tests.deploy.conftest import Site
from tests.embedded.run import wait_until

STEPS = json.dumps([{"id": name, "type": "events", "order": order} for order, name in enumerate("ab")])
#: Seconds that a client repeats a request, as SDKs do.
PATIENCE = 60
#: Seconds between two requests of one client: there are always some under way, and processors left for what starts.
PAUSE = 0.02


@dataclass
class Load:
    """Clients that keep their connections, and repeat what got no answer at the next address they know."""

    addresses: list[str]
    site: Site
    accepted: list[str] = field(default_factory=list)
    answered: list[int] = field(default_factory=list)
    #: Requests that got no answer, or one of 5xx.
    repeated: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)

    def capture(self) -> None:
        with self._client() as http:
            while not self.stop.wait(PAUSE):
                batch = [event("a", f"p{len(self.accepted) % 20}") for _ in range(5)]
                body = {"api_key": self.site.token, "batch": batch}
                if self._send(http, "POST", "/batch/", json=body):
                    self.accepted += [one["uuid"] for one in batch]

    def ask(self) -> None:
        params = {"events": STEPS, "funnel_step": "1", "refresh": "true"}
        with self._client() as http:
            while not self.stop.wait(PAUSE):
                if response := self._send(http, "GET", f"{self.site.persons}funnel/", params=params):
                    self.answered.append(response.status_code)

    def _client(self) -> httpx.Client:
        return httpx.Client(headers=self.site.http.headers, timeout=40, verify=NO_TLS)

    def _send(self, http: httpx.Client, method: str, path: str, **body: object) -> httpx.Response | None:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            for address in list(self.addresses):
                try:
                    response = http.request(method, f"{address}{path}", **body)  # type: ignore[arg-type]
                except httpx.TransportError as error:
                    self.repeated.append(f"{method} {error!r}")
                    continue
                if response.status_code == 200:
                    return response
                self.repeated.append(f"{method} {response.status_code} {response.text}")
                if response.status_code < 500:
                    break
        self.failures.append(self.repeated[-1])
        return None


@contextmanager
def load(site: Site, *addresses: str) -> Iterator[Load]:
    running = Load([*addresses], site)
    threads = [threading.Thread(target=work) for work in (*[running.capture] * 3, running.ask)]
    for thread in threads:
        thread.start()
    try:
        yield running
    finally:
        running.stop.set()
        for thread in threads:
            thread.join()


def goes_on(running: Load) -> None:
    """Both kinds of requests are answered again."""
    captured, answered = len(running.accepted), len(running.answered)
    wait_until(lambda: len(running.accepted) > captured and len(running.answered) > answered, 60)


def test_nothing_is_lost_and_nobody_is_refused_while_everything_is_replaced(site: Site) -> None:
    installed = site.installed
    first = installed.start_web("web-1")
    with load(site, f"http://127.0.0.1:{first}") as running:
        goes_on(running)

        replaced_by_hangup(installed, "web-1")
        goes_on(running)

        second = installed.start_web("web-2")
        running.addresses.insert(0, f"http://127.0.0.1:{second}")
        assert installed.stop("web-1") == 0
        running.addresses.pop()
        goes_on(running)

        assert installed.stop("delivery") == 0
        installed.start("delivery")

        old = installed.processes["insights"]
        installed.alive_file("insights").unlink(missing_ok=True)
        installed.start("insights")
        wait_until(installed.alive_file("insights").exists, 60)
        old.terminate()
        assert old.wait(40) == 0
        goes_on(running)
    installed.command("drain")
    installed.stop("web-2")

    assert running.failures == []
    assert set(running.answered) == {200}
    found = uuids(installed, site)
    assert len(running.accepted) == len(set(running.accepted))
    assert set(running.accepted) <= set(found)
    assert len(found) == len(set(found))


def replaced_by_hangup(installed: Installation, web: str) -> None:
    main = psutil.Process(installed.processes[web].pid)
    before = set(main.children())

    main.send_signal(signal.SIGHUP)

    wait_until(lambda: main.children() != [] and before.isdisjoint(main.children()), 60)


def uuids(installed: Installation, site: Site) -> list[str]:
    url = installed.environment("web")["CLICKHOUSE_URL"]
    client = clickhouse_connect.get_client(dsn=url, autogenerate_session_id=False, compress=False)
    project = int(site.persons.split("/")[3])
    rows = client.query(
        "SELECT toString(uuid) FROM events WHERE project_id = {project:Int64} AND startsWith(distinct_id, 'p')",
        parameters={"project": project},
    ).result_rows
    return [uuid for (uuid,) in rows]
