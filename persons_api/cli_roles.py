"""Commands that become one process of the program, for installations with services of their own."""

import os
import sys
from enum import StrEnum
from typing import Annotated

import typer

from persons_api import env, roles
from persons_api.cli import app, errors_in_one_line, fail

#: The longest that an answer takes: a question may wait 30 seconds, and two more for word of its query.
STOP_SECONDS = 35
QUEUES = ", ".join(roles.WORKERS)
Phase = StrEnum("Phase", ["pre", "post", "all"])
PANEL = "One process, with services of your own"


@app.command(rich_help_panel=PANEL)
def web(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8000,
    stop_seconds: Annotated[
        int, typer.Option(min=1, help="Seconds for the last answers after SIGTERM.")
    ] = STOP_SECONDS,
) -> None:
    """Answer requests. SIGHUP replaces its processes one after the other.

    **Example**

    - `persons-api web --host 0.0.0.0 --port 8000`
    """
    with errors_in_one_line():
        _become(roles.web(host=host, port=port, stop_seconds=stop_seconds))


def _known(queues: list[str] | None) -> list[str]:
    if set(queues or ()) - set(roles.WORKERS):
        raise typer.BadParameter(f"each is one of {QUEUES}")
    return list(dict.fromkeys(queues or roles.WORKERS))


@app.command(rich_help_panel=PANEL)
def worker(
    queues: Annotated[
        list[str] | None,
        typer.Argument(metavar="QUEUE", help=f"Some of {QUEUES}; all of them by default.", callback=_known),
    ] = None,
    with_beat: Annotated[
        bool, typer.Option("--beat", help="Also start what is due by the clock; for exactly one.")
    ] = False,
) -> None:
    """Do the tasks of queues, in a process for each. Each queue needs one worker.

    Several share the memory of what they have loaded. After SIGTERM each finishes what it does and gives back what it
    has not begun.

    **Examples**

    - `persons-api worker delivery`
    - `persons-api worker --beat`: everything behind the web processes
    """
    names = [*(queues or ()), *([roles.BEAT] if with_beat else ())]
    with errors_in_one_line():
        _become(roles.worker(names[0]) if len(names) == 1 else roles.together(*names))


@app.command(rich_help_panel=PANEL)
def beat() -> None:
    """Start what is due by the clock. Run exactly one.

    **Example**

    - `persons-api beat`
    """
    with errors_in_one_line():
        _become(roles.beat())


@app.command(rich_help_panel=PANEL)
def migrate(
    phase: Annotated[
        Phase,
        typer.Option(
            help="`pre`: what may run beside processes of the version before; `post`: the rest, when none is left."
        ),
    ] = Phase.all,
) -> None:
    """Bring PostgreSQL and ClickHouse to the schema of this version, before anything else starts. Safe to repeat.

    **Examples**

    - `persons-api migrate`
    - `persons-api migrate --phase pre`, then replace the processes, then `persons-api migrate --phase post`
    """
    with errors_in_one_line():
        _become(roles.migrate(phase.value))


def _become(command: list[str]) -> None:
    """Replace this process, so that signals reach the one that is meant."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "persons_api.settings")
    # A wrong setting is one line here; in the processes of a role it would be a traceback, again and again.
    from persons_api import settings

    if not settings.SECRET_KEY:
        fail("PERSONS_API_SECRET_KEY is missing: give it a long random text, the same for every process.")
    if not env.secret("DATABASE_URL"):
        fail("DATABASE_URL is missing: postgres://user:password@host:5432/database")
    sys.stdout.flush()
    os.execv(command[0], command)  # noqa: S606 - one of our own command lines
