"""Chromium opens pages, types and clicks, as a person would. Commands go through a pipe, so nothing else is needed."""

import base64
import fcntl
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from tests.contract.browser import chromium

#: Seconds for a page to appear.
PATIENCE = 30
_OPTIONS = (
    "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking --disable-component-update "
    "--disable-sync --disable-dev-shm-usage --no-proxy-server --hide-scrollbars --remote-debugging-pipe"
).split()
#: No other host than this machine has an address.
_LOCAL = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
#: When a page is there as people see it: its style sheets and fonts, and what its scripts do at their start.
_READY = """document.readyState === 'complete' && document.fonts.status === 'loaded'
    && !document.documentElement.hasAttribute('x-cloak') && document.getAnimations().length === 0"""


@dataclass(slots=True)
class Chromium:
    """A browser with one tab. ``complaints`` is what its console said: errors of scripts, and what the policy of a page
    forbade.
    """

    to: BinaryIO
    back: BinaryIO
    session: str | None = None
    complaints: list[str] = field(default_factory=list)
    _number: int = 0

    def open(self, url: str) -> None:
        self._navigate(lambda: self.call("Page.navigate", url=url))

    def fill(self, name: str, value: str) -> None:
        """Type into the field with this name."""
        self.value(f"document.querySelector({json.dumps(f'[name={name}]')}).select()")
        self.call("Input.insertText", text=value)

    def tick(self, name: str, value: str | None = None) -> None:
        """Click the box with this name, and value if there are several."""
        which = f"[name={json.dumps(name)}]" + (f"[value={json.dumps(value)}]" if value else "")
        self.value(f"document.querySelector({json.dumps(which)}).click()")

    def press(self, label: str) -> None:
        """Click the button or link that says ``label``, which leads to another page."""
        find = f"""[...document.querySelectorAll('a, button')]
            .find(one => [...one.childNodes].some(node => node.textContent.trim() === {json.dumps(label)}))"""
        assert self.value(f"!!({find})"), f"no {label} on {self.value('location.href')}: {self.text()}"
        self._navigate(lambda: self.value(f"({find}).click()"))

    def text(self) -> str:
        """What stands on the page."""
        return str(self.value("document.body.innerText"))

    def path(self) -> str:
        return str(self.value("location.pathname"))

    def screenshot(self, *, width: int = 1440, height: int = 900) -> bytes:
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.call("Emulation.setDeviceMetricsOverride", **metrics)
        self._wait(_READY)
        return base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])

    def value(self, script: str) -> Any:
        """What ``script`` gives on the page."""
        outcome = self.call("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in outcome, outcome
        return outcome["result"].get("value")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """A command of the DevTools protocol and its answer; what the browser tells meanwhile is noted."""
        self._number += 1
        command: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self.session is not None:
            command["sessionId"] = self.session
        self.to.write(json.dumps(command).encode() + b"\0")
        self.to.flush()
        while True:
            message = self._read()
            if message.get("id") == self._number:
                assert "error" not in message, message
                answer: dict[str, Any] = message["result"]
                return answer
            self._note(message)

    def _navigate(self, leave: Any) -> None:
        """Do what leads to another page and wait until that is there. The old one is marked, to tell them apart."""
        self.value("window.isOld = true")
        leave()
        self._wait(f"!window.isOld && {_READY}")

    def _wait(self, condition: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while not self.value(condition):
            assert time.monotonic() < deadline, f"{condition}: {self.text()}"
            time.sleep(0.05)

    def _note(self, message: dict[str, Any]) -> None:
        details = message.get("params", {})
        match message.get("method"):
            case "Runtime.exceptionThrown":
                self.complaints.append(json.dumps(details["exceptionDetails"]))
            case "Runtime.consoleAPICalled" if details["type"] in ("error", "warning", "assert"):
                self.complaints.append(json.dumps(details["args"]))
            case "Log.entryAdded" if details["entry"]["level"] in ("error", "warning"):
                self.complaints.append(f"{details['entry']['text']} {details['entry'].get('url', '')}")

    def _read(self) -> dict[str, Any]:
        received = bytearray()
        while not received.endswith(b"\0"):
            byte = self.back.read(1)
            assert byte, "the browser is gone"
            received += byte
        message: dict[str, Any] = json.loads(received[:-1])
        return message


@contextmanager
def running_chromium() -> Iterator[Chromium]:
    program = chromium()
    assert program is not None
    commands, to = os.pipe()
    back, answers = os.pipe()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        process = subprocess.Popen(
            [program, *_OPTIONS, _LOCAL, f"--user-data-dir={folder}/profile"],
            preexec_fn=lambda: _place_pipes(commands, answers),
            pass_fds=(3, 4),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "TMPDIR": folder},
        )
        os.close(commands)
        os.close(answers)
        try:
            with os.fdopen(to, "wb") as writer, os.fdopen(back, "rb") as reader:
                browser = Chromium(writer, reader)
                target = browser.call("Target.createTarget", url="about:blank")["targetId"]
                attached = browser.call("Target.attachToTarget", targetId=target, flatten=True)
                browser.session = attached["sessionId"]
                for domain in ("Page", "Runtime", "Log"):
                    browser.call(f"{domain}.enable")
                browser.call(
                    "Emulation.setDeviceMetricsOverride",
                    width=1440,
                    height=900,
                    deviceScaleFactor=1,
                    mobile=False,
                )
                yield browser
        finally:
            process.terminate()
            process.wait(PATIENCE)


def _place_pipes(commands: int, answers: int) -> None:
    """The browser reads from the file descriptor 3 and writes to 4, which may be taken by the other pipe."""
    copies = [fcntl.fcntl(one, fcntl.F_DUPFD, 10) for one in (commands, answers)]
    for copy, place in zip(copies, (3, 4), strict=True):
        os.dup2(copy, place)
