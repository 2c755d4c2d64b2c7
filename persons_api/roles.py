"""The processes of the program and how each is started, by the embedded stack as by ``persons-api web`` and its like.

Variables alone tell a process where the stores are (``persons_api/settings.py``).
"""

import os
import sys
from pathlib import Path

from persons_api import env

#: Queue to options of its worker.
WORKERS: dict[str, list[str]] = {
    "delivery": ["--pool", "solo"],
    # Threads beyond those that long questions and a calculation of a cohort hold.
    "insights": ["--pool", "threads", "--concurrency", "6"],
    # An erasure does not wait for the end of a squash; locks see to it that each runs once.
    "deletions": ["--pool", "threads", "--concurrency", "4"],
}
#: Queues that a worker takes besides its own. Calculations of cohorts are questions to ClickHouse, at most one at a
#: time, so the other threads stay free; among deletions, which run one after the other, they would hold up erasure. One
#: thread of deletions plans what webhooks get; requests to them have threads of their own.
BESIDES = {"insights": ["cohorts"], "deletions": ["webhooks"]}
BEAT = "beat"
#: Every process that keeps running, in the order of its start.
NAMES = ("web", *WORKERS, BEAT)


def web(*, host: str, port: int, stop_seconds: int) -> list[str]:
    """Answers requests. After SIGTERM it takes no new ones and has ``stop_seconds`` for the last answers; SIGHUP
    replaces its processes by new ones, one after the other.
    """
    #: Processes that answer requests.
    workers = env.integer("PERSONS_API_WEB_WORKERS", min(2, os.cpu_count() or 1), least=1)
    options = {
        "--interface": "wsgi",
        "--host": host,
        "--port": str(port),
        "--workers": str(workers),
        "--blocking-threads": "24",
        "--backlog": "1024",
        "--log-level": "warning",
        "--workers-kill-timeout": str(stop_seconds),
        "--respawn-interval": "0.5",
    }
    if env.text("PERSONS_API_LOG_FORMAT", "line") == "json":
        options["--log-config"] = str(Path(__file__).with_name("granian_logs.json"))
    arguments = [argument for option in options.items() for argument in option]
    flags = ["--no-ws", "--no-access-log", "--respawn-failed-workers"]
    return [sys.executable, "-m", "granian", *arguments, *flags, "persons_api.wsgi:application"]


def worker(queue: str) -> list[str]:
    """Does the tasks of a queue in ``WORKERS``. After SIGTERM it finishes what it does and gives back what it has not
    begun.
    """
    return _celery(celery_arguments(queue))


def beat() -> list[str]:
    """Starts what is due by the clock. One for an installation: two would start everything twice."""
    return _celery(celery_arguments(BEAT))


def together(*names: str) -> list[str]:
    """Workers, and ``BEAT``, as processes below one that has loaded the program for all of them."""
    return [sys.executable, "-m", "persons_api.together", *names]


def celery_arguments(name: str) -> list[str]:
    """The arguments of ``celery`` for a worker, by its queue, or for ``BEAT``."""
    if name == BEAT:
        app, arguments = "persons_api.clock", ["beat", "--scheduler", "persons_api.alive:Scheduler"]
    else:
        # Workers have nothing to tell each other, and telling costs Valkey round trips all day.
        silent = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
        queues = ",".join([name, *BESIDES.get(name, [])])
        app, arguments = (
            "persons_api.celery",
            ["worker", "-Q", queues, "-n", f"{name}@%h", *WORKERS[name], *silent],
        )
    # Quiet is without the banner, which is no log line.
    return ["--quiet", "-A", app, *arguments, "--loglevel", "WARNING"]


def migrate(phase: str = "all") -> list[str]:
    """Brings both stores to the schema of this version, and ends; ``phase`` as in ``core.management.phases``."""
    return django("prepare", "--phase", phase)


def django(*arguments: str) -> list[str]:
    """A management command."""
    return [sys.executable, "-m", "django", *arguments]


def _celery(arguments: list[str]) -> list[str]:
    return [sys.executable, "-m", "celery", *arguments]
