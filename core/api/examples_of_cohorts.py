"""Examples of cohorts for the OpenAPI document."""

from typing import Any

from core.api.examples_of_persons import ROW

_UUID = ROW["uuid"]
_WHEN = "2026-11-22T10:00:00.252000Z"
_FILTERS = {
    "properties": {
        "type": "AND",
        "values": [
            {"key": "plan", "type": "person", "operator": "exact", "value": "team", "negation": False}
        ],
    }
}
_COHORT: dict[str, Any] = {
    "id": 5,
    "name": "Paying",
    "description": "",
    "groups": [],
    "deleted": False,
    "filters": _FILTERS,
    "query": None,
    "version": 3,
    "pending_version": 3,
    "is_calculating": False,
    "created_by": {
        "id": 1,
        "uuid": "0190aa00-1111-7222-8333-444455556666",
        "distinct_id": "0190aa00-1111-7222-8333-444455556667",
        "first_name": "Ada",
        "last_name": "",
        "email": "ada@example.org",
        "is_email_verified": None,
        "hedgehog_config": None,
        "role_at_organization": None,
    },
    "created_at": _WHEN,
    "last_calculation": "2026-11-22T10:00:01.500000Z",
    "last_backfill_person_properties_at": None,
    "errors_calculating": 0,
    "last_error_message": None,
    "count": 12,
    "is_static": False,
    "cohort_type": "person_property",
    "experiment_set": [],
}

_QUERY = "SELECT id FROM person FINAL WHERE project_id = {project_id:Int64} AND isNotNull(properties.plan)"
_WORK = {"query_ms": 1001, "memory_mb": None, "read_rows": 5210, "written_rows": 2}

#: By component.
COHORTS: dict[str, Any] = {
    "Cohort": _COHORT,
    "CohortRequest": {"name": "Paying", "filters": _FILTERS},
    "PatchedCohort": {"name": "Paying customers"},
    "PaginatedCohortList": {"count": 1, "next": None, "previous": None, "results": [_COHORT]},
    "CohortPersonsOrTable": {"results": [ROW], "next": None, "previous": None},
    "PatchedAddPersonsToStaticCohortRequest": {"person_ids": [_UUID]},
    "PatchedRemovePersonFromStaticCohortRequest": {"person_id": _UUID},
    "CohortCalculationPage": {
        "results": [
            {
                "id": 31,
                "filters": _FILTERS,
                "count": 12,
                "started_at": _WHEN,
                "finished_at": "2026-11-22T10:00:01.500000Z",
                "queries": [{"query": _QUERY, "query_id": None, **_WORK}],
                "error": None,
                "duration_seconds": 1.248,
                "is_completed": True,
                "is_successful": True,
                **{f"total_{name}": value for name, value in _WORK.items()},
                "main_query": _QUERY,
                "main_query_id": None,
            }
        ],
        "count": 1,
        "next": None,
        "previous": None,
    },
    "CohortUploadReport": {
        "naming": "distinct_id",
        "rows": 3,
        "done": 3,
        "matched": 2,
        "count": 1,
        "next": None,
        "previous": None,
        "results": [{"row": 2, "value": "nobody", "reason": "no person has this distinct id"}],
    },
    "CohortUsedIn": {
        "feature_flags": {"results": [], "total": 0},
        "insights": {"results": [], "total": 0},
        "cohorts": {"results": [{"id": 6, "name": "Paying and active"}], "total": 1},
    },
}
