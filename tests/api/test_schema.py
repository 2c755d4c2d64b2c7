"""The OpenAPI document, its copy in ``docs/``, and the two pages that show it."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

from tests.clients import ProjectClient

COPY = Path(__file__).parents[2] / "docs" / "openapi.yaml"
METHODS = {"get", "post", "put", "patch", "delete"}
READ, WRITE, COHORTS, COHORT_WRITE, LOG = (
    ["person:read"], ["person:write"], ["cohort:read"], ["cohort:write"], ["activity_log:read"],
)  # fmt: skip
#: Operation, path below that of its group, scopes.
PERSONS: dict[str, tuple[str, list[str]]] = {
    "persons_list": ("", READ),
    "persons_all_activity_retrieve": ("activity/", LOG),
    "persons_batch_by_distinct_ids_create": ("batch_by_distinct_ids/", READ),
    "persons_batch_by_uuids_create": ("batch_by_uuids/", READ),
    "persons_bulk_delete_create": ("bulk_delete/", WRITE),
    "persons_cohorts_retrieve": ("cohorts/", ["person:read", "cohort:read"]),
    "persons_deletion_status_list": ("deletion_status/", READ),
    "persons_deletion_status_retrieve": ("deletion_status/{deletion_id}/", READ),
    "persons_deletion_status_verify_create": ("deletion_status/{deletion_id}/verify/", READ),
    "persons_funnel_retrieve": ("funnel/", READ),
    "persons_funnel_create": ("funnel/", READ),
    "persons_lifecycle_retrieve": ("lifecycle/", READ),
    "persons_properties_retrieve": ("properties/", READ),
    "persons_properties_at_time_retrieve": ("properties_at_time/", READ),
    "persons_reset_person_distinct_id_create": ("reset_person_distinct_id/", WRITE),
    "persons_stickiness_retrieve": ("stickiness/", READ),
    "persons_trends_retrieve": ("trends/", READ),
    "persons_values_retrieve": ("values/", READ),
    "persons_retrieve": ("{id}/", READ),
    "persons_update": ("{id}/", WRITE),
    "persons_partial_update": ("{id}/", WRITE),
    "persons_destroy": ("{id}/", WRITE),
    "persons_activity_retrieve": ("{id}/activity/", LOG),
    "persons_delete_events_create": ("{id}/delete_events/", WRITE),
    "persons_delete_property_create": ("{id}/delete_property/", WRITE),
    "persons_delete_recordings_create": ("{id}/delete_recordings/", WRITE),
    "persons_merge_create": ("{id}/merge/", WRITE),
    "persons_properties_timeline_retrieve": ("{id}/properties_timeline/", READ),
    "persons_split_create": ("{id}/split/", WRITE),
    "persons_undo_create": ("{id}/undo/", WRITE),
    "persons_update_property_create": ("{id}/update_property/", WRITE),
}
COHORT_ROUTES: dict[str, tuple[str, list[str]]] = {
    "cohorts_list": ("", COHORTS),
    "cohorts_create": ("", COHORT_WRITE),
    "cohorts_all_activity_retrieve": ("activity/", LOG),
    "cohorts_retrieve": ("{id}/", COHORTS),
    "cohorts_update": ("{id}/", COHORT_WRITE),
    "cohorts_partial_update": ("{id}/", COHORT_WRITE),
    "cohorts_destroy": ("{id}/", COHORT_WRITE),
    "cohorts_activity_retrieve": ("{id}/activity/", LOG),
    "cohorts_add_persons_to_static_cohort_partial_update": (
        "{id}/add_persons_to_static_cohort/",
        COHORT_WRITE,
    ),
    "cohorts_calculation_history_retrieve": ("{id}/calculation_history/", COHORTS),
    "cohorts_duplicate_as_static_cohort_create": ("{id}/duplicate_as_static_cohort/", COHORT_WRITE),
    "cohorts_duplicate_as_static_cohort_retrieve": ("{id}/duplicate_as_static_cohort/", COHORT_WRITE),
    "cohorts_persons_retrieve": ("{id}/persons/", ["cohort:read", "person:read"]),
    "cohorts_remove_person_from_static_cohort_partial_update": (
        "{id}/remove_person_from_static_cohort/",
        COHORT_WRITE,
    ),
    "cohorts_upload_retrieve": ("{id}/upload/", COHORTS),
    "cohorts_used_in_retrieve": ("{id}/used_in/", COHORTS),
}
TOLD, TELL, SAY_WHERE = ["webhook:read"], ["webhook:write"], ["webhook:write", "person:read"]
WEBHOOKS: dict[str, tuple[str, list[str]]] = {
    "webhooks_list": ("", TOLD),
    "webhooks_create": ("", SAY_WHERE),
    "webhooks_retrieve": ("{id}/", TOLD),
    "webhooks_partial_update": ("{id}/", SAY_WHERE),
    "webhooks_destroy": ("{id}/", TELL),
    "webhooks_deliveries_list": ("{id}/deliveries/", TOLD),
    "webhooks_deliveries_retrieve": ("{id}/deliveries/{delivery_id}/", TOLD),
    "webhooks_deliveries_replay_create": ("{id}/deliveries/{delivery_id}/replay/", TELL),
    "webhooks_replay_create": ("{id}/replay/", TELL),
    "webhooks_rotate_secret_create": ("{id}/rotate_secret/", TELL),
    "webhooks_test_create": ("{id}/test/", TELL),
}
ACCOUNTS: dict[str, tuple[str, list[str]]] = {
    "organizations_list": ("organizations/", ["organization:read"]),
    "organizations_retrieve": ("organizations/{id}/", ["organization:read"]),
    "organizations_partial_update": ("organizations/{id}/", ["organization:write"]),
    "organizations_project_deletions_list": (
        "organizations/{organization_id}/project_deletions/",
        ["organization:read"],
    ),
    "organizations_project_deletions_retrieve": (
        "organizations/{organization_id}/project_deletions/{project}/",
        ["organization:read"],
    ),
    "activity_log_list": ("projects/{project_id}/activity_log/", LOG),
    "list": ("projects/", ["project:read"]),
    "create": ("projects/", ["project:write"]),
    "destroy": ("projects/{id}/", ["project:write"]),
    "retrieve": ("projects/{id}/", ["project:read"]),
    "update": ("projects/{id}/", ["project:write"]),
    "partial_update": ("projects/{id}/", ["project:write"]),
    "users_list": ("users/", ["user:read"]),
    "users_retrieve": ("users/{uuid}/", ["user:read"]),
    "users_partial_update": ("users/{uuid}/", ["user:write"]),
}


HEADERS = {"401": "WWW-Authenticate", "429": "Retry-After", "503": "Retry-After"}


@pytest.fixture(scope="module")
def written() -> subprocess.CompletedProcess[str]:
    """What ``persons-api schema`` writes."""
    return subprocess.run(
        [sys.executable, "-m", "persons_api", "schema"], check=True, capture_output=True, text=True
    )


@pytest.fixture(scope="module")
def document(written: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load(written.stdout)
    return read


def operations(document: dict[str, Any]) -> dict[str, tuple[str, dict[str, Any]]]:
    """Path and operation by the operation's id."""
    return {
        operation["operationId"]: (path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if method in METHODS
    }


def answer(document: dict[str, Any], operation: dict[str, Any], status: str) -> dict[str, Any]:
    """What the operation answers with, wherever that stands."""
    found: dict[str, Any] = operation["responses"][status]
    if "$ref" in found:
        found = document["components"]["responses"][found["$ref"].split("/")[-1]]
    return found


def test_the_copy_in_the_documents_is_current(written: subprocess.CompletedProcess[str]) -> None:
    assert COPY.read_text() == written.stdout, "run: persons-api schema --output docs/openapi.yaml"


def test_nothing_about_the_document_is_doubtful(written: subprocess.CompletedProcess[str]) -> None:
    """Warnings tell that names were made up or shapes guessed."""
    assert written.stderr == ""


def test_the_server_serves_what_the_command_writes(
    project: ProjectClient, written: subprocess.CompletedProcess[str]
) -> None:
    response = project.http.get("/api/schema/")

    assert response.text == written.stdout
    assert response.headers["Content-Type"].startswith("application/vnd.oai.openapi")
    assert response.headers["Content-Disposition"].startswith("inline")


def test_the_document_comes_as_json_too(project: ProjectClient, document: dict[str, Any]) -> None:
    response = project.http.get("/api/schema/", params={"format": "json"})

    assert response.json() == document
    assert (document["openapi"][:3], document["info"]["title"], document["info"]["version"]) == (
        "3.1", "persons-api", "1.0.0",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        ("/api/projects/{project_id}/persons/", PERSONS),
        ("/api/projects/{project_id}/cohorts/", COHORT_ROUTES),
        ("/api/projects/{project_id}/webhooks/", WEBHOOKS),
        ("/api/", ACCOUNTS),
    ],
    ids=["persons", "cohorts", "webhooks", "accounts"],
)
def test_operations_have_the_names_that_clients_know_and_their_scopes(
    document: dict[str, Any], base: str, expected: dict[str, tuple[str, list[str]]]
) -> None:
    found = operations(document)

    assert {name: (found[name][0], found[name][1]["security"]) for name in expected} == {
        name: (base + path, [{"PersonalAPIKeyAuth": scopes}]) for name, (path, scopes) in expected.items()
    }


def test_operations_have_one_name_each(document: dict[str, Any]) -> None:
    names = [
        operation["operationId"]
        for methods in document["paths"].values()
        for method, operation in methods.items()
        if method in METHODS
    ]

    assert len(names) == len(set(names))
    assert all(re.fullmatch(r"[a-z_]+", name) for name in names)


def test_tags_are_the_segment_after_the_project(document: dict[str, Any]) -> None:
    tags = set()
    for path, operation in operations(document).values():
        (tag,) = operation["tags"]
        segment = path.removeprefix("/api/").removeprefix("projects/{project_id}/").split("/")[0]
        assert tag == ("settings" if segment == "projects" else segment)
        tags.add(tag)

    assert document["x-tagGroups"] == [{"name": "All endpoints", "tags": sorted(tags)}]


def test_only_keys_are_documented(document: dict[str, Any]) -> None:
    assert document["components"]["securitySchemes"] == {
        "PersonalAPIKeyAuth": {"type": "http", "scheme": "bearer"}
    }
    assert not any("environments" in path or "personal_api_keys" in path for path in document["paths"])


def test_the_project_of_a_path_is_explained(document: dict[str, Any]) -> None:
    for path, operation in operations(document).values():
        if "{project_id}" in path:
            (project_id,) = [one for one in operation["parameters"] if one["name"] == "project_id"]
            assert (project_id["in"], project_id["required"], project_id["schema"]["type"]) == (
                "path", True, "string",
            )  # fmt: skip
            assert "/api/projects/" in project_id["description"]


def test_lists_have_a_limit_and_an_offset(document: dict[str, Any]) -> None:
    found = operations(document)
    for name in ("persons_list", "cohorts_list", "organizations_list", "list", "users_list"):
        types = {one["name"]: one["schema"]["type"] for one in found[name][1]["parameters"]}
        assert (types["limit"], types["offset"]) == ("integer", "integer"), name


def test_components_have_the_names_that_clients_know(document: dict[str, Any]) -> None:
    assert {
        "MinimalPerson",
        "PaginatedPersonRecordList",
        "PatchedCohort",
        "PatchedPersonRecord",
        "AsyncDeletionStatus",
        "PaginatedAsyncDeletionStatusList",
        "PersonBulkDeleteRequest",
        "PersonBulkDeleteResponse",
        "PersonPropertiesAtTimeResponse",
        "PersonDeletePropertyRequest",
        "PersonRecord",
        "PersonSplitRequest",
        "PersonSplitResponse",
        "PersonUpdatePropertyRequest",
        "Cohort",
        "PaginatedCohortList",
        "User",
        "Organization",
        "Project",
    } <= set(document["components"]["schemas"])


def test_routes_with_tables_or_pictures_say_so_and_no_others(document: dict[str, Any]) -> None:
    media = {"csv": "text/csv", "svg": "image/svg+xml"}
    found: dict[str, set[str]] = {form: set() for form in media}
    for name, (_, operation) in operations(document).items():
        asks = [one for one in operation.get("parameters", []) if one["name"] == "format"]
        contents = [
            response["content"]
            for status, response in operation["responses"].items()
            # An answer that comes later is in no other form yet.
            if status.startswith("2")
            and "content" in response
            and not (status == "202" and "200" in operation["responses"])
        ]
        if asks:
            (one,) = asks
            (form,) = set(one["schema"]["enum"]) - {"json"}
            assert (one["in"], len(one["schema"]["enum"])) == ("query", 2)
            assert [content[media[form]] for content in contents] == [{"schema": {"type": "string"}}]
            assert [len(content) for content in contents] == [2]
            found[form].add(name)
        else:
            assert not any(kind in content for content in contents for kind in media.values()), name
        for status in ("400", "404"):
            assert answer(document, operation, status)["content"].keys() == {"application/json"}

    assert {"persons_list", "persons_retrieve", "cohorts_persons_retrieve"} <= found["csv"]
    assert found["svg"] == {
        f"insights_{insight}_{action}" for insight in ("funnel", "trend") for action in ("retrieve", "create")
    }


def test_a_page_of_persons_is_one_object(document: dict[str, Any]) -> None:
    _, operation = operations(document)["persons_list"]

    schemas = document["components"]["schemas"]
    content = operation["responses"]["200"]["content"]["application/json"]
    assert content["schema"] == {"$ref": "#/components/schemas/PersonsOrChanges"}
    # The other one answers to `updated_since`, which clients of others do not know.
    assert [one["$ref"].split("/")[-1] for one in schemas["PersonsOrChanges"]["anyOf"]] == [
        "PersonChanges",
        "PaginatedPersonRecordList",
    ]


def test_every_operation_has_its_errors(document: dict[str, Any]) -> None:
    for name, (path, operation) in operations(document).items():
        for status in ("400", "401", "403", "404", "406", "429", "503"):
            error = answer(document, operation, status)
            schema = error["content"]["application/json"]["schema"]["$ref"].split("/")[-1]
            assert schema.endswith("Error") or name.startswith("query_"), (name, status)
            assert error["description"]
            if status in HEADERS:
                assert error["headers"].keys() == {HEADERS[status]}, (name, status)
        assert {"413", "415"} <= operation["responses"].keys() or "requestBody" not in operation, name
        if any(one["name"] == "Idempotency-Key" for one in operation.get("parameters", [])):
            assert "409" in operation["responses"], name
        assert path


def test_what_changes_something_can_be_done_once(document: dict[str, Any]) -> None:
    with_key = {
        name
        for name, (_, operation) in operations(document).items()
        if any(one["name"] == "Idempotency-Key" for one in operation.get("parameters", []))
    }

    assert {"persons_split_create", "persons_bulk_delete_create", "cohorts_create"} <= with_key
    assert not any(name.endswith(("_list", "_retrieve")) for name in with_key)
    assert "persons_batch_by_uuids_create" not in with_key


def test_every_body_has_an_example_that_fits(document: dict[str, Any]) -> None:
    for name, (_, operation) in operations(document).items():
        bodies = [operation.get("requestBody", {})]
        bodies += [answer(document, operation, status) for status in operation["responses"]]
        for body in bodies:
            if content := body.get("content", {}).get("application/json"):
                schema = {**content["schema"], "components": document["components"]}
                assert "example" in content, (name, content)
                jsonschema_rs.validate(schema, content["example"])


def test_the_pages_load_everything_from_this_server(project: ProjectClient) -> None:
    for page in ("/api/schema/swagger-ui/", "/api/schema/redoc/"):
        html = project.http.get(page).text
        links = re.findall(r'(?:src|href)="([^"]+)"', html)

        assert links
        assert all(link.startswith("/") for link in links)
        assert [project.http.get(link).status_code for link in links] == [200] * len(links)
