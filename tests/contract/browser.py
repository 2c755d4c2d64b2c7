"""Chromium opens a page that makes calls with posthog-js."""

import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from queue import Empty, Queue
from typing import Any

import httpx

from tests.contract.calls import PATIENCE, Call
from tests.contract.recorder import Listener, Recorder, serving

#: Seconds within which the SDK sends what it has queued.
QUEUED = 10

_PAGE = Path(__file__).parent / "js" / "page.html"
_BUNDLE = "node_modules/posthog-js/dist/module.mjs"
_QUIET = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --disable-dev-shm-usage --no-proxy-server "
    "--remote-debugging-port=0 --enable-logging=stderr"
).split()
#: No other host than this machine has an address.
_LOCAL = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
#: What Chromium logs of the page's console: "[...:INFO:CONSOLE:7] "text", source: ...".
_CONSOLE = re.compile(r"^\[[^\]]*:CONSOLE[:(]\d+\)?\] (.*)")


def chromium() -> str | None:
    """The path of the browser, if there is one."""
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@dataclass(slots=True)
class Browser:
    """A running Chromium. Each page in it is of an origin of its own, so its visitor is a new one."""

    control: httpx.Client
    log: Path

    def open_page(
        self,
        *,
        packages: Path,
        recorder: Recorder,
        token: str,
        calls: Sequence[Call],
        options: dict[str, Any],
        leave: bool = False,
    ) -> list[Any]:
        """Open the page, have it make ``calls`` and wait until all their events are sent; the answers.

        Nothing may appear on its console. With ``leave`` the page is left as soon as the calls are made.
        """
        seen = self.log.stat().st_size
        job = {"token": token, "host": recorder.url, "calls": calls, "options": options, "leave": leave}
        with _serving_page(packages, job, recorder) as (url, outcomes), self._tab(url):
            try:
                outcome = outcomes.get(timeout=PATIENCE)
            except Empty:
                raise AssertionError(f"the page did not finish: {self._console(seen)}") from None
            recorder.wait_for(outcome["captured"], seconds=QUEUED)
        assert self._console(seen) == []
        answers: list[Any] = outcome["answers"]
        return answers

    @contextmanager
    def _tab(self, url: str) -> Iterator[None]:
        tab = self.control.put(f"/json/new?{url}").json()["id"]
        try:
            yield
        finally:
            self.control.get(f"/json/close/{tab}")

    def _console(self, seen: int) -> list[str]:
        lines = self.log.read_bytes()[seen:].decode(errors="replace").splitlines()
        return [found[1] for line in lines if (found := _CONSOLE.match(line))]


@contextmanager
def running_browser() -> Iterator[Browser]:
    program = chromium()
    assert program is not None
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        log, profile = Path(folder) / "log", Path(folder) / "profile"
        with log.open("w") as output:
            process = subprocess.Popen(
                [program, *_QUIET, _LOCAL, f"--user-data-dir={profile}", "about:blank"],
                stdout=output,
                stderr=output,
                env={**os.environ, "TMPDIR": folder},
            )
        try:
            address = f"http://127.0.0.1:{_control_port(process, profile)}"
            with httpx.Client(base_url=address, trust_env=False) as control:
                yield Browser(control, log)
        finally:
            process.terminate()
            process.wait(PATIENCE)


def _control_port(process: subprocess.Popen[bytes], profile: Path) -> int:
    """Where the browser takes commands: it writes that down when it is ready."""
    written = profile / "DevToolsActivePort"
    deadline = time.monotonic() + PATIENCE
    while not (written.exists() and "\n" in written.read_text()):
        assert time.monotonic() < deadline, "the browser does not start"
        with suppress(subprocess.TimeoutExpired):
            raise AssertionError(f"the browser ended with status {process.wait(timeout=0.05)}")
    return int(written.read_text().splitlines()[0])


@contextmanager
def _serving_page(
    packages: Path, job: dict[str, Any], recorder: Recorder
) -> Iterator[tuple[str, Queue[dict[str, Any]]]]:
    """The address of a page that does ``job``, and what it tells at its end."""
    files = {
        "/": ("text/html", _PAGE.read_bytes()),
        "/posthog.mjs": ("text/javascript", (packages / _BUNDLE).read_bytes()),
        "/calls": ("application/json", json.dumps(job).encode()),
    }
    outcomes: Queue[dict[str, Any]] = Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content_type, content = files.get(self.path, ("text/plain", None))
            self.send_response(404 if content is None else 200)
            self.send_header("Content-Type", content_type)
            self.end_headers()
            self.wfile.write(content or b"")

        def do_POST(self) -> None:
            told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.path == "/wait":
                recorder.wait_for(told, seconds=QUEUED)
            else:
                outcomes.put(told)
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the name of the base class)
            """Say nothing."""

    listener = Listener(("127.0.0.1", 0), Handler)
    with serving(listener):
        yield f"http://127.0.0.1:{listener.server_port}/", outcomes
