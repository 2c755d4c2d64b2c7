"""Examples of persons and of errors for the OpenAPI document."""

from typing import Any

_UUID = "11509410-c12f-55e9-b1d3-d2b39177f826"
_OTHER_UUID = "3887795d-8062-5a13-9f4a-ac80b736b5e0"
_IDS = ["ines@example.org", "0190aa11-22bb-7cc3-8dd4-ee55ff667788"]
_WHEN = "2026-11-22T10:00:00.252000Z"

_PERSON: dict[str, Any] = {
    "id": 4711,
    "uuid": _UUID,
    "name": "ines@example.org",
    "distinct_ids": _IDS,
    "properties": {"email": "ines@example.org", "plan": "team"},
    "created_at": "2026-03-04T05:06:07.089000Z",
    "last_seen_at": "2026-11-21T18:00:00Z",
}
#: A person in lists.
ROW: dict[str, Any] = {
    "type": "person",
    **_PERSON,
    "id": _UUID,
    "is_identified": True,
    "matched_recordings": [],
    "value_at_data_point": None,
}
_DELETION: dict[str, Any] = {
    "id": 12,
    "person_uuid": _UUID,
    "status": "completed",
    "created_at": _WHEN,
    "delete_verified_at": "2026-11-22T10:00:02.500000Z",
    "stage": "verified",
    "person_deleted": True,
    "requested_by": 1,
    "counts_before": {"events": 250, "person": 1},
    "counts_after": {"events": 0, "person": 0},
    "removed_at": "2026-11-22T10:00:01.750000Z",
    "scrubbed_at": None,
}
_ACTIVITY: dict[str, Any] = {
    "id": "0190bb22-0000-7000-8000-000000000001",
    "user": {"first_name": "Ada", "email": "ada@example.org"},
    "activity": "deleted",
    "scope": "Person",
    "item_id": "4711",
    "detail": {"changes": None, "trigger": None, "type": None, "name": _UUID, "short_id": None},
    "created_at": _WHEN,
}
_DRY_RUN = {"dry_run": True}

#: By component.
PERSONS: dict[str, Any] = {
    "PersonRecord": _PERSON,
    "PatchedPersonRecord": {"properties": {"plan": "team"}},
    "PersonsOrChanges": {
        "results": [ROW],
        "next": "https://example.org/api/projects/7/persons/?limit=1&offset=1",
        "previous": None,
    },
    "Success": {"success": True},
    "PersonSplitRequest": {"main_distinct_id": "ines@example.org"},
    "PersonSplitResponse": {"success": True},
    "PersonSplitPreview": {**_DRY_RUN, "new_persons": [{"distinct_id": _IDS[1], "uuid": _OTHER_UUID}]},
    "PersonUpdatePropertyRequest": {"key": "plan", "value": "team"},
    "PersonDeletePropertyRequest": {"$unset": "plan"},
    "PersonBatchByDistinctIdsRequest": {"distinct_ids": [_IDS[0], "nobody"]},
    "PersonBatchByUuidsRequest": {"uuids": [_UUID]},
    "PersonBatch": {"results": {_IDS[0]: _PERSON}},
    "CohortsOfPerson": {"results": [{"id": 5, "name": "Paying", "count": 12}]},
    "Counted": {"name": "plan", "count": 2},
    "PropertyValues": {
        "results": [{"name": "team", "count": 2}, {"name": "free", "count": 1}],
        "refreshing": False,
    },
    "PersonResetDistinctIdRequest": {"distinct_id": _IDS[0]},
    "ActivityPage": {"results": [_ACTIVITY], "next": None, "previous": None, "total_count": 1},
    "PersonMergeRequest": {"distinct_id": "ines@work.example.org"},
    "PersonMergeResponse": {
        "dry_run": False,
        "person": _PERSON,
        "merged_person_uuid": _OTHER_UUID,
        "overridden_properties": {"plan": "free"},
        "cohorts": [{"id": 5, "name": "Paying"}],
    },
    "PersonUndoRequest": _DRY_RUN,
    "PersonUndoResponse": {"dry_run": True, "undone": "merge", "person_uuids": [_OTHER_UUID]},
    "PersonBulkDeleteRequest": {"distinct_ids": ["ines@example.org", "nobody"], "delete_events": True},
    "PersonBulkDeleteResponse": {
        "persons_found": 1,
        "persons_deleted": 1,
        "persons_queued_for_deletion": 0,
        "events_queued_for_deletion": True,
        "recordings_queued_for_deletion": False,
        "deletion_errors": [],
        "unmatched_ids": [],
        "unmatched_distinct_ids": ["nobody"],
    },
    "PersonBulkDeletePreview": {
        **_DRY_RUN,
        "persons": 1,
        "distinct_ids": 2,
        "events": 250,
        "unmatched_ids": [],
        "unmatched_distinct_ids": ["nobody"],
    },
    "AsyncDeletionStatus": _DELETION,
    "PaginatedAsyncDeletionStatusList": {
        "count": 1,
        "next": None,
        "previous": None,
        "results": [_DELETION],
    },
    "DeletionCheck": {
        "id": 12,
        "is_erased": True,
        "counts": {"events": 0, "person": 0},
        "checked_at": _WHEN,
    },
    "PersonPropertiesAtTimeResponse": {
        **_PERSON,
        "properties": {"plan": "free"},
        "point_in_time_metadata": {
            "queried_timestamp": "2026-06-15T14:30:00+00:00",
            "include_set_once": False,
            "distinct_id_used": _IDS[0],
            "person_id_used": None,
            "query_mode": "distinct_id",
            "distinct_ids_queried": _IDS,
            "distinct_ids_count": 2,
        },
    },
}


def _error(kind: str, code: str, detail: str, attr: str | None = None) -> dict[str, Any]:
    return {"type": kind, "code": code, "detail": detail, "attr": attr}


#: By status.
ERRORS = {
    "400": _error("validation_error", "invalid_input", "Not a valid string.", "name"),
    "401": _error(
        "authentication_error", "not_authenticated", "Authentication credentials were not provided."
    ),
    "403": _error(
        "authentication_error", "permission_denied", "API key missing required scope 'person:write'"
    ),
    "404": _error("invalid_request", "not_found", "Not found."),
    "405": _error("invalid_request", "method_not_allowed", 'Method "DELETE" not allowed.'),
    "406": _error("invalid_request", "not_acceptable", "Could not satisfy the request Accept header."),
    "409": _error(
        "invalid_request",
        "idempotency_key_reused",
        "Another request was made under this ``Idempotency-Key`` within the last 24 hours.",
    ),
    "413": _error("invalid_request", "payload_too_large", "The body is larger than 20971520 bytes."),
    "415": _error(
        "invalid_request", "unsupported_media_type", 'Unsupported media type "text/plain" in request.'
    ),
    "429": _error("throttled_error", "throttled", "Request was throttled. Expected available in 12 seconds."),
    "503": _error(
        "server_error",
        "database_unavailable",
        "PostgreSQL does not answer. Nothing was stored; try again.",
    ),
    "504": _error(
        "server_error",
        "query_too_heavy",
        "The query took too long or too much memory and was stopped. Ask for a shorter date range or fewer steps.",
    ),
}
