"""The data folder: what is where, and who may use it."""

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

import psutil

from persons_api.embedded.errors import CannotStart

#: ``up`` keeps the folder until it is stopped; a ``command`` is done within seconds.
Purpose = Literal["up", "command"]


@dataclass(frozen=True)
class DataFolder:
    path: Path

    @property
    def postgres(self) -> Path:
        return self.path / "postgres"

    @property
    def clickhouse(self) -> Path:
        return self.path / "clickhouse"

    @property
    def valkey(self) -> Path:
        return self.path / "valkey"

    @property
    def state_file(self) -> Path:
        return self.path / "stack.json"

    def log(self, name: str) -> Path:
        return self.path / "logs" / f"{name}.log"

    def create(self) -> None:
        """Make the folder and its parts.

        A folder that root makes can be passed through by everyone (0711, its parts stay private): PostgreSQL
        runs as an unprivileged user there and would otherwise need a capability to reach its own data. The
        mode of a folder that exists already is its owner's business and stays.
        """
        try:
            if not self.path.exists():
                self.path.mkdir(parents=True)
                self.path.chmod(0o711 if os.geteuid() == 0 else 0o700)
            for part in (self.clickhouse, self.valkey, self.path / "logs"):
                part.mkdir(mode=0o700, exist_ok=True)
        except (PermissionError, FileExistsError, NotADirectoryError) as error:
            raise CannotStart(
                f"The data folder {self.path} cannot be used ({error.strerror}: {error.filename}). "
                "Choose another one with --data-dir DIR."
            ) from None

    @contextmanager
    def locked(self, purpose: Purpose, *, patience: float = 0.0) -> Iterator[None]:
        """Hold the folder for this process; a second user of it would destroy the data.

        Waits ``patience`` seconds while another command holds it. Raises ``FolderTaken`` when it stays taken.
        """
        with self._open_lock() as lock:
            deadline = time.monotonic() + patience
            while not _try_lock(lock):
                holder = _holder(lock)
                if holder.purpose == "up" or time.monotonic() >= deadline:
                    raise FolderTaken(self, holder)
                time.sleep(0.05)
            lock.seek(0)
            lock.truncate()
            json.dump({"pid": os.getpid(), "purpose": purpose}, lock)
            lock.flush()
            try:
                yield
            finally:
                lock.truncate(0)

    def is_running(self) -> bool:
        """Whether ``up`` holds the folder."""
        with self._open_lock() as lock:
            return not _try_lock(lock) and _holder(lock).purpose == "up"

    def _open_lock(self) -> IO[str]:
        try:
            descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except PermissionError:
            raise CannotStart(
                f"The data folder {self.path} belongs to another user. Choose one with --data-dir DIR."
            ) from None
        return os.fdopen(descriptor, "r+")


@dataclass(frozen=True)
class Holder:
    pid: int
    purpose: Purpose


class FolderTaken(CannotStart):
    """Another process uses the data folder."""

    def __init__(self, folder: DataFolder, holder: Holder) -> None:
        who = f"process {holder.pid}" if holder.pid else "another process"
        super().__init__(
            f"The data folder {folder.path} is in use by {who}. "
            "Stop that process, or start with another folder: persons-api up --data-dir DIR --port PORT"
        )
        self.holder = holder


def _try_lock(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(lock: IO[str]) -> Holder:
    lock.seek(0)
    try:
        content = json.load(lock)
        if psutil.pid_exists(content["pid"]):
            return Holder(content["pid"], content["purpose"])
    except ValueError:
        pass
    # Just locked, and not yet written: what is in there is from an earlier holder.
    return Holder(0, "command")
