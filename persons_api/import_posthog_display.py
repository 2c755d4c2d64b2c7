"""What a person sees of the copy of a project: a bar for each part, then the comparison."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

if TYPE_CHECKING:  # the command line starts without Django
    from core.services.posthog_import.comparison import Compared
    from core.services.posthog_import.copying import Progress
    from core.services.posthog_import.run import Outcome


@dataclass(slots=True)
class Shown:
    """The bars, of which the last one moves."""

    bars: Bars
    tasks: dict[str, TaskID] = field(default_factory=dict)

    def show(self, progress: "Progress") -> None:
        """Move the bar of a part, which is new when the part has just begun."""
        if progress.part not in self.tasks:
            self.bars.start()
            # Without a total the bar only says that something goes on.
            self.tasks[progress.part] = self.bars.add_task(
                progress.part, total=progress.total, count="", note=""
            )
        total = "" if progress.total is None else f" of {progress.total:,}"
        self.bars.update(
            self.tasks[progress.part],
            completed=progress.done,
            total=progress.total,
            count=f"{progress.done:,}{total}",
            note=escape(progress.note),
        )

    def wait(self, seconds: float, reason: str) -> None:
        """Say that the other server is waited for."""
        if self.tasks:
            self.bars.update(list(self.tasks.values())[-1], note=f"{escape(reason)}; on in {seconds:.0f} s")


@contextmanager
def bars(console: Console) -> Iterator[Shown]:
    """None is shown before the first part begins: what is refused at once needs none."""
    columns = (
        TextColumn("{task.description:<12}"),
        BarColumn(),
        TextColumn("{task.fields[count]}"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    shown = Shown(Bars(*columns, console=console))
    try:
        yield shown
    finally:
        if shown.tasks:
            shown.bars.stop()


def result(project_id: int, host: str, outcome: "Outcome", *, as_json: bool) -> str:
    """The comparison for standard output: a line each, or JSON."""
    if as_json:
        return json.dumps(
            {
                "project": project_id,
                "source": {"host": host, "project": outcome.source.number},
                "is_complete": outcome.is_complete,
                "comparison": [_json(line) for line in outcome.lines],
            }
        )
    rows = [("", "there", "here", ""), *map(_row, outcome.lines)]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return "\n".join(
        f"{what:<{widths[0]}}  {there:>{widths[1]}}  {here:>{widths[2]}}  {verdict}".rstrip()
        for what, there, here, verdict in rows
    )


def _json(line: "Compared") -> dict[str, object]:
    return {
        "what": line.what,
        "there": line.there,
        "here": line.here,
        "is_equal": line.is_equal,
        "reasons": line.reasons,
    }


def _row(line: "Compared") -> tuple[str, str, str, str]:
    verdict = "not given" if line.is_missing_there else "" if line.is_equal else "differs"
    return _printable(line.what), _number(line.there), _number(line.here), verdict


def _number(number: int | None) -> str:
    return "-" if number is None else f"{number:,}"


def _printable(text: str) -> str:
    """Names of cohorts come from elsewhere and may hold what moves a cursor."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def tell_reasons(console: Console, outcome: "Outcome") -> None:
    """Why lines differ, and what else is worth knowing about them."""
    for line in outcome.lines:
        for reason in line.reasons:
            console.print(escape(_printable(f"{line.what}: {reason}")))
    if not outcome.is_complete:
        console.print("[bold red]differs:[/] not everything is here; the reasons stand above")
