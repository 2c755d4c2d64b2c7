"""The command line: start the stack, make projects and keys, look after it."""

import json
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Annotated, NoReturn

import psutil
import typer
from rich.console import Console
from rich.markup import escape

from persons_api import banner, env, import_display, scrub_display
from persons_api.embedded.errors import CannotStart
from persons_api.embedded.folder import DataFolder
from persons_api.embedded.memory import memory_of
from persons_api.embedded.state import StackState, load
from persons_api.embedded.supervisor import FirstProject, Options
from persons_api.embedded.supervisor import up as run_stack
from persons_api.embedded.visit import visit

app = typer.Typer(
    help="A self-hosted server that speaks PostHog's persons HTTP API.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    add_completion=False,
    pretty_exceptions_enable=False,
)
#: For people; standard output is for programs.
terminal = Console(stderr=True, highlight=False, soft_wrap=True)

DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        metavar="DIR",
        help="Data folder of the stack. Default: PERSONS_API_DATA_DIR, or ./data.",
        show_default=False,
    ),
]
StackDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        metavar="DIR",
        help="Data folder of a stack, running or stopped. Without it, DATABASE_URL and the other variables "
        "say where to go; without those, the stack in the default folder.",
        show_default=False,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object, for programs.")]


@app.command()
def up(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes any free one.")
    ] = 8000,
    data_dir: DataDir = None,
    demo: Annotated[
        bool, typer.Option("--demo/--no-demo", help="Make a project with demo data on the first start.")
    ] = True,
) -> None:
    """Start everything: PostgreSQL, ClickHouse, Valkey, web, workers. Ctrl-C stops it; the data stay.

    Prints the line `ready URL` on standard output once requests are answered.

    **Examples**

    - `persons-api up`
    - `persons-api up --port 8080 --data-dir ~/persons --no-demo`
    """

    def on_ready(state: StackState, project: FirstProject | None) -> None:
        banner.show(terminal, state, project)
        typer.echo(f"ready {state.url}")

    with errors_in_one_line():
        options = Options(folder=folder_of(data_dir), host=host, port=port, demo=demo)
        run_stack(options, tell=tell, on_ready=on_ready)


@app.command()
def create_project(
    name: Annotated[str, typer.Option(help="Name of the project.")],
    as_json: AsJson = False,
    data_dir: StackDir = None,
) -> None:
    """Make a project and print its token, which SDKs send events with.

    **Example**

    - `persons-api create-project --name "My shop"`
    """
    with errors_in_one_line(), django(data_dir):
        from core.services.create_project import create_project as create

        project = create(name=name)
        if as_json:
            typer.echo(json.dumps({"id": project.id, "name": project.name, "api_token": project.api_token}))
        else:
            typer.echo(f"project {project.id} ({project.name})  token {project.api_token}")


@app.command()
def create_key(
    label: Annotated[str, typer.Option(help="What the key is for.")],
    scopes: Annotated[
        str, typer.Option(help="What it may do, separated by commas, as in `person:read,query:read`.")
    ],
    project: Annotated[
        list[int] | None,
        typer.Option(
            metavar="ID", help="Project it may reach; repeat for more. Default: all.", show_default=False
        ),
    ] = None,
    user: Annotated[
        str | None, typer.Option(metavar="EMAIL", help="Whose key it is.", show_default=False)
    ] = None,
    as_json: AsJson = False,
    data_dir: StackDir = None,
) -> None:
    """Make a personal API key and print it, this one time.

    **Examples**

    - `persons-api create-key --label laptop --scopes person:read,person:write,query:read`
    - `persons-api create-key --label report --scopes query:read --project 1 --json`
    """
    with errors_in_one_line(), django(data_dir):
        from core.services.create_key import create_key as create

        wanted = [scope.strip() for scope in scopes.split(",") if scope.strip()]
        key = create(label=label, scopes=wanted, project_ids=project or [], user_email=user)
        if as_json:
            typer.echo(json.dumps({"id": key.id, "key": key.value, "scopes": key.scopes}))
        else:
            typer.echo(f"key {key.value}  ({', '.join(key.scopes)})")
            tell("it is shown only this once")


@app.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="NDJSON (also as .gz or .zst) or Parquet.")],
    project: Annotated[int, typer.Option(metavar="ID", help="Project that gets the events.")],
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Leave out rows that are no events, instead of stopping there.")
    ] = False,
    as_json: AsJson = False,
    data_dir: StackDir = None,
) -> None:
    """Bring in a file of events, with their persons. Safe to run twice: nothing is taken again.

    A row has the fields of a captured event: `event`, `distinct_id`, `timestamp`, `properties`, `uuid`, `$set`.
    When it is stopped, by Ctrl-C or worse, the same command goes on where it was.

    **Examples**

    - `persons-api import events.ndjson --project 1`
    - `persons-api import export.parquet --project 1 --skip-bad --json`
    """
    with errors_in_one_line(), django(data_dir, with_clickhouse=True):
        from core.events.file import open_file
        from core.events.file_row import BadRow
        from core.services.import_events import import_events

        # A stopped stack has no workers to wake; this command delivers what it stores.
        logging.getLogger("core.outbox.wake").setLevel(logging.ERROR)
        with import_display.reading(terminal, file):
            events = open_file(file)
        try:
            with import_display.bar(terminal, total=events.rows) as show_progress:
                done = import_events(project_id=project, file=events, skip_bad=skip_bad, tell=show_progress)
        except BadRow as bad:
            fail(
                f"{import_display.place(events, bad)}: {bad.detail} Everything before it is stored. Correct it and "
                "run the command again, or leave out such rows with --skip-bad."
            )
        except KeyboardInterrupt:
            fail("stopped. Run the same command again: it goes on where it was")
        with terminal.status("waiting until all can be queried"):
            waiting = deliver_rest()
    import_display.tell_remarks(terminal, events, done, waiting=waiting)
    typer.echo(import_display.result(project, done, waiting=waiting, as_json=as_json))


def deliver_rest() -> int:
    """Rows that are still on their way after a while; the import is done without them."""
    from core.exceptions import ClickHouseUnavailable
    from core.outbox.drain import drain, rows_left

    try:
        return drain(timeout_seconds=60)
    except ClickHouseUnavailable:
        return rows_left()


@app.command()
def drain(
    timeout: Annotated[float, typer.Option(min=0, help="Seconds to wait at most.")] = 60.0,
    data_dir: StackDir = None,
) -> None:
    """Return when everything accepted so far can be queried in ClickHouse. Exit status 1 if not in time.

    **Example**

    - `persons-api drain --timeout 10`
    """
    with errors_in_one_line(), django(data_dir, with_clickhouse=True):
        from core.outbox.drain import drain as drain_outbox

        left = drain_outbox(timeout_seconds=timeout)
    if left:
        fail(f"{left} rows are still on their way to ClickHouse after {timeout:g} s")
    tell("everything accepted so far can be queried")


@app.command()
def scrub(
    full: Annotated[
        bool,
        typer.Option("--full", help="Also rewrite PostgreSQL's tables, which nobody can use meanwhile."),
    ] = False,
    as_json: AsJson = False,
    data_dir: StackDir = None,
) -> None:
    """Take what was erased off the disks now. The schedule does so within PERSONS_API_SCRUB_WITHIN, 24 hours.

    Erased persons and events are gone from every answer within seconds; their bytes stay in files until those are
    written anew. This rewrites the files of ClickHouse and gives free the space in PostgreSQL, where bytes stay until
    something else is written over them. With `--full` none stay: tables and the write-ahead log are rewritten as well,
    and requests wait for each table for as long as that takes (about a second for 100 MB).

    Backups, and standby servers of your own, are your own to clear.

    **Examples**

    - `persons-api scrub`
    - `persons-api scrub --full --data-dir ~/persons`
    """
    with errors_in_one_line(), django(data_dir, with_clickhouse=True):
        from core.services.erase import NotDelivered, erase_waiting
        from core.services.open_transactions import TransactionsOpen
        from core.services.scrub import ScrubRunning
        from core.services.scrub import scrub as scrub_disks
        from core.services.squash_overrides import NotNow

        # A stopped stack has no workers to wake, and nothing in Valkey.
        for name in ("core.outbox.wake", "core.services.places"):
            logging.getLogger(name).setLevel(logging.ERROR)
        try:
            with terminal.status("erasing what waits"):
                erase_waiting()
            with scrub_display.bar(terminal) as show_step:
                done = scrub_disks(full=full, tell=show_step)
        except (NotDelivered, NotNow, ScrubRunning, TransactionsOpen) as reason:
            fail(f"not now: {reason}")
    if done.is_log_clear is False:
        tell(
            "the write-ahead log of PostgreSQL stays, or a part of it: only a superuser can have it removed, "
            "and not what a standby or an archive waits for"
        )
    if as_json:
        typer.echo(json.dumps({"requests": done.requests, "log_is_clear": done.is_log_clear}))
    else:
        typer.echo(f"the rows of what was erased are off the disks ({done.requests} requests closed)")


@app.command()
def doctor(data_dir: StackDir = None) -> None:
    """Check every dependency, and that PostgreSQL and ClickHouse agree. Exit status 1 when a check fails.

    **Example**

    - `persons-api doctor --data-dir ~/persons`
    """
    with errors_in_one_line():
        folder = chosen_stack(data_dir)
        if folder and not folder.is_running():
            raise CannotStart(
                f"The stack in {folder.path} is stopped. Start it: persons-api up --data-dir {folder.path}"
            )
        # Whether the database answers is one of the checks.
        with django(data_dir, database_must_answer=False):
            healthy = run_checks()
        if folder:
            show_memory(folder)
    if not healthy:
        raise typer.Exit(1)


def run_checks() -> bool:
    from core.doctor import checks

    healthy = True
    for check in checks():
        show_check(check.name, check.detail, ok=check.ok)
        healthy = healthy and check.ok
    return healthy


def show_memory(folder: DataFolder) -> None:
    state = load(folder)
    if state and psutil.pid_exists(state.supervisor_pid):
        used = memory_of(state)
        program, stores, total = (round(size / 1_000_000) for size in (used.program, used.stores, used.total))
        show_check(
            "memory", f"{total} MB (supervisor, web, workers, beat {program} MB; stores {stores} MB)", ok=True
        )


def show_check(name: str, detail: str, *, ok: bool) -> None:
    mark = "[green]ok  [/]" if ok else "[bold red]FAIL[/]"
    Console(highlight=False, soft_wrap=True).print(f"{mark}  {escape(name)}: {escape(detail)}")


@contextmanager
def django(
    data_dir: Path | None, *, with_clickhouse: bool = False, database_must_answer: bool = True
) -> Iterator[None]:
    """Django, set up for the chosen stack or else for the environment; its errors become one line.

    Imported here and not above: the process that supervises a stack should stay small.
    """
    folder = chosen_stack(data_dir)
    with visit(folder, with_clickhouse=with_clickhouse) if folder else nullcontext() as state:
        os.environ.update(state.environment() if state else {})
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "persons_api.settings")
        import django as django_package
        from django.core.exceptions import ImproperlyConfigured
        from django.db import DatabaseError, InterfaceError

        from core.exceptions import RequestError, ServiceUnavailable

        # The pool tells of each attempt; one line at the end is enough here.
        logging.getLogger("psycopg.pool").setLevel(logging.CRITICAL)
        try:
            django_package.setup()
            if database_must_answer:
                check_database()
            yield
        except RequestError as error:
            fail(f"{error.attr}: {error.detail}" if error.attr else error.detail)
        except (ImproperlyConfigured, ServiceUnavailable) as error:
            fail(str(error))
        except (DatabaseError, InterfaceError) as error:
            fail(f"PostgreSQL: {str(error).strip().splitlines()[0]}")


def check_database() -> None:
    """Fail with the address and the reason; the connection pool only knows that it took too long."""
    import psycopg
    from django.db import connection

    parameters = connection.settings_dict
    try:
        psycopg.connect(
            host=parameters["HOST"],
            port=parameters["PORT"],
            dbname=parameters["NAME"],
            user=parameters["USER"],
            password=parameters["PASSWORD"],
            connect_timeout=5,
        ).close()
    except psycopg.OperationalError as error:
        reason = str(error).strip().splitlines()[0]
        fail(f"PostgreSQL at {parameters['HOST']}:{parameters['PORT']} does not answer: {reason}")


def chosen_stack(data_dir: Path | None) -> DataFolder | None:
    """The embedded stack that a command is about; None when the environment says where the services are."""
    if data_dir:
        return folder_of(data_dir)
    if env.secret("DATABASE_URL"):
        return None
    folder = folder_of(None)
    return folder if folder.state_file.exists() else None


def folder_of(data_dir: Path | None) -> DataFolder:
    #: Data folder of the embedded stack, for commands without ``--data-dir``.
    return DataFolder((data_dir or Path(env.text("PERSONS_API_DATA_DIR", "./data"))).expanduser().absolute())


@contextmanager
def errors_in_one_line() -> Iterator[None]:
    """What can be wrong around the program ends it with one line and status 1, without a traceback."""
    try:
        yield
    except (CannotStart, env.BadEnvironment) as error:
        fail(str(error))


def fail(message: str) -> NoReturn:
    terminal.print(f"[bold red]error:[/] {escape(message)}")
    raise typer.Exit(1)


def tell(line: str) -> None:
    terminal.print(escape(line))


def main() -> None:
    # Their commands are added to ``app`` when they are imported.
    from persons_api import cli_backup, cli_import_posthog, cli_operations, cli_roles, cli_users  # noqa: F401

    app()
