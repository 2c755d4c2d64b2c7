"""Examples of users, organizations and projects for the OpenAPI document."""

from typing import Any

from core.api.examples_of_cohorts import COHORTS

_ORGANIZATION_ID = "0190aa00-1111-7222-8333-444455550000"
_WHEN = "2026-11-22T10:00:00.252000Z"
_PROJECT: dict[str, Any] = {
    "id": 7,
    "uuid": "0190aa00-1111-7222-8333-444455550007",
    "organization": _ORGANIZATION_ID,
    "project_id": 7,
    "api_token": "phc_5f2b0c9e7d1a4f38b6c0",
    "name": "Shop",
    "completed_snippet_onboarding": True,
    "has_completed_onboarding_for": {},
    "ingested_event": True,
    "is_demo": False,
    "timezone": "Europe/Berlin",
    "access_control": False,
}
_ORGANIZATION_BASIC: dict[str, Any] = {
    "id": _ORGANIZATION_ID,
    "name": "Example",
    "slug": "example",
    "logo_media_id": None,
    "membership_level": 15,
    "members_can_use_personal_api_keys": True,
}
_ORGANIZATION: dict[str, Any] = {
    **_ORGANIZATION_BASIC,
    "created_at": _WHEN,
    "updated_at": _WHEN,
    "teams": [_PROJECT],
    "projects": [
        {
            "id": 7,
            "organization_id": _ORGANIZATION_ID,
            "name": "Shop",
            "api_token": _PROJECT["api_token"],
            "timezone": "Europe/Berlin",
        }
    ],
    "member_count": 1,
}
_USER: dict[str, Any] = {
    "id": 1,
    "uuid": "0190aa00-1111-7222-8333-444455556666",
    "distinct_id": "0190aa00-1111-7222-8333-444455556667",
    "first_name": "Ada",
    "last_name": "",
    "email": "ada@example.org",
    "is_staff": False,
    "is_email_verified": None,
    "date_joined": _WHEN,
    "has_password": True,
    "team": _PROJECT,
    "organization": _ORGANIZATION,
    "organizations": [_ORGANIZATION_BASIC],
}
_DELETION: dict[str, Any] = {
    "id": 2,
    "project_id": 7,
    "project_uuid": _PROJECT["uuid"],
    "project_name": "Shop",
    "status": "pending",
    "stage": "accepted",
    "requested_by": 1,
    "created_at": _WHEN,
    "removed_at": None,
    "delete_verified_at": None,
    "scrubbed_at": None,
    "counts_before": {},
    "counts_after": None,
}
_SETTINGS = {"timezone": "Europe/Berlin", "week_start_day": 1}


def _page(row: dict[str, Any]) -> dict[str, Any]:
    return {"count": 1, "next": None, "previous": None, "results": [row]}


#: By component.
ACCOUNTS: dict[str, Any] = {
    "PaginatedProjectBasicList": _page(_PROJECT),
    "Project": {
        **_PROJECT,
        "created_at": _WHEN,
        "updated_at": _WHEN,
        "app_urls": ["https://shop.example.org"],
        "anonymize_ips": False,
        "test_account_filters": [
            {"key": "email", "value": "@example.org", "operator": "not_icontains", "type": "person"}
        ],
        "test_account_filters_default_checked": True,
        "person_display_name_properties": None,
        "week_start_day": 1,
        "modifiers": None,
        "effective_membership_level": 15,
        "has_group_types": False,
        "group_types": [],
    },
    "ProjectSettings": _SETTINGS,
    "PatchedProjectSettings": _SETTINGS,
    "ProjectDeletion": _DELETION,
    "PaginatedProjectDeletionList": _page(_DELETION),
    "ActivityLogPage": {
        "results": [
            {
                "id": "0190bb22-0000-7000-8000-000000000002",
                "user": COHORTS["Cohort"]["created_by"],
                "unread": False,
                "organization_id": _ORGANIZATION_ID,
                "was_impersonated": False,
                "is_system": False,
                "activity": "created",
                "item_id": "5",
                "scope": "Cohort",
                "detail": {
                    "changes": None,
                    "trigger": None,
                    "type": None,
                    "name": "Paying",
                    "short_id": None,
                },
                "created_at": _WHEN,
            }
        ],
        "next": None,
        "previous": None,
    },
    "PatchedOrganizationSettings": {"name": "Example"},
    "Organization": _ORGANIZATION,
    "PaginatedOrganizationList": _page(_ORGANIZATION),
    "User": _USER,
    "PaginatedUserList": _page(_USER),
    "PatchedUserChanges": {"first_name": "Ada", "set_current_team": 7},
}
