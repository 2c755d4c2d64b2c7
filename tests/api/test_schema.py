"""The OpenAPI document, and the two pages that show it."""

import re

import yaml

from tests.clients import ProjectClient


def test_the_document_lists_the_routes_with_their_scopes(project: ProjectClient) -> None:
    response = project.http.get("/api/schema/")

    document = yaml.safe_load(response.text)
    assert document["openapi"].startswith("3.1")
    operations = {
        operation["operationId"]: (path, operation["security"])
        for path, methods in document["paths"].items()
        for operation in methods.values()
    }
    persons = "/api/projects/{project_id}/persons/"
    read, write = ["person:read"], ["person:write"]
    expected = {
        "persons_list": ("", read),
        "persons_all_activity_retrieve": ("activity/", ["activity_log:read"]),
        "persons_batch_by_distinct_ids_create": ("batch_by_distinct_ids/", read),
        "persons_batch_by_uuids_create": ("batch_by_uuids/", read),
        "persons_cohorts_retrieve": ("cohorts/", ["person:read", "cohort:read"]),
        "persons_funnel_retrieve": ("funnel/", read),
        "persons_funnel_create": ("funnel/", read),
        "persons_properties_retrieve": ("properties/", read),
        "persons_properties_at_time_retrieve": ("properties_at_time/", read),
        "persons_reset_person_distinct_id_create": ("reset_person_distinct_id/", write),
        "persons_values_retrieve": ("values/", read),
        "persons_retrieve": ("{id}/", read),
        "persons_update": ("{id}/", write),
        "persons_partial_update": ("{id}/", write),
        "persons_destroy": ("{id}/", write),
        "persons_activity_retrieve": ("{id}/activity/", ["activity_log:read"]),
        "persons_delete_property_create": ("{id}/delete_property/", write),
        "persons_merge_create": ("{id}/merge/", write),
        "persons_properties_timeline_retrieve": ("{id}/properties_timeline/", read),
        "persons_split_create": ("{id}/split/", write),
        "persons_undo_create": ("{id}/undo/", write),
        "persons_update_property_create": ("{id}/update_property/", write),
    }
    assert operations == {
        name: (persons + path, [{"PersonalAPIKeyAuth": scopes}]) for name, (path, scopes) in expected.items()
    }


def test_components_have_the_names_that_clients_know(project: ProjectClient) -> None:
    document = yaml.safe_load(project.http.get("/api/schema/").text)

    assert {
        "MinimalPerson",
        "PatchedPersonRecord",
        "PersonDeletePropertyRequest",
        "PersonRecord",
        "PersonSplitRequest",
        "PersonSplitResponse",
        "PersonUpdatePropertyRequest",
    } <= set(document["components"]["schemas"])


def test_pages_are_objects_and_only_routes_that_have_csv_tell_of_it(project: ProjectClient) -> None:
    paths = project.http.get("/api/schema/", params={"format": "json"}).json()["paths"]
    page = {"schema": {"$ref": "#/components/schemas/PaginatedPersonRecordList"}}
    table = {"schema": {"type": "string"}}

    persons = paths["/api/projects/{project_id}/persons/"]["get"]["responses"]
    activity = paths["/api/projects/{project_id}/persons/activity/"]["get"]["responses"]

    assert persons["200"]["content"] == {"application/json": page, "text/csv": table}
    assert persons["400"]["content"].keys() == {"application/json"}
    assert activity["200"]["content"] == {
        "application/json": {"schema": {"$ref": "#/components/schemas/ActivityPage"}}
    }


def test_the_document_comes_as_json_too(project: ProjectClient) -> None:
    response = project.http.get("/api/schema/", params={"format": "json"})

    assert response.json()["info"]["title"] == "persons-api"


def test_the_pages_load_everything_from_this_server(project: ProjectClient) -> None:
    for page in ("/api/schema/swagger-ui/", "/api/schema/redoc/"):
        html = project.http.get(page).text
        links = re.findall(r'(?:src|href)="([^"]+)"', html)

        assert links
        assert all(link.startswith("/") for link in links)
        assert [project.http.get(link).status_code for link in links] == [200] * len(links)
