"""Writes the activity log, in the transaction of the change it tells of."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from core.models import ActivityEntry


@dataclass(frozen=True, slots=True)
class Activity:
    """What happened to one item. ``changes`` never holds values of properties."""

    scope: str
    activity: str
    item_id: int
    name: str | None = None
    changes: list[dict[str, Any]] | None = None


def record_activity(*, project_id: int, user_id: int | None, activities: Iterable[Activity]) -> None:
    """Note ``activities``. ``user_id`` is null for what the system does by itself."""
    ActivityEntry.objects.for_project(project_id).bulk_create(
        ActivityEntry(
            project_id=project_id,
            user_id=user_id,
            scope=one.scope,
            activity=one.activity,
            item_id=str(one.item_id),
            detail={
                "changes": one.changes,
                "trigger": None,
                "type": None,
                "name": one.name,
                "short_id": None,
            },
        )
        for one in activities
    )


def person_change(
    action: str, *, field: str | None = None, before: Any = None, after: Any = None
) -> dict[str, Any]:
    """One change of a person, as the log shows it."""
    return {"type": "Person", "action": action, "field": field, "before": before, "after": after}
