"""Commands that keep an embedded stack from getting lost."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from persons_api import backup as archive
from persons_api.cli import (
    DataDir,
    app,
    chosen_stack,
    django,
    errors_in_one_line,
    fail,
    folder_of,
    tell,
    terminal,
)
from persons_api.embedded.errors import CannotStart
from persons_api.embedded.state import load


@app.command()
def backup(
    target: Annotated[
        Path, typer.Argument(metavar="FILE|DIR", help="A new file, or a folder that gets one.")
    ],
    data_dir: DataDir = None,
) -> None:
    """Copy a stack, running or stopped, into one file. Prints the name of the file.

    The file holds everything about persons and events, and no passwords.

    **Examples**

    - `persons-api backup /srv/backups`
    - `persons-api backup persons.tar --data-dir ~/persons`
    """
    with errors_in_one_line():
        folder = chosen_stack(data_dir)
        if folder is None:
            raise CannotStart(
                "This is about the embedded stack. For services of your own see docs/howto/back-up-and-restore.md"
            )
        with django(folder.path, with_clickhouse=True), _bar("writing") as show:
            from core.services.one_moment import BackupRuns

            state = load(folder)
            assert state  # noqa: S101 - it is being visited
            try:
                done = archive.back_up(folder, state, target.expanduser().absolute(), tell=tell, show=show)
            except BackupRuns as error:
                fail(str(error))
        tell(f"{done.size / 1_000_000:,.1f} MB")
        typer.echo(done.path)


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `persons-api backup` made.")],
    data_dir: DataDir = None,
) -> None:
    """Make a new stack from a backup, in a folder that is empty or not there. Start it with `persons-api up`.

    **Example**

    - `persons-api restore persons.tar --data-dir ~/persons-restored`
    """
    with errors_in_one_line():
        folder = folder_of(data_dir)
        with _bar("reading") as show:
            made = archive.restore(file.expanduser().absolute(), folder, tell=tell, show=show)
        tell(f"restored the backup of {made['made_at']} into {folder.path}")
        tell(f"start it: persons-api up --data-dir {folder.path}")


@contextmanager
def _bar(what: str) -> Iterator[archive.Show]:
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=terminal, transient=True) as bar:
        task = bar.add_task(what, visible=False)

        def show(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total, visible=True)

        yield show
