"""No input of the routes of persons is answered with a 500, and every refusal has the one form."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.clients import ProjectClient, bearer, new_project
from tests.persons import make_person
from tests.stack import Stack

text = st.text(max_size=20)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=True, allow_infinity=True)
    | text
    | st.sampled_from(["a", "\0", "$unset", "\ud800", "123"])
)
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=8,
)
FIELDS = [
    "properties", "key", "value", "$unset", "distinct_ids", "uuids", "distinct_id", "person_id", "limit", "page",
    "offset", "refresh", "format",
]  # fmt: skip
bodies = st.dictionaries(st.sampled_from(FIELDS), anything, max_size=4) | anything
queries = st.dictionaries(
    st.sampled_from(FIELDS), st.text(st.characters(exclude_categories=["Cs"]), max_size=20), max_size=3
)
CHANGING = [
    ("PUT", "{id}/"),
    ("PATCH", "{id}/"),
    ("POST", "{id}/update_property/"),
    ("POST", "{id}/delete_property/"),
    ("POST", "batch_by_distinct_ids/"),
    ("POST", "batch_by_uuids/"),
    ("POST", "reset_person_distinct_id/"),
]
READING = ["activity/", "{id}/activity/", "cohorts/", "values/", "properties/"]
ODD = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def someone(stack: Stack) -> Iterator[tuple[ProjectClient, str]]:
    """A project with a person, and where its routes are."""
    with new_project(stack) as project:
        yield project, make_person(project, "a", plan="free")["uuid"]


def check(response: httpx.Response) -> None:
    assert response.status_code < 500, response.text
    body = response.json()
    if response.status_code >= 400:
        assert set(body) == {"type", "code", "detail", "attr"}


@ODD
@given(body=bodies, query=queries)
@pytest.mark.parametrize(("method", "path"), CHANGING)
def test_changes(
    someone: tuple[ProjectClient, str], method: str, path: str, body: Any, query: dict[str, str]
) -> None:
    project, uuid = someone
    url = project.persons_url + path.replace("{id}", uuid)

    # The standard library writes numbers and characters of any kind, which is the point.
    content = json.dumps(body).encode()
    headers = {**bearer(project.key), "Content-Type": "application/json"}
    check(project.http.request(method, url, content=content, params=query, headers=headers))


@ODD
@given(query=queries)
@pytest.mark.parametrize("path", READING)
def test_questions(someone: tuple[ProjectClient, str], path: str, query: dict[str, str]) -> None:
    project, uuid = someone

    url = project.persons_url + path.replace("{id}", uuid)
    check(project.http.get(url, params=query, headers=bearer(project.key)))


@ODD
@given(person_id=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20))
@pytest.mark.parametrize("path", ["", "activity/", "update_property/", "delete_property/"])
def test_ids(someone: tuple[ProjectClient, str], path: str, person_id: str) -> None:
    project, _ = someone

    url = f"{project.persons_url}{quote(person_id, safe='')}/{path}"
    for method in ("GET", "PATCH", "POST"):
        body = {"properties": {}, "key": "k", "value": 1, "$unset": "k"}
        check(project.http.request(method, url, json=body, headers=bearer(project.key)))


@ODD
@given(content=st.binary(max_size=60))
def test_bytes(someone: tuple[ProjectClient, str], content: bytes) -> None:
    project, uuid = someone

    headers = {**bearer(project.key), "Content-Type": "application/json"}
    check(project.http.patch(f"{project.persons_url}{uuid}/", content=content, headers=headers))
