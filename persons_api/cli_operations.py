"""Commands for who looks after an installation: repairing ClickHouse, and what is old."""

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from persons_api.cli import AsJson, StackDir, app, django, errors_in_one_line, fail, tell, terminal

if TYPE_CHECKING:  # the command line starts without Django
    from core.services.rebuild import Rebuilt, Step


@app.command()
def rebuild_clickhouse(as_json: AsJson = False, data_dir: StackDir = None) -> None:
    """Build ClickHouse's replica of PostgreSQL anew: persons, distinct ids, groups, members of cohorts.

    For a `doctor` who finds that the stores differ. Events have no other copy: they stay as they are. Requests are
    answered all the time, from the old tables until each new one takes its place; erasures and squashes wait.
    A rebuild that is stopped has done no harm: run it again, it begins anew. At its end the stores are compared;
    exit status 1 when they still differ.

    **Examples**

    - `persons-api rebuild-clickhouse`
    - `persons-api rebuild-clickhouse --data-dir ~/persons --json`
    """
    with errors_in_one_line(), django(data_dir, with_clickhouse=True):
        from core.services.rebuild import RebuildNotNow
        from core.services.rebuild import rebuild_clickhouse as rebuild

        # A stopped stack has no workers to wake; this command delivers what waits.
        logging.getLogger("core.outbox.wake").setLevel(logging.ERROR)
        try:
            with _bars() as show:
                done = rebuild(tell=show)
        except RebuildNotNow as reason:
            fail(f"not now: {reason}")
        except KeyboardInterrupt:
            fail("stopped. Tables that were done are new, the others as before; run the command again")
        typer.echo(_as_json(done) if as_json else _in_words(done))
    if not done.is_equal:
        fail("PostgreSQL and ClickHouse still differ")


@app.command()
def forget_old(as_json: AsJson = False, data_dir: StackDir = None) -> None:
    """Remove now what is older than the settings let it be: events, activity, receipts. The schedule does so daily.

    The settings are PERSONS_API_EVENT_RETENTION_DAYS, PERSONS_API_ACTIVITY_RETENTION_DAYS and
    PERSONS_API_RECEIPT_RETENTION_DAYS; without them these are kept for ever. Safe to repeat.

    **Example**

    - `PERSONS_API_EVENT_RETENTION_DAYS=730 persons-api forget-old`
    """
    with errors_in_one_line(), django(data_dir, with_clickhouse=True):
        from core.services import retention

        with terminal.status("forgetting what is old"):
            done = asdict(retention.forget_old())
    rows = ", ".join(f"{number:,} {name}" for name, number in done.items())
    typer.echo(json.dumps(done) if as_json else f"forgot {rows}")


@contextmanager
def _bars() -> Iterator[Callable[["Step"], None]]:
    """A bar for each table, and what moves it."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=terminal) as shown:
        tasks = {}

        def show(step: "Step") -> None:
            if step.table not in tasks:
                tasks[step.table] = shown.add_task(step.table, total=step.of)
            shown.update(tasks[step.table], completed=step.rows, total=max(step.of, step.rows))

        yield show


def _as_json(done: "Rebuilt") -> str:
    differing = [one.table for one in done.comparisons if not one.is_equal]
    return json.dumps({"rows": done.rows, "equal": done.is_equal, "differing": differing})


def _in_words(done: "Rebuilt") -> str:
    for one in done.comparisons:
        mark = "equal" if one.is_equal else "DIFFERENT"
        tell(
            f"{one.table}: {one.postgres.rows:,} rows in PostgreSQL, {one.clickhouse.rows:,} in ClickHouse, {mark}"
        )
    return f"rebuilt {len(done.rows)} tables of {sum(done.rows.values()):,} rows"
