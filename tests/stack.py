"""The servers that the tests talk to: one embedded stack a run, in a temporary folder, on free ports.

A pytest plugin and not a fixture, because Django's settings are read when the first test module is imported,
and they must name this stack. ``PERSONS_API_TEST_STACK=<data folder>`` uses a stack that is already running
instead, for a quick second run.
"""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import clickhouse_connect
import psutil
import pytest
from clickhouse_connect.driver.client import Client

from persons_api import roles
from persons_api.embedded.folder import DataFolder
from persons_api.embedded.state import StackState, load

#: Seconds for a stack to start or stop.
PATIENCE = 60
#: A file system in memory. Tests make and remove small files all the time, which costs several times as much on a disk.
MEMORY = Path("/dev/shm")  # noqa: S108 - what is made there has random names
#: Bytes that must be free there, and of memory: a run fills some hundred MB, with the stores' own memory beside it.
MEMORY_NEEDED = 6 * 1024**3
#: Of each log, how many of the lines that a failed test saw are shown.
SHOWN_LINES = 60


@dataclass(slots=True)
class Stack:
    """A running embedded stack."""

    folder: Path
    port: int
    process: subprocess.Popen[str] | None
    #: Environment variables of its own.
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs to use the stores of this stack."""
        return self.state().environment()

    def clickhouse(self) -> Client:
        """Asks ClickHouse past the program."""
        dsn = self.environment["CLICKHOUSE_URL"]
        return clickhouse_connect.get_client(dsn=dsn, autogenerate_session_id=False, compress=False)

    def state(self) -> StackState:
        state = load(DataFolder(self.folder))
        assert state is not None
        return state

    def pids(self) -> dict[str, int]:
        """The process id of each part by its name, of each worker too."""
        pids = {record.name: record.pid for record in self.state().processes}
        with suppress(psutil.NoSuchProcess, KeyError):
            # A fork has the name of its parent for a moment.
            workers = {child.name(): child.pid for child in psutil.Process(pids["workers"]).children()}
            pids |= {name: pid for name, pid in workers.items() if name in roles.NAMES}
        return pids

    def command(self, *arguments: str) -> str:
        """What ``persons-api`` prints for this stack; it must succeed."""
        whole = [sys.executable, "-m", "persons_api", *arguments, "--data-dir", str(self.folder)]
        return subprocess.run(whole, check=True, capture_output=True, text=True).stdout

    def stop(self) -> int:
        """Ask it to stop; its exit status."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)

    def kill(self) -> None:
        """End the supervisor, and nothing else."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def revive(self) -> None:
        """Start again what was killed, at another port."""
        revived = start(self.folder, **self.variables)
        self.process, self.port = revived.process, revived.port


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def start(folder: Path, **variables: str) -> Stack:
    """Start a stack on ``folder`` and wait until it says that it is ready."""
    port = free_port()
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "persons_api",
            "up",
            "--no-demo",
            "--data-dir",
            str(folder),
            "--port",
            str(port),
        ],
        stdout=subprocess.PIPE,
        text=True,
        env={
            **os.environ,
            "PERSONS_API_WEB_WORKERS": "2",
            "PERSONS_API_RATE_LIMITS": "off",
            # Where receivers of webhooks are.
            "PERSONS_API_WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8",
            **variables,
        },
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.startswith("ready "), f"the stack did not start: {line!r}, see {folder}/logs"
    return Stack(folder, port, process, variables)


@contextmanager
def temporary_stack(**variables: str) -> Iterator[Stack]:
    """A stack of one's own, for tests that break things."""
    folder = Path(tempfile.gettempdir()) / f"persons-api-test-{secrets.token_hex(6)}"
    stack = start(folder, **variables)
    try:
        yield stack
    finally:
        if stack.process is not None and stack.process.poll() is None:
            stack.stop()
        shutil.rmtree(folder, ignore_errors=True)


class StackPlugin:
    """Starts the shared stack before Django reads its settings and stops it at the end."""

    def __init__(self) -> None:
        given = os.environ.get("PERSONS_API_TEST_STACK")
        self.context = None if given else temporary_stack()
        self.stack = self.context.__enter__() if self.context else _running(Path(given or ""))
        os.environ.update(self.stack.environment)
        self.read_until: dict[Path, int] = {}

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self) -> None:
        self.read_until = {log: log.stat().st_size for log in self._logs()}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """A test that fails shows what the servers logged meanwhile, for they are gone after the run."""
        report = yield
        if report.failed:
            for log in self._logs():
                with log.open(errors="replace") as lines:
                    lines.seek(self.read_until.get(log, 0))
                    if tail := lines.readlines()[-SHOWN_LINES:]:
                        report.sections.append((f"Log of {log.stem}", "".join(tail)))
        return report

    def _logs(self) -> list[Path]:
        return sorted((self.stack.folder / "logs").glob("*.log"))

    def pytest_unconfigure(self) -> None:
        if self.context:
            self.context.__exit__(None, None, None)


def use_memory() -> None:
    """Have temporary files in memory where there is plenty of it, unless TMPDIR says where they go."""
    if "TMPDIR" in os.environ or not MEMORY.is_dir():
        return
    shared = os.statvfs(MEMORY)
    free = min(shared.f_bavail * shared.f_frsize, psutil.virtual_memory().available)
    # Tests also install and run programs in temporary folders.
    if free >= MEMORY_NEEDED and os.access(MEMORY, os.W_OK) and not shared.f_flag & os.ST_NOEXEC:
        os.environ["TMPDIR"] = tempfile.tempdir = str(MEMORY)


def _running(folder: Path) -> Stack:
    stack = Stack(folder, 0, None)
    stack.port = stack.state().port
    return stack


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """With ``-n`` each worker has a stack of its own; the process that only hands out tests needs none, but Django's
    settings want to know where one would be.
    """
    use_memory()
    if early_config.known_args_namespace.numprocesses and "PYTEST_XDIST_WORKER" not in os.environ:
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "persons_api.settings")
        os.environ.setdefault("DATABASE_URL", "postgres://nobody@127.0.0.1:1/none")
        os.environ.setdefault("PERSONS_API_SECRET_KEY", secrets.token_hex())
        return
    early_config.pluginmanager.register(StackPlugin(), "stack")
