"""No input to the cohort routes is answered with a 500, and every refusal has the one form."""

from typing import Any
from urllib.parse import quote

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api.test_odd_input import anything, check, post, text
from tests.clients import ProjectClient, bearer
from tests.cohorts.cohort_client import make, upload, url
from tests.persons import send

ODD = settings(max_examples=100, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
FIELDS = [
    "name", "description", "groups", "filters", "query", "is_static", "deleted", "cohort_type", "csv",
    "_create_static_person_ids",
]  # fmt: skip
bodies = st.dictionaries(st.sampled_from(FIELDS), anything | st.booleans(), max_size=4) | anything
old_groups = st.lists(
    st.dictionaries(
        st.sampled_from(["properties", "event_id", "action_id", "days", "count", "count_operator"]),
        anything,
        max_size=3,
    ),
    max_size=2,
)


@ODD
@given(body=bodies | st.builds(lambda groups: {"groups": groups}, old_groups))
def test_bodies(project: ProjectClient, body: Any) -> None:
    check(post(project, url(project), body, **bearer(project.key)))


@ODD
@given(body=bodies)
def test_changes(project: ProjectClient, body: Any) -> None:
    cohort = make(project, is_static=True)["id"]

    check(send(project, "PATCH", url(project, cohort), body))


@ODD
@given(body=st.dictionaries(st.sampled_from(["person_ids", "person_id"]), anything) | anything)
def test_members(project: ProjectClient, body: Any) -> None:
    cohort = make(project, is_static=True)["id"]

    check(send(project, "PATCH", url(project, cohort, "add_persons_to_static_cohort"), body))
    check(send(project, "PATCH", url(project, cohort, "remove_person_from_static_cohort"), body))


@ODD
@given(
    content=st.binary(max_size=60)
    | st.text(st.sampled_from('a,"\n\r\0;\t é1'), max_size=40).map(str.encode)
    | st.builds(lambda rows: b"person_id\n" + rows, st.binary(max_size=40)),
)
def test_files(project: ProjectClient, content: bytes) -> None:
    check(upload(project, content))


@ODD
@given(
    params=st.dictionaries(
        st.sampled_from(
            ["limit", "offset", "type", "created_by_id", "search", "basic", "properties", "format"]
        ),
        text | st.integers(-(2**70), 2**70).map(str) | st.sampled_from(["csv", "json", "static"]),
        max_size=3,
    )
)
def test_lists(project: ProjectClient, params: dict[str, str]) -> None:
    cohort = make(project, is_static=True)["id"]

    check(project.get(url(project), **params))
    check(project.get(url(project, cohort, "persons"), **params))
    check(project.get(url(project, cohort, "calculation_history"), **params))


@ODD
@given(path=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20))
def test_paths(project: ProjectClient, path: str) -> None:
    check(project.get(f"{url(project)}{quote(path, safe='')}"))
    check(project.get(f"{url(project)}{quote(path, safe='')}/persons"))
