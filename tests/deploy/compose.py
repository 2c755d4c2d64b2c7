"""docker-compose.yml, read as Docker would, and its services started on this machine without Docker."""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import yaml
from psycopg import sql

from persons_api.embedded import clickhouse, postgres, stores, valkey
from persons_api.embedded.folder import DataFolder
from persons_api.embedded.http_probe import answers
from persons_api.embedded.state import StackState
from tests.embedded.run import children, wait_until
from tests.stack import free_port

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "docker-compose.yml"
INIT_ENV = ("/bin/sh", str(ROOT / "deploy" / "init-env.sh"))
STORES = ("postgres", "clickhouse", "valkey")
ANYWHERE = "0.0.0.0"  # noqa: S104 - of a container
_VARIABLE = re.compile(r"\$\$|\$\{(?P<name>\w+)(?::(?P<mark>[-?])(?P<rest>[^}]*))?\}")


def init_env(folder: Path) -> dict[str, str]:
    """What ``deploy/init-env.sh`` writes into the .env of a folder."""
    subprocess.run([*INIT_ENV, str(folder)], check=True, capture_output=True)
    lines = (folder / ".env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines)


def services(variables: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """The services, with variables put in. Raises ``KeyError`` for one that is demanded and missing."""

    def value_of(found: re.Match[str]) -> str:
        if found[0] == "$$":
            return "$"
        value = variables.get(found["name"], "")
        if not value and found["mark"] == "?":
            raise KeyError(found["name"])
        return value or (found["rest"] if found["mark"] == "-" else "")

    def put_in(part: Any) -> Any:
        if isinstance(part, dict):
            return {name: put_in(value) for name, value in part.items()}
        if isinstance(part, list):
            return [put_in(value) for value in part]
        return _VARIABLE.sub(value_of, part) if isinstance(part, str) else part

    found: dict[str, dict[str, Any]] = put_in(yaml.safe_load(FILE.read_text())["services"])
    return found


@dataclass
class Installation:
    """The stores of docker-compose.yml, and its other services as they are started."""

    services: dict[str, dict[str, Any]]
    state: StackState
    folder: Path
    #: What runs, by service; a web may run under other names, too.
    processes: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)

    def environment(self, service: str) -> dict[str, str]:
        """The variables of a service, with the addresses of this machine in place of the containers'."""
        ports = {"postgres": 5432, "clickhouse": 8123, "valkey": 6379}
        here = {name: f"@127.0.0.1:{getattr(self.state, f'{name}_port')}/" for name in ports}
        environment = dict(self.services[service]["environment"])
        for name, port in ports.items():
            environment = {
                key: value.replace(f"@{name}:{port}/", here[name]) for key, value in environment.items()
            }
        if "PERSONS_API_ALIVE_FILE" in environment:
            environment["PERSONS_API_ALIVE_FILE"] = str(self.alive_file(service))
        return environment

    def alive_file(self, service: str) -> Path:
        return self.folder / f"{service}.alive"

    def log(self, service: str) -> str:
        return (self.folder / f"{service}.log").read_text()

    def run(self, service: str) -> int:
        """The exit status of a service that ends."""
        return self._start(service, self.services[service]["command"]).wait(60)

    def start(self, service: str) -> None:
        """Start a service that keeps running; it is stopped at the end."""
        self.processes[service] = self._start(service, self.services[service]["command"])

    def start_web(self, name: str = "web") -> int:
        """Start ``web`` on a free port and wait for its answer; the port."""
        port = free_port()
        command = [
            {ANYWHERE: "127.0.0.1", "8000": str(port)}.get(word, word)
            for word in self.services["web"]["command"]
        ]
        self.processes[name] = self._start("web", command, log=name)
        try:
            wait_until(lambda: answers(f"http://127.0.0.1:{port}/_health"), 120)
        except AssertionError:
            raise AssertionError(self.log(name)) from None
        return port

    def stop(self, name: str) -> int:
        """SIGTERM; the exit status, before the container would be killed."""
        process = self.processes.pop(name)
        process.terminate()
        return process.wait(40)

    def command(self, *arguments: str) -> str:
        """What ``persons-api`` prints in the container of the web."""
        done = subprocess.run(
            [sys.executable, "-m", "persons_api", *arguments],
            env=self._whole(self.environment("web")),
            cwd=ROOT,
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout

    def stop_all(self) -> None:
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            process.wait(40)

    def _start(self, service: str, command: list[str], log: str | None = None) -> "subprocess.Popen[bytes]":
        with (self.folder / f"{log or service}.log").open("ab") as output:
            return subprocess.Popen(
                [sys.executable, "-m", "persons_api", *command],
                env=self._whole(self.environment(service)),
                cwd=ROOT,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def _whole(self, environment: dict[str, str]) -> dict[str, str]:
        """With what the Dockerfile sets, and nothing of the tests' own stack."""
        return {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "DJANGO_SETTINGS_MODULE": "persons_api.settings",
            # Celery's, about being root; the image is not.
            "PYTHONWARNINGS": "ignore",
            **environment,
        }


@contextmanager
def installation() -> Iterator[Installation]:
    """Stores with the users and passwords of a new .env."""
    with ExitStack() as held:
        name = held.enter_context(tempfile.TemporaryDirectory(prefix="persons-api-compose-"))
        folder = DataFolder(Path(name) / "data")
        folder.create()
        variables = {**init_env(Path(name)), "PERSONS_API_TRUST_PROXY": "true"}
        state = StackState(
            postgres_password=variables["POSTGRES_PASSWORD"],
            clickhouse_password=variables["CLICKHOUSE_PASSWORD"],
            valkey_password=variables["VALKEY_PASSWORD"],
        )
        stores.choose_ports(state)
        running = held.enter_context(children())
        running.start([module.part(folder, state) for module in (postgres, valkey, clickhouse)])
        installed = Installation(services(variables), state, Path(name))
        _make_postgres_user(installed)
        held.callback(installed.stop_all)
        yield installed


def _make_postgres_user(installed: Installation) -> None:
    """What the image of PostgreSQL does at its first start."""
    wanted = installed.services["postgres"]["environment"]
    with psycopg.connect(
        host="127.0.0.1",
        port=installed.state.postgres_port,
        user="postgres",
        password=installed.state.postgres_password,
        autocommit=True,
    ) as connection:
        user, database = (sql.Identifier(wanted[name]) for name in ("POSTGRES_USER", "POSTGRES_DB"))
        password = sql.Literal(wanted["POSTGRES_PASSWORD"])
        connection.execute(sql.SQL("CREATE ROLE {} SUPERUSER LOGIN PASSWORD {}").format(user, password))
        connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(database, user))
