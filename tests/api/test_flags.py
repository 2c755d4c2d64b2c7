"""What keeps SDKs quiet about features that this server does not have."""

import base64
import gzip
import json
from typing import Any

import pytest

from tests.clients import ProjectClient, bearer, event


@pytest.mark.parametrize("path", ["/flags/?v=2", "/flags?v=4", "/decide/?v=3"])
def test_nobody_has_a_flag(project: ProjectClient, path: str) -> None:
    body = {"api_key": project.token, "distinct_id": "u"}

    plain = project.http.post(path, json=body)
    zipped = project.http.post(path, content=gzip.compress(json.dumps({"token": project.token}).encode()))
    form = project.http.post(path, data={"data": base64.b64encode(json.dumps(body).encode()).decode()})

    assert [response.status_code for response in (plain, zipped, form)] == [200, 200, 200]
    answer = plain.json()
    assert (answer["flags"], answer["featureFlags"], answer["featureFlagPayloads"]) == ({}, {}, {})
    assert answer["errorsWhileComputingFlags"] is False
    assert answer["requestId"]


def test_flags_of_no_project_are_401(project: ProjectClient) -> None:
    assert project.http.post("/flags/", json={"api_key": "phc_none"}).status_code == 401
    assert project.http.post("/flags/", json={}).status_code == 401
    assert project.http.post("/flags/", json=[]).status_code == 400


@pytest.mark.parametrize("path", ["/flags/definitions", "/api/feature_flag/local_evaluation/"])
def test_there_are_no_flag_definitions(project: ProjectClient, path: str) -> None:
    response = project.http.get(
        path, params={"token": project.token, "send_cohorts": ""}, headers=bearer(project.key)
    )

    assert (response.status_code, response.json()) == (
        200,
        {"flags": [], "group_type_mapping": {}, "cohorts": {}},
    )
    assert project.http.get(path).status_code == 401


def definitions(project: ProjectClient, key: str, **params: str) -> tuple[int, Any]:
    response = project.http.get("/flags/definitions", params=params, headers=bearer(key))
    return response.status_code, response.json().get("group_type_mapping")


def test_the_definitions_name_the_group_types_of_the_project(
    project: ProjectClient, other_project: ProjectClient
) -> None:
    project.capture(event("a", "u", properties={"$groups": {"company": "acme", "team": "red"}}))
    types = {"0": "company", "1": "team"}

    assert definitions(project, project.key, token=project.token) == (200, types)
    assert definitions(project, project.new_key("cohort:read", projects=[project.id])) == (200, types)
    assert definitions(project, other_project.key, token=project.token) == (403, None)
    assert definitions(project, other_project.key, token=other_project.token) == (200, {})
    assert definitions(project, project.key, token="phc_none") == (401, None)


def test_the_remote_configuration_switches_everything_off(project: ProjectClient) -> None:
    config = {
        "supportedCompression": ["gzip", "gzip-js"], "hasFeatureFlags": False, "sessionRecording": False,
        "surveys": False,
    }  # fmt: skip

    assert project.http.get(f"/array/{project.token}/config").json() == config
    script = project.http.get(
        f"/array/{project.token}/config.js", headers={"Origin": "https://a.example.org"}
    )
    assert script.headers["Content-Type"].startswith("application/javascript")
    assert script.headers["Access-Control-Allow-Origin"] == "https://a.example.org"
    assert project.token in script.text
    assert project.http.get("/array/phc_none/config").status_code == 401


def test_recordings_are_thrown_away(project: ProjectClient) -> None:
    assert project.http.post("/s/", content=b"\x1f\x8banything").json() == {"status": 1}
