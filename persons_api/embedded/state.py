"""What a stack remembers between starts: ports, passwords and processes, in ``stack.json``."""

import json
import os
import secrets
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from persons_api.embedded.errors import CannotStart
from persons_api.embedded.folder import DataFolder

DATABASE = "persons_api"


@dataclass(frozen=True)
class ProcessRecord:
    """A process of the stack; the time of its start tells it from a later one with the same number."""

    name: str
    pid: int
    started: float
    stop_signal: int


def _password() -> str:
    return secrets.token_hex(24)


@dataclass
class StackState:
    host: str = "127.0.0.1"
    port: int = 0
    postgres_port: int = 0
    clickhouse_port: int = 0
    valkey_port: int = 0
    postgres_password: str = field(default_factory=_password)
    clickhouse_password: str = field(default_factory=_password)
    valkey_password: str = field(default_factory=_password)
    secret_key: str = field(default_factory=_password)
    #: The first project was made, or declined.
    first_start_done: bool = False
    #: Services answer and their schema is current.
    prepared: bool = False
    supervisor_pid: int = 0
    processes: list[ProcessRecord] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Where the web process can be reached from this machine."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(self.host, self.host)  # noqa: S104
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    def environment(self) -> dict[str, str]:
        """The variables that make any process of the program use this stack."""
        return {
            "DJANGO_SETTINGS_MODULE": "persons_api.settings",
            "DATABASE_URL": f"postgres://postgres:{self.postgres_password}@127.0.0.1:{self.postgres_port}/{DATABASE}",
            "CLICKHOUSE_URL": f"http://default:{self.clickhouse_password}@127.0.0.1:{self.clickhouse_port}/{DATABASE}",
            "VALKEY_URL": f"redis://:{self.valkey_password}@127.0.0.1:{self.valkey_port}/0",
            "PERSONS_API_SECRET_KEY": self.secret_key,
        }

    def save(self, folder: DataFolder) -> None:
        """Replace the file in one step: it holds the only copy of the passwords."""
        new = folder.state_file.with_suffix(".new")
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(asdict(self), file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        new.replace(folder.state_file)


def load(folder: DataFolder) -> StackState | None:
    """The state of an earlier start; None when there was none."""
    try:
        content: dict[str, Any] = json.loads(folder.state_file.read_text())
        content["processes"] = [ProcessRecord(**record) for record in content["processes"]]
        return StackState(**content)
    except FileNotFoundError:
        if folder.postgres.exists():
            raise CannotStart(_without_passwords(folder.state_file, "is missing")) from None
        return None
    except PermissionError:
        raise CannotStart(f"{folder.state_file} belongs to another user.") from None
    except (ValueError, TypeError, KeyError):
        raise CannotStart(_without_passwords(folder.state_file, "cannot be read")) from None


def _without_passwords(file: Path, problem: str) -> str:
    return (
        f"{file} {problem}. It holds the passwords of the data beside it: put it back, or use another folder."
    )
