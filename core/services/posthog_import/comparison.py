"""What the other server has, and what of it is here: counted in the stores, not by what the import believes."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection

from core.identity.take_over import Problem
from core.models import Cohort, ImportedPerson
from core.services.posthog_import.copy_persons import count_persons
from core.services.posthog_import.copying import Copying
from core.services.posthog_import.state import CohortState

#: Uuids that a reason names.
_NAMED = 3
_REASONS = {
    Problem.IDS_TAKEN: "share a distinct id with another person here, who keeps it",
    Problem.GONE_HERE: "were deleted or merged away here and stay so",
    Problem.TOO_LARGE: "have more properties than a person may have",
    Problem.UNFIT_IDS: "have distinct ids that are too long",
}
CHANGED = "the source changed meanwhile, or pages left somebody out: run the command again"


@dataclass(frozen=True, slots=True)
class Compared:
    """A line of the comparison. A number that nobody knows is null."""

    what: str
    there: int | None
    here: int | None
    reasons: tuple[str, ...] = ()
    #: What the source does not give is no difference.
    is_missing_there: bool = False

    @property
    def is_equal(self) -> bool:
        return self.is_missing_there or (self.there is not None and self.there == self.here)


# PostgreSQL, which may know nothing yet of rows that came a moment ago, would look through all ids for each person.
_ANALYZE = "ANALYZE core_importedperson, core_person, core_persondistinctid"
_PERSONS = """
SELECT count(*), count(p.id), coalesce(sum(i.distinct_ids), 0), coalesce(sum(least(i.distinct_ids, own.ids)), 0)
FROM core_importedperson i
LEFT JOIN core_person p ON p.project_id = i.project_id AND p.uuid = i.uuid
LEFT JOIN LATERAL (
    SELECT count(*) AS ids FROM core_persondistinctid m WHERE m.project_id = i.project_id AND m.person_id = p.id
) own ON true
WHERE i.project_id = %s AND i.posthog_import_id = %s AND i.pass_number = %s
"""


def compare_persons(copying: Copying) -> list[Compared]:
    """Persons and distinct ids."""
    with connection.cursor() as cursor:
        cursor.execute(_ANALYZE)
        cursor.execute(_PERSONS, [copying.project.pk, copying.found.pk, copying.state.pass_number])
        met, here, ids_there, ids_here = map(int, cursor.fetchone())
    there = count_persons(copying)
    there = met if there is None else there
    reasons = tuple(_reasons(copying))
    if there != met:
        reasons += (CHANGED,)
    return [
        Compared("persons", there, here, reasons),
        Compared("distinct ids", ids_there, ids_here),
    ]


def _reasons(copying: Copying) -> Iterator[str]:
    problems = ImportedPerson.objects.for_project(copying.project.pk).filter(
        posthog_import=copying.found, pass_number=copying.state.pass_number
    )
    counts = Counter(problems.exclude(problem="").values_list("problem", flat=True))
    for problem, count in sorted(counts.items()):
        few = problems.filter(problem=problem).order_by("id").values_list("uuid", flat=True)[:_NAMED]
        names = ", ".join(map(str, few)) + (", …" if count > _NAMED else "")
        yield f"{count:,} {_REASONS[Problem(problem)]}: {names}"


def compare_events(copying: Copying) -> Compared:
    """Events of the pass."""
    events = copying.state.events
    if events.is_missing:
        reason = "the source has no route for events: see docs/howto/move-from-posthog.md"
        return Compared("events", None, None, (reason,), is_missing_there=True)
    reasons = []
    if events.unfit:
        reasons.append(
            f"{events.unfit:,} are no events that this server takes (no name, distinct id or uuid)"
        )
    if events.deleted:
        reasons.append(f"{events.deleted:,} are of distinct ids that were deleted here and do not come back")
    if events.found < events.read:
        reasons.append(f"{events.read - events.found:,} did not arrive; persons-api doctor may say why")
    there = events.read + events.unfit + events.deleted
    return Compared("events", there, events.found, tuple(reasons))


def compare_cohorts(copying: Copying, rows: Sequence[Mapping[str, Any]]) -> list[Compared]:
    """Cohorts, and the members of each."""
    here = Cohort.objects.for_project(copying.project.pk).filter(deleted=False)
    found = {cohort.pk: cohort for cohort in here}
    known = [(row, copying.state.cohorts[str(row["id"])]) for row in rows]
    copied = sum(one.cohort in found for _, one in known)
    return [
        Compared("cohorts", len(rows), copied),
        *(_members(row, one, found.get(one.cohort or 0)) for row, one in known),
    ]


def _members(row: Mapping[str, Any], known: CohortState, cohort: Cohort | None) -> Compared:
    what = f"members of {row.get('name') or row['id']}"
    count = row.get("count")
    there = count if isinstance(count, int) else None
    if cohort is None or known.problem:
        return Compared(what, there, None, (known.problem or "It was deleted here.",))
    if row.get("is_static"):
        lost = ("members who are no persons here are left out",) if known.found < known.read else ()
        return Compared(what, known.read, known.found, lost)
    told = tuple(_about_dynamic(row, cohort, there))
    is_known_here = cohort.last_error_message is None and not cohort.is_calculating
    return Compared(what, there, cohort.count, told, is_missing_there=there is None and is_known_here)


def _about_dynamic(row: Mapping[str, Any], cohort: Cohort, there: int | None) -> Iterator[str]:
    if cohort.last_error_message:
        yield cohort.last_error_message
    elif cohort.is_calculating:
        yield "it is still being calculated here"
    elif there is None:
        yield "it was never calculated there"
    elif there != cohort.count:
        yield f"calculated there at {row.get('last_calculation')}, here just now, from what is here"
