"""What a person sees while the disks are cleared: what is being done, and how far it is."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)

if TYPE_CHECKING:  # the command line starts without Django
    from core.services.scrub import Step


@contextmanager
def bar(console: Console) -> Iterator[Callable[["Step"], None]]:
    """A line for the step that is under way, and what moves it."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as shown:
        task = shown.add_task("")

        def show(step: "Step") -> None:
            shown.update(task, description=step.what, completed=step.number, total=step.of)

        yield show
