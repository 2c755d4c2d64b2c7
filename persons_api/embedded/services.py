"""The program's own processes in the stack: web, workers and beat. Variables alone tell them about it."""

import os
from pathlib import Path

import persons_api
from persons_api import roles
from persons_api.embedded.folder import DataFolder
from persons_api.embedded.http_probe import answers
from persons_api.embedded.part import Part
from persons_api.embedded.process import Command
from persons_api.embedded.state import StackState

#: Children find the same code as this process, wherever it was started.
PYTHON_PATH = {
    "PYTHONPATH": os.pathsep.join(
        filter(None, [str(Path(persons_api.__file__).resolve().parents[1]), os.environ.get("PYTHONPATH")])
    )
}
#: The processes below, in the order of their start.
NAMES = ("web", "workers")
#: Seconds that a web worker gets for its last answers at a stop.
WEB_STOP_SECONDS = 3


def parts(folder: DataFolder, state: StackState) -> list[Part]:
    web = roles.web(host=state.host, port=state.port, stop_seconds=WEB_STOP_SECONDS)
    return [
        Part(_command(folder, state, "web", web), is_ready=lambda: answers(f"{state.url}/_health")),
        Part(_command(folder, state, "workers", roles.together(*roles.WORKERS, roles.BEAT))),
    ]


def environment(state: StackState) -> dict[str, str]:
    return {**state.environment(), **PYTHON_PATH}


def _command(folder: DataFolder, state: StackState, name: str, arguments: list[str]) -> Command:
    return Command(name=name, arguments=arguments, environment=environment(state), log=folder.log(name))
