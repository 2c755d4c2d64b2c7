"""Routes below ``persons/`` that are not here, and whose names are no ids of persons."""

import pytest

from tests.clients import ProjectClient


@pytest.mark.parametrize("name", ["path", "retention"])
def test_they_are_not_found(project: ProjectClient, name: str) -> None:
    url = f"{project.persons_url}{name}/"

    for answer in (project.get(url), project.post(url, {})):
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), answer.text
    assert project.get(url, key=project.new_key("query:read")).status_code == 403
