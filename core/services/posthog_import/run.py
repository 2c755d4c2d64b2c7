"""Copies a project of another server, part by part, from where an earlier run ended."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from core.advisory_lock import only_one_soon
from core.exceptions import InvalidInput
from core.models import Cohort, PosthogImport, Project
from core.posthog.client import RouteMissing, Source, SourceRefused
from core.posthog.pages import get_page
from core.posthog.project import SourceProject, check_is_another, find_project
from core.services.import_events import LOCK_PATIENCE
from core.services.posthog_import.comparison import (
    Compared,
    compare_cohorts,
    compare_events,
    compare_persons,
)
from core.services.posthog_import.copy_cohorts import copy_cohorts, read_cohorts
from core.services.posthog_import.copy_events import copy_events
from core.services.posthog_import.copy_persons import copy_persons
from core.services.posthog_import.copying import Copying, Progress, Tell, settle
from core.services.posthog_import.state import OneImportRunning, read_state

#: First number of the advisory locks; the second one is the project's.
LOCK_SPACE = 7_263_010
#: Seconds for the cohorts to be calculated.
_CALCULATION_PATIENCE = 120.0
_LOOK = 0.1


class Part(StrEnum):
    """What can be copied, in the order in which it is."""

    PERSONS = "persons"
    EVENTS = "events"
    COHORTS = "cohorts"


@dataclass(frozen=True, slots=True)
class Wish:
    """What is wanted: ``parts``, of the project ``number`` there (null: the key's current one), and of the events those
    from ``since`` on and before ``until``.
    """

    parts: frozenset[Part] = frozenset(Part)
    number: int | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """The comparison of the parts that were wanted."""

    source: SourceProject
    lines: Sequence[Compared]

    @property
    def is_complete(self) -> bool:
        return all(line.is_equal for line in self.lines)


def import_project(
    *, project_id: int, source: Source, wish: Wish, tell: Tell, calculate: Callable[[], None]
) -> Outcome:
    """Copy what is wished; ``calculate`` calculates the cohorts that wait for it, unless somebody else does.

    Run again, it goes on where it was stopped; after its end, it looks through everything once more. Raises
    ``InvalidInput``, ``ImportRunning``, ``SourceRefused``, ``SourceAway`` and ``ClickHouseUnavailable``.
    """
    project = Project.objects.filter(pk=project_id, deleted_at=None).first()
    if project is None:
        raise InvalidInput(
            f"There is no project {project_id}. Make one: persons-api create-project --name NAME",
            attr="project",
        )
    there = find_project(source, wish.number)
    check_is_another(there, project.api_token)
    _check_scopes(source, there, wish.parts)
    with _alone(project_id):
        copying = _open(project, source, there, tell)
        rows = _copy(copying, wish)
        lines = _compare(copying, wish, rows, calculate)
        copying.state.is_finished = True
        copying.save()
    return Outcome(there, lines)


def _check_scopes(source: Source, there: SourceProject, parts: frozenset[Part]) -> None:
    """Ask for a row of each part: a scope that is missing shows now, and not after the persons."""
    for part in sorted(parts):
        try:
            get_page(source, f"{there.path}{part}/", {"limit": "1"})
        except RouteMissing:
            if part is not Part.EVENTS:
                raise
        except SourceRefused as error:
            if error.attr != "key":
                raise
            detail = f"{error.detail}. Give the key this scope, or leave out {part} with --only."
            raise SourceRefused(detail, attr="key") from None


@contextmanager
def _alone(project_id: int) -> Iterator[None]:
    """Raises ``ImportRunning``."""
    with only_one_soon(LOCK_SPACE, project_id, patience=LOCK_PATIENCE) as is_alone:
        if not is_alone:
            raise OneImportRunning
        yield


def _open(project: Project, source: Source, there: SourceProject, tell: Tell) -> Copying:
    imports = PosthogImport.objects.for_project(project.pk)
    found, _ = imports.get_or_create(project_id=project.pk, source=f"{source.host} project {there.number}")
    state = read_state(found)
    if state.is_finished:
        state.begin_pass()
    copying = Copying(project, source, there.path, found, state, tell)
    copying.save()
    return copying


def _copy(copying: Copying, wish: Wish) -> list[dict[str, Any]]:
    """The rows of the cohorts there, if they are wanted."""
    state, rows = copying.state, list[dict[str, Any]]()
    if Part.PERSONS in wish.parts and not state.persons_done:
        copy_persons(copying)
    if Part.EVENTS in wish.parts and not state.events.is_done:
        copy_events(copying, since=wish.since, until=wish.until)
    if Part.COHORTS in wish.parts:
        rows = read_cohorts(copying)
        copy_cohorts(copying, rows)
    return rows


def _compare(
    copying: Copying, wish: Wish, rows: Sequence[dict[str, Any]], calculate: Callable[[], None]
) -> list[Compared]:
    settle(copying, Progress("comparison", 0, None))
    lines: list[Compared] = []
    if Part.PERSONS in wish.parts:
        lines += compare_persons(copying)
    if Part.EVENTS in wish.parts:
        lines.append(compare_events(copying))
    if Part.COHORTS in wish.parts:
        _await_calculations(copying, calculate)
        lines += compare_cohorts(copying, rows)
    return lines


def _await_calculations(copying: Copying, calculate: Callable[[], None]) -> None:
    numbers = [one.cohort for one in copying.state.cohorts.values() if one.cohort is not None]
    waiting = Cohort.objects.for_project(copying.project.pk).filter(
        pk__in=numbers, deleted=False, is_calculating=True
    )
    deadline = time.monotonic() + _CALCULATION_PATIENCE
    while (left := waiting.count()) and time.monotonic() < deadline:
        copying.tell(Progress("calculation", len(numbers) - left, len(numbers)))
        calculate()
        time.sleep(_LOOK)
