"""The cohorts of the other server: dynamic ones with their criteria, static ones with their members.

A cohort that was made here stays as it is in later runs, which add the new members of a static one.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db.backends.utils import CursorWrapper

from core.exceptions import InvalidInput
from core.models import Cohort, CohortMember
from core.posthog.client import SourceRefused
from core.posthog.pages import ROWS, walk
from core.posthog.persons import member_uuids
from core.services.cohorts.fill import fill_by_uuids
from core.services.cohorts.save_cohort import CohortFields, create_cohort
from core.services.posthog_import.copying import Copying, Progress, settle
from core.services.posthog_import.state import CohortState

PART = "cohorts"
_PAGE = 100
_LONGEST = {"name": 400, "description": 1000}
DELETED_HERE = "It was deleted here."


def read_cohorts(copying: Copying) -> list[dict[str, Any]]:
    """The rows of all cohorts; those that others refer to come first."""
    pages = walk(copying.source, f"{copying.path}cohorts/", {"limit": str(_PAGE)})
    rows = [row for page in pages for row in page.rows if row.get("deleted") is not True]
    if not all(isinstance(row.get("id"), int) for row in rows):
        raise SourceRefused(f"{copying.source.host} does not show the numbers of cohorts.")
    return list(_ordered({str(row["id"]): row for row in rows}))


def copy_cohorts(copying: Copying, rows: Sequence[Mapping[str, Any]]) -> None:
    """Make the cohorts that are not here yet, and fill static ones."""
    progress = Progress(PART, 0, len(rows))
    # Criteria look at what ClickHouse has.
    settle(copying, progress)
    for number, row in enumerate(rows, 1):
        known = copying.state.cohorts.setdefault(str(row["id"]), CohortState())
        if not known.is_done:
            _copy(copying, known, row)
        copying.tell(Progress(PART, number, len(rows)))
    copying.state.cohorts_done = True
    copying.save()


def _copy(copying: Copying, known: CohortState, row: Mapping[str, Any]) -> None:
    if known.cohort is None:
        _create(copying, known, row)
    elif not Cohort.objects.for_project(copying.project.pk).filter(pk=known.cohort, deleted=False).exists():
        known.problem = DELETED_HERE
    if known.cohort is not None and not known.problem and row.get("is_static"):
        _fill(copying, known.cohort, known, str(row["id"]))
    known.is_done = True
    copying.save()


def _create(copying: Copying, known: CohortState, row: Mapping[str, Any]) -> None:
    numbers = {
        there: one.cohort for there, one in copying.state.cohorts.items() if one.cohort and not one.problem
    }

    def create(cursor: CursorWrapper) -> None:
        cohort = create_cohort(project=copying.project, fields=_fields(row, numbers), user_id=None)
        known.cohort, known.problem = cohort.pk, ""

    try:
        copying.store(create)
    except InvalidInput as error:
        known.cohort, known.problem = None, error.detail


def _fields(row: Mapping[str, Any], numbers: Mapping[str, int]) -> CohortFields:
    """Raises ``InvalidInput`` for criteria that name a cohort which is not here."""
    values: dict[str, Any] = {
        name: text[:longest] for name, longest in _LONGEST.items() if isinstance(text := row.get(name), str)
    }
    values["is_static"] = row.get("is_static") is True
    filters = row.get("filters")
    if values["is_static"]:
        return CohortFields(values)
    if isinstance(filters, Mapping) and filters:
        values["filters"] = _translated(filters, numbers)
    elif row.get("groups"):
        values["groups"] = row["groups"]
    return CohortFields(values)


def _translated(value: Any, numbers: Mapping[str, int]) -> Any:
    """Criteria with the numbers that cohorts have here."""
    if isinstance(value, list):
        return [_translated(one, numbers) for one in value]
    if not isinstance(value, Mapping):
        return value
    if value.get("type") == "cohort" and value.get("key") == "id":
        if str(value.get("value")) not in numbers:
            raise InvalidInput(f"It refers to cohort {value.get('value')}, which was not copied.")
        return {**value, "value": numbers[str(value["value"])]}
    return {name: _translated(one, numbers) for name, one in value.items()}


def _named(value: Any) -> Iterator[str]:
    """The cohorts that criteria refer to."""
    if isinstance(value, list):
        for one in value:
            yield from _named(one)
    elif isinstance(value, Mapping):
        if value.get("type") == "cohort":
            yield str(value.get("value"))
        for one in value.values():
            yield from _named(one)


def _ordered(rows: Mapping[str, dict[str, Any]]) -> Iterator[dict[str, Any]]:
    waiting = dict(sorted(rows.items(), key=lambda item: int(item[0])))
    while waiting:
        ready = [
            number for number, row in waiting.items() if waiting.keys().isdisjoint(_named(row.get("filters")))
        ]
        # There is no loop on a server that keeps its own rules; otherwise each is refused with its reason.
        for number in ready or list(waiting):
            yield waiting.pop(number)


def _fill(copying: Copying, cohort_id: int, known: CohortState, number: str) -> None:
    """Members join page by page; to join twice is to join once."""
    path, project_id = f"{copying.path}cohorts/{number}/persons/", copying.project.pk
    for page in walk(copying.source, path, known.next or {"limit": str(ROWS)}):
        uuids = member_uuids(copying.source, page.rows)
        fill_by_uuids(project_id=project_id, cohort_id=cohort_id, uuids=uuids)
        known.read += len(uuids)
        known.found += _count_members(project_id, cohort_id, uuids)
        known.next = page.next
        copying.save()


def _count_members(project_id: int, cohort_id: int, uuids: Sequence[UUID]) -> int:
    members = CohortMember.objects.for_project(project_id).filter(cohort_id=cohort_id)
    return members.filter(person__uuid__in=uuids, person__project_id=project_id).count()
