"""The program's own processes: web, workers and beat. Variables alone tell them about the stack."""

import os
import sys
from pathlib import Path

import persons_api
from persons_api import env
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
NAMES = ("web", "delivery", "insights", "deletions", "beat")
#: Seconds that a web worker gets for its last answers at a stop.
WEB_STOP_SECONDS = 3


def parts(folder: DataFolder, state: StackState) -> list[Part]:
    return [
        web(folder, state),
        worker(folder, state, "delivery", ["--pool", "solo"]),
        worker(folder, state, "insights", ["--pool", "threads", "--concurrency", "4"]),
        # One task at a time; in a thread, so that the worker answers while a long one runs.
        worker(folder, state, "deletions", ["--pool", "threads", "--concurrency", "1"]),
        celery(folder, state, "beat", ["beat", "--scheduler", "celery.beat.Scheduler"]),
    ]


def web(folder: DataFolder, state: StackState) -> Part:
    workers = env.integer("PERSONS_API_WEB_WORKERS", min(2, os.cpu_count() or 1), least=1)
    options = {
        "--interface": "wsgi",
        "--host": state.host,
        "--port": str(state.port),
        "--workers": str(workers),
        "--blocking-threads": "24",
        "--backlog": "1024",
        "--log-level": "warning",
        "--workers-kill-timeout": str(WEB_STOP_SECONDS),
        "--respawn-interval": "0.5",
    }
    arguments = [argument for option in options.items() for argument in option]
    flags = ["--no-ws", "--no-access-log", "--respawn-failed-workers"]
    return Part(
        Command(
            name="web",
            arguments=[sys.executable, "-m", "granian", *arguments, *flags, "persons_api.wsgi:application"],
            environment=environment(state),
            log=folder.log("web"),
        ),
        is_ready=lambda: answers(f"{state.url}/_health"),
    )


def worker(folder: DataFolder, state: StackState, queue: str, pool: list[str]) -> Part:
    # Workers have nothing to tell each other, and telling costs Valkey round trips all day.
    silent = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    return celery(folder, state, queue, ["worker", "-Q", queue, "-n", f"{queue}@%h", *pool, *silent])


def celery(folder: DataFolder, state: StackState, name: str, arguments: list[str]) -> Part:
    return Part(
        Command(
            name=name,
            arguments=[
                sys.executable,
                "-m",
                "celery",
                "-A",
                "persons_api.celery",
                *arguments,
                "--loglevel",
                "WARNING",
            ],
            environment=environment(state),
            log=folder.log(name),
        )
    )


def django(*arguments: str) -> list[str]:
    """A management command."""
    return [sys.executable, "-m", "django", *arguments]


def environment(state: StackState) -> dict[str, str]:
    return {**state.environment(), **PYTHON_PATH}
