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
    read = [{"PersonalAPIKeyAuth": ["person:read"]}]
    write = [{"PersonalAPIKeyAuth": ["person:write"]}]
    assert operations == {
        "persons_list": ("/api/projects/{project_id}/persons/", read),
        "persons_retrieve": ("/api/projects/{project_id}/persons/{id}/", read),
        "persons_destroy": ("/api/projects/{project_id}/persons/{id}/", write),
        "persons_split_create": ("/api/projects/{project_id}/persons/{id}/split/", write),
        "persons_funnel_retrieve": ("/api/projects/{project_id}/persons/funnel/", read),
        "persons_funnel_create": ("/api/projects/{project_id}/persons/funnel/", read),
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
