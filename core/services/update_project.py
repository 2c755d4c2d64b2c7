"""Changes the settings of a project."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction

from core.exceptions import InvalidInput
from core.filters.properties import PropertyReader, filters_of
from core.models import Project
from core.services.record_activity import Activity, record_activity
from core.sql.patterns import check_patterns

#: What may be set. It counts from the next request on: nothing of it is kept elsewhere.
SETTINGS = (
    "name",
    "timezone",
    "week_start_day",
    "person_display_name_properties",
    "test_account_filters",
    "test_account_filters_default_checked",
    "app_urls",
)


@transaction.atomic
def update_project(*, project_id: int, fields: Mapping[str, Any], user_id: int) -> Project:
    """Set those of ``SETTINGS`` that are given. Raises ``InvalidInput`` for filters that no query could use."""
    project = Project.objects.select_for_update().get(pk=project_id)
    if "test_account_filters" in fields:
        _check_filters(project, fields["test_account_filters"])
    changes = [
        {
            "type": "Project",
            "action": "changed",
            "field": name,
            "before": getattr(project, name),
            "after": fields[name],
        }
        for name in SETTINGS
        if name in fields and fields[name] != getattr(project, name)
    ]
    if not changes:
        return project
    for name in SETTINGS:
        if name in fields:
            setattr(project, name, fields[name])
    project.save()
    record_activity(
        project_id=project.pk,
        user_id=user_id,
        activities=[Activity("Project", "updated", project.pk, project.name, changes)],
    )
    return project


def _check_filters(project: Project, filters: Any) -> None:
    """They are read when somebody filters by them, and it is too late to complain then."""
    attr = "test_account_filters"
    # With the sources that analytical questions know.
    reader = PropertyReader(ZoneInfo(project.timezone), datetime.now(UTC))
    try:
        check_patterns(filters_of(reader.read(filters, attr=attr)))
    except InvalidInput as error:
        place = "" if error.attr == attr else f"{error.attr}: "
        raise InvalidInput(f"{place}{error.detail}", attr=attr) from None
