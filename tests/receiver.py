"""A receiver of webhooks, and what tests of them have in common."""

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from core.models import Webhook, WebhookDelivery
from tests.clients import ProjectClient

#: Seconds that anything may take on a busy machine.
PATIENCE = 60
ALL_EVENTS = [
    "person.updated",
    "person.merged",
    "person.split",
    "person.deleted",
    "cohort.entered",
    "cohort.left",
]


@dataclass(frozen=True)
class Received:
    """A request that came in."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def event(self) -> dict[str, Any]:
        event: dict[str, Any] = json.loads(self.body)
        return event

    def is_signed_by(self, secret: str) -> bool:
        """By the rules of standardwebhooks.com, told a second time."""
        key = base64.b64decode(secret.removeprefix("whsec_"))
        signed = b".".join(
            [self.headers["webhook-id"].encode(), self.headers["webhook-timestamp"].encode(), self.body]
        )
        wanted = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        return wanted in self.headers["webhook-signature"].split(" ")


@dataclass
class Receiver:
    """Takes requests and answers as ``answer`` says: a status for each."""

    url: str = ""
    answer: Callable[[Received], int] = lambda received: 200
    requests: list[Received] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def take(self, received: Received) -> int:
        with self.changed:
            self.requests.append(received)
            self.changed.notify_all()
        return self.answer(received)

    def wait_for(self, count: int) -> list[dict[str, Any]]:
        """The first ``count`` events, as soon as they are there."""
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.requests) >= count, PATIENCE), self.told()
        return [one.event for one in self.requests[:count]]

    def told(self) -> list[tuple[str, str]]:
        """Event and person of everything that came."""
        return [told(one.event) for one in self.requests]


def told(event: dict[str, Any]) -> tuple[str, str]:
    """The name and the person of an event."""
    return event["event"], event["data"]["person"]["uuid"]


@contextmanager
def receiving(answer: Callable[[Received], int] = lambda received: 200) -> Iterator[Receiver]:
    """A receiver on a free port."""
    receiver = Receiver(answer=answer)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status = receiver.take(Received(self.path, headers, body))
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", f"{receiver.url}/elsewhere")
            self.end_headers()
            self.wfile.write(b"noted")

        def log_message(self, *args: Any) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    receiver.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def webhooks_url(project: ProjectClient, *path: object) -> str:
    return "/".join([f"/api/projects/{project.id}/webhooks", *map(str, path), ""])


def register(project: ProjectClient, url: str, *events: str, **fields: Any) -> dict[str, Any]:
    """A new webhook, told of everything unless ``events`` says of what."""
    body = {"url": url, "events": list(events) or ALL_EVENTS, **fields}
    response = project.post(webhooks_url(project), body)
    assert response.status_code == 201, response.text
    webhook: dict[str, Any] = response.json()
    return webhook


def deliveries(project: ProjectClient, webhook: dict[str, Any], **params: Any) -> list[dict[str, Any]]:
    """What became of events, oldest first."""
    response = project.get(webhooks_url(project, webhook["id"], "deliveries"), **params)
    assert response.status_code == 200, response.text
    rows: list[dict[str, Any]] = response.json()["results"]
    return rows[::-1]


def wait_until(is_so: Callable[[], Any]) -> Any:
    """Look until ``is_so`` finds something."""
    deadline = time.monotonic() + PATIENCE
    while not (found := is_so()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return found


def all_ended(project: ProjectClient, webhook: dict[str, Any]) -> list[dict[str, Any]]:
    """What became of events, once none waits."""
    waiting = WebhookDelivery.objects.for_project(project.id).filter(
        webhook_id=webhook["id"], state=WebhookDelivery.State.WAITING
    )
    wait_until(lambda: not waiting.exists())
    return deliveries(project, webhook)


def try_now(project: ProjectClient, webhook: dict[str, Any]) -> None:
    """What failed is due at once."""
    Webhook.objects.for_project(project.id).filter(pk=webhook["id"]).update(paused_until=None)
    change = {"description": f"tried at {time.time()}", "enabled": False}
    for body in (change, {"enabled": True}):
        response = project.http.patch(
            webhooks_url(project, webhook["id"]),
            json=body,
            headers={"Authorization": f"Bearer {project.key}"},
        )
        assert response.status_code == 200
