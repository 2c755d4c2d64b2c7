"""Starting parts of a stack, or all of it, and looking at what runs."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from persons_api.embedded.children import Children
from persons_api.embedded.folder import DataFolder
from persons_api.embedded.ports import any_free
from persons_api.embedded.privileges import Account, before_exec
from persons_api.embedded.state import StackState, load

ROOT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-m", "persons_api"]


def wait_until(true: Callable[[], bool], seconds: float = 30.0) -> None:
    """Fails when ``true`` has not become true in time."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"not so after {seconds:g} s"
        time.sleep(0.02)


@contextmanager
def children() -> Iterator[Children]:
    """Children that are stopped, whatever happens."""
    running = Children(pause=time.sleep, tell=lambda _: None)
    try:
        yield running
    finally:
        running.stop(patience=5, hurry=lambda: False)


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """``persons-api`` with these arguments, to its end."""
    return subprocess.run(
        [*COMMAND, *arguments],
        cwd=ROOT,
        env={**_clean_environment(), **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


@dataclass
class Stack:
    """A full stack in a process of its own."""

    process: subprocess.Popen[str]
    folder: DataFolder
    port: int
    messages: Path

    @property
    def state(self) -> StackState:
        state = load(self.folder)
        assert state
        return state

    def pid(self, name: str) -> int | None:
        return next((record.pid for record in self.state.processes if record.name == name), None)

    def processes(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)


@contextmanager
def up(folder: DataFolder, *, account: Account | None = None, **environment: str) -> Iterator[Stack]:
    """``persons-api up`` that has said it is ready; killed at the end when the test did not stop it."""
    port = any_free()
    messages = folder.path.with_suffix(".messages")
    with messages.open("w") as errors:
        process = subprocess.Popen(
            [*COMMAND, "up", "--no-demo", "--port", str(port), "--data-dir", str(folder.path)],
            cwd=ROOT,
            env={**_clean_environment(), **environment},
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            preexec_fn=before_exec(signal.SIGTERM, account, parent=os.getpid()),
        )
    started: list[psutil.Process] = []
    try:
        assert process.stdout
        line = process.stdout.readline()
        assert line == f"ready http://127.0.0.1:{port}\n", messages.read_text()
        stack = Stack(process, folder, port, messages)
        started = stack.processes()
        yield stack
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        assert process.stdout
        process.stdout.close()
        for left in started:
            with suppress(psutil.NoSuchProcess):
                left.kill()


def are_gone(processes: list[psutil.Process]) -> bool:
    return not any(is_alive(process) for process in processes)


def is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _clean_environment() -> dict[str, str]:
    """Without what would send a command to the services of somebody else."""
    ours = ("DATABASE_URL", "CLICKHOUSE_URL", "VALKEY_URL")
    return {
        name: value
        for name, value in os.environ.items()
        if name not in ours and not name.startswith("PERSONS_API_")
    }
