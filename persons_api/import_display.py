"""What a person sees of an import: a bar while it runs, remarks and a line of result at its end."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bar
from rich.text import Text

if TYPE_CHECKING:  # the command line starts without Django
    from core.events.file import EventFile
    from core.events.file_row import BadRow
    from core.services.import_events import Progress


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        rate = task.finished_speed or task.speed
        return Text(f"{rate:,.0f}/s" if rate else "")


@contextmanager
def reading(console: Console, file: Path) -> Iterator[None]:
    """While the file is read for the first time."""
    with console.status(f"reading {escape(str(file))}"):
        yield


@contextmanager
def bar(console: Console, *, total: int) -> Iterator[Callable[["Progress"], None]]:
    """A bar of ``total`` rows, and what moves it. It begins where earlier runs ended."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(),
        TimeRemainingColumn(),
    )
    shown = Bar(*columns, console=console)
    tasks: list[TaskID] = []

    def show(progress: "Progress") -> None:
        # Not before: an import that is refused at once needs no bar.
        if not tasks:
            shown.start()
            tasks.append(shown.add_task("importing", total=total, completed=progress.rows_before))
        waiting = f"waiting for ClickHouse, {progress.waiting:,} rows to go" if progress.waiting else ""
        shown.update(tasks[0], completed=progress.rows_done, description=waiting or "importing")

    try:
        yield show
    finally:
        if tasks:
            shown.stop()


def place(file: "EventFile", bad: "BadRow") -> str:
    """File, line and field, as in ``events.ndjson, line 3, uuid``."""
    return ", ".join(filter(None, (str(file.path), f"{file.row_word} {bad.number}", bad.attr)))


def tell_remarks(console: Console, file: "EventFile", done: "Progress", *, waiting: int) -> None:
    """What became of rows that are not simply imported."""
    for bad in done.first_bad_rows:
        console.print(escape(f"left out: {place(file, bad)}: {bad.detail}"))
    if more := done.bad_rows - len(done.first_bad_rows):
        console.print(f"left out: {more:,} more")
    if done.undated:
        console.print(
            f"{done.undated:,} events have no timestamp that can be used; the start of the import stands for it"
        )
    if waiting:
        console.print(
            f"{waiting:,} rows are stored and on their way to ClickHouse; wait for them: persons-api drain"
        )


def result(project_id: int, done: "Progress", *, waiting: int, as_json: bool) -> str:
    """The one line for standard output. ``before`` counts rows of the file that earlier runs did."""
    if as_json:
        return json.dumps(
            {
                "project": project_id,
                "events": done.events,
                "before": done.rows_before,
                "bad_rows": done.bad_rows,
                "waiting": waiting,
            }
        )
    left_out = f", {done.bad_rows:,} bad rows left out" if done.bad_rows else ""
    return (
        f"imported {done.events:,} events into project {project_id} "
        f"({done.rows_before:,} were there before{left_out})"
    )
