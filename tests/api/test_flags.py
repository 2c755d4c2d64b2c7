"""What keeps SDKs quiet about features that this server does not have."""

import base64
import gzip
import json

import pytest

from tests.clients import ProjectClient, bearer


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
