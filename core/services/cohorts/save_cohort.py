"""Makes cohorts and changes them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from django.db.backends.utils import CursorWrapper
from django.utils import timezone

from core.exceptions import CohortNotFound, InvalidInput
from core.filters.cohort_form import FilterForm, cohorts_named, criteria_of
from core.filters.cohort_groups import check_groups, effective_filters
from core.filters.cohort_references import has_loop, references
from core.filters.properties import PropertyReader, Source
from core.models import Cohort, Project
from core.services.cohorts.fill import drop_file
from core.services.cohorts.request_calculation import (
    dynamic_filters,
    lock_cohorts,
    request_one,
    request_with_related,
)
from core.services.record_activity import Activity, record_activity
from core.services.transaction import change_persons

#: What the activity log compares.
_TOLD = ("name", "description", "deleted", "filters", "query", "groups", "is_static", "cohort_type")
TYPES = ("static", "person_property", "behavioral", "realtime", "analytical")
_SIMPLE = ("performed_event", "performed_event_multiple")
#: Names that a refusal lists.
_NAMES = 5


@dataclass(frozen=True, slots=True)
class CohortFields:
    """The fields that a request gives, checked each by itself; those that are absent stay as they are. ``filters``,
    ``groups`` and ``query`` are as sent. ``members_from`` is the field that brings members along, if there is one.
    """

    values: Mapping[str, Any]
    members_from: str | None = None

    def __contains__(self, name: str) -> bool:
        return name in self.values

    def get(self, name: str) -> Any:
        return self.values.get(name)


def create_cohort(*, project: Project, fields: CohortFields, user_id: int | None) -> Cohort:
    """A new cohort, with its calculation asked for. Raises ``InvalidInput``."""

    def create(cursor: CursorWrapper) -> Cohort:
        lock_cohorts(project.pk)
        cohort = Cohort(project_id=project.pk, created_by_id=user_id, created_at=timezone.now())
        is_asked = _apply(project, cohort, fields)
        if cohort.is_static:
            cohort.count = 0
        if cohort.deleted:
            cohort.deleted_at = timezone.now()
        cohort.save(force_insert=True)
        _note(project, cohort, "created", user_id, None)
        _ask(project, cohort, is_asked=is_asked)
        return _stored(project, cohort.pk)

    return change_persons(project.pk, create)


def change_cohort(*, project: Project, cohort_id: int, fields: CohortFields, user_id: int | None) -> Cohort:
    """Change a cohort, delete or restore it. A dynamic one is calculated again, with all that is related to it.

    Raises ``CohortNotFound`` and ``InvalidInput``.
    """

    def change(cursor: CursorWrapper) -> Cohort:
        lock_cohorts(project.pk)
        found = Cohort.objects.for_project(project.pk).select_for_update(no_key=True).filter(pk=cohort_id)
        cohort = found.first()
        if cohort is None:
            raise CohortNotFound
        before = _told(cohort)
        is_asked = _apply(project, cohort, fields)
        if cohort.deleted and not before["deleted"]:
            _refuse_if_used(project, cohort)
            cohort.deleted_at = timezone.now()
        if cohort.deleted or (cohort.is_static and not before["is_static"]):
            cohort.is_calculating = False
        if before["is_static"] and not cohort.is_static:
            drop_file(cursor, project_id=project.pk, cohort_id=cohort.pk)
            cohort.filling_since = None
        _refuse_unknown_cohorts(project, cohort, fields)
        cohort.save()
        _note_change(project, cohort, before, user_id)
        _ask(project, cohort, is_asked=is_asked)
        return _stored(project, cohort.pk)

    return change_persons(project.pk, change)


def _stored(project: Project, cohort_id: int) -> Cohort:
    return Cohort.objects.for_project(project.pk).select_related("created_by").get(pk=cohort_id)


def _apply(project: Project, cohort: Cohort, fields: CohortFields) -> bool:
    """Put the fields into the cohort; whether they fill a static one. Raises ``InvalidInput``."""
    for name in ("name", "description", "is_static", "deleted", "cohort_type"):
        if name in fields:
            setattr(cohort, name, fields.get(name))
    if fields.members_from is not None and not cohort.is_static:
        raise InvalidInput("Only static cohorts are given their members.", attr=fields.members_from)
    is_asked = _apply_query(project, cohort, fields)
    if fields.get("groups") is not None:
        cohort.groups = fields.get("groups")
    is_asked = _apply_filters(project, cohort, fields) or is_asked
    if cohort.cohort_type is not None and "cohort_type" in fields:
        _check_type(cohort)
    return is_asked


def _apply_query(project: Project, cohort: Cohort, fields: CohortFields) -> bool:
    query = fields.get("query")
    if query is None:
        return False
    kind = query.get("kind") if isinstance(query, Mapping) else None
    if kind not in ("ActorsQuery", "HogQLQuery"):
        raise InvalidInput(f"Query must be an ActorsQuery or HogQLQuery. Got: {kind}")
    if fields.get("filters"):
        raise InvalidInput("Cannot set both query and filters at the same time.")
    if not cohort.is_static:
        raise InvalidInput("Cannot create a dynamic cohort with a query. Set is_static to true.")
    if kind == "HogQLQuery":
        raise InvalidInput("HogQL is not supported; use an ActorsQuery.", attr="query")
    # Clients also send what they leave empty. Which columns, in which order, makes no difference.
    given = {name for name, value in query.items() if value not in (None, [], {})}
    if given - {"kind", "properties", "search", "select", "orderBy"}:
        raise InvalidInput(
            "An ActorsQuery has properties and search; nothing else is supported.", attr="query"
        )
    if not isinstance(query.get("search") or "", str):
        raise InvalidInput("search: Not a valid string.", attr="query")
    try:
        _reader(project, Source.PERSON, Source.COHORT).read(query.get("properties"), attr="properties")
    except InvalidInput as error:
        raise InvalidInput(f"{error.attr}: {error.detail}", attr="query") from None
    cohort.query = query
    return True


def _apply_filters(project: Project, cohort: Cohort, fields: CohortFields) -> bool:
    """Whether there are criteria now that fill a static cohort."""
    form = FilterForm(_reader(project, Source.PERSON))
    given = fields.get("filters")
    if cohort.is_static:
        return _apply_unchecked(cohort, form, given)
    if given is not None and (given or not cohort.groups):
        cohort.filters = form.check(given)
    elif given is not None:
        cohort.filters = {}
    elif cohort.filters and ("is_static" in fields or fields.get("deleted") is False):
        # They were taken as they came while the cohort was static.
        cohort.filters = form.check(cohort.filters)
    if cohort.groups and not cohort.filters:
        check_groups(FilterForm(form.reader), cohort.groups)
    return False


def _apply_unchecked(cohort: Cohort, form: FilterForm, given: Any) -> bool:
    """Filters of a static cohort are kept as they are, and fill it once if they can be understood."""
    if given is None:
        return False
    if not isinstance(given, Mapping):
        raise InvalidInput("Expected a JSON object.", attr="filters")
    cohort.filters = dict(given)
    try:
        kept = form.check(given)
    except InvalidInput:
        return False
    cohort.filters = kept
    return cohort._state.adding and any(True for _ in criteria_of(kept))


def _reader(project: Project, *sources: Source) -> PropertyReader:
    return PropertyReader(ZoneInfo(project.timezone), timezone.now(), sources=sources)


def _check_type(cohort: Cohort) -> None:
    expected = _expected_type(cohort)
    fits = {expected, "realtime"} if expected in ("person_property", "behavioral") else {expected}
    if cohort.cohort_type not in fits:
        raise InvalidInput(
            f"The type '{cohort.cohort_type}' does not match the filters. Expected type: '{expected}'",
            attr="cohort_type",
        )


def _expected_type(cohort: Cohort) -> str:
    if cohort.is_static:
        return "static"
    filters = effective_filters(cohort.filters, cohort.groups)
    done = [item["value"] for item in criteria_of(filters) if item["type"] == "behavioral"] if filters else []
    if any(value not in _SIMPLE for value in done):
        return "analytical"
    return "behavioral" if done else "person_property"


def _refuse_unknown_cohorts(project: Project, cohort: Cohort, fields: CohortFields) -> None:
    if cohort.is_static or not fields.get("filters"):
        return
    named = cohorts_named(cohort.filters)
    known = Cohort.objects.for_project(project.pk).filter(pk__in=named, deleted=False)
    if set(known.values_list("pk", flat=True)) != named:
        raise InvalidInput("Invalid Cohort ID in filter")


def _ask(project: Project, cohort: Cohort, *, is_asked: bool) -> None:
    """Ask for the calculation of what was just saved. Raises ``InvalidInput`` for a loop."""
    if cohort.deleted:
        return
    if cohort.is_static:
        if is_asked:
            request_one(project.pk, cohort.pk)
        return
    if has_loop(cohort.pk, references(dynamic_filters(project.pk))):
        raise InvalidInput("Cohorts cannot reference other cohorts in a loop.")
    request_with_related(project.pk, cohort.pk)


def _refuse_if_used(project: Project, cohort: Cohort) -> None:
    filters = project.test_account_filters
    if any(isinstance(item, Mapping) and _names_cohort(item, cohort.pk) for item in filters):
        raise InvalidInput(
            "This cohort is used in 'Filter out internal and test users' for 1 environment(s): "
            f"{project.name}."
        )
    known = references(dynamic_filters(project.pk))
    users = sorted(other for other, named in known.items() if cohort.pk in named and other != cohort.pk)
    if users:
        raise InvalidInput(
            f"This cohort is used as criteria in {len(users)} other cohort(s): {_listed(project, users)}."
        )


def _names_cohort(item: Mapping[str, Any], cohort_id: int) -> bool:
    return "cohort" in str(item.get("type")) and str(item.get("value")) == str(cohort_id)


def _listed(project: Project, cohort_ids: list[int]) -> str:
    first = Cohort.objects.for_project(project.pk).filter(pk__in=cohort_ids[:_NAMES]).order_by("pk")
    names = ", ".join(map(str, first))
    return f"{names}, and {len(cohort_ids) - _NAMES} more" if len(cohort_ids) > _NAMES else names


def _told(cohort: Cohort) -> dict[str, Any]:
    """What the activity log shows; an empty form is none."""
    shown = {name: getattr(cohort, name) for name in _TOLD}
    return {name: None if value in ({}, []) else value for name, value in shown.items()}


def _note_change(project: Project, cohort: Cohort, before: Mapping[str, Any], user_id: int | None) -> None:
    after = _told(cohort)
    changes = [
        {
            "type": "Cohort",
            "action": "created" if before[name] is None else "deleted" if after[name] is None else "changed",
            "field": name,
            "before": before[name],
            "after": after[name],
        }
        for name in _TOLD
        if before[name] != after[name]
    ]
    if not changes:
        return
    activity = "updated"
    if before["deleted"] != after["deleted"]:
        activity = "deleted" if after["deleted"] else "restored"
    _note(project, cohort, activity, user_id, changes)


def _note(
    project: Project, cohort: Cohort, activity: str, user_id: int | None, changes: list[dict[str, Any]] | None
) -> None:
    record_activity(
        project_id=project.pk,
        user_id=user_id,
        activities=[Activity("Cohort", activity, cohort.pk, cohort.name, changes)],
    )
