"""No input is answered with a 500, and every refusal has the one form."""

import json
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.clients import ProjectClient, bearer, event, new_project
from tests.stack import Stack

text = st.text(max_size=20)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | text
)
anything = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=8,
)
names = st.sampled_from(
    ["a", "$identify", "$create_alias", "$merge_dangerously", "$groupidentify", "$set", "$exception"]
)
properties = st.dictionaries(
    st.sampled_from(
        ["$set", "$set_once", "$unset", "$anon_distinct_id", "alias", "$os", "$groups", "x", "token"]
    )
    | text,
    anything,
    max_size=4,
)
likely_events = st.fixed_dictionaries(
    {"event": names, "distinct_id": text | anything},
    optional={
        "properties": properties,
        "timestamp": anything,
        "offset": anything,
        "uuid": st.uuids().map(str) | anything,
        "$set": anything,
        "$set_once": anything,
    },
)
ODD = settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))


def check(response: httpx.Response) -> None:
    assert response.status_code < 500, response.text
    if response.status_code >= 400:
        assert set(response.json()) == {"type", "code", "detail", "attr"}


def post(project: ProjectClient, url: str, body: Any, **headers: str) -> httpx.Response:
    # The standard library writes numbers of any size, which is the point.
    return project.http.post(
        url, content=json.dumps(body).encode(), headers={"Content-Type": "application/json", **headers}
    )


@ODD
@given(events=st.lists(likely_events | anything, max_size=4), sent_at=anything)
def test_captures(stack: Stack, events: list[Any], sent_at: Any) -> None:
    with new_project(stack) as project:
        check(post(project, "/batch/", {"api_key": project.token, "batch": events, "sent_at": sent_at}))


@ODD
@given(body=anything)
def test_bodies(project: ProjectClient, body: Any) -> None:
    check(post(project, "/e/", body))


@ODD
@given(content=st.binary(max_size=60))
def test_bytes(project: ProjectClient, content: bytes) -> None:
    check(project.http.post("/e/", content=content))


FUNNEL_FIELDS = [
    "events", "actions", "exclusions", "properties", "funnel_step", "funnel_custom_steps", "funnel_window_days",
    "funnel_window_interval", "funnel_window_interval_unit", "funnel_order_type", "funnel_viz_type", "interval",
    "date_from", "date_to", "explicit_date", "filter_test_accounts", "search", "limit", "offset", "breakdown",
    "breakdown_type", "aggregation_group_type_index", "sampling_factor", "display", "include_recordings",
]  # fmt: skip
series = st.lists(
    st.fixed_dictionaries(
        {"id": text | st.none()},
        optional={"order": anything, "properties": anything, "type": anything, "math": anything},
    ),
    max_size=3,
)
funnel_bodies = st.dictionaries(st.sampled_from(FUNNEL_FIELDS), anything, max_size=4)


@ODD
@given(body=funnel_bodies, events=series | anything, step=st.integers(-4, 4) | anything)
def test_funnels_in_the_body(project: ProjectClient, body: dict[str, Any], events: Any, step: Any) -> None:
    body = {"events": events, "funnel_step": step, **body}

    check(post(project, f"{project.persons_url}funnel/", body, **bearer(project.key)))


@ODD
@given(body=funnel_bodies, events=series)
def test_funnels_in_the_query(project: ProjectClient, body: dict[str, Any], events: Any) -> None:
    params = {"events": json.dumps(events), "funnel_step": "1"}
    params |= {key: value if isinstance(value, str) else str(value) for key, value in body.items()}

    check(project.get(f"{project.persons_url}funnel/", **params))


@ODD
@given(
    params=st.dictionaries(
        st.sampled_from(
            ["limit", "offset", "distinct_id", "email", "cohort", "include_total", "format", "x"]
        ),
        text | st.integers(-(2**70), 2**70).map(str) | st.sampled_from(["csv", "json"]),
        max_size=3,
    )
)
def test_lists(project: ProjectClient, params: dict[str, str]) -> None:
    check(project.get(project.persons_url, **params))


times = (
    text
    | st.datetimes().map(str)
    | st.sampled_from(["2026-01-01T00:00:00+23:59", "9999-12-31", "0001-01-01"])
)


@ODD
@given(
    params=st.dictionaries(
        st.sampled_from(["distinct_id", "person_id", "include_set_once"]), text, max_size=2
    ),
    moment=times,
)
def test_properties_at_time(project: ProjectClient, params: dict[str, str], moment: str) -> None:
    response = project.get(f"{project.persons_url}properties_at_time/", timestamp=moment, **params)

    assert response.status_code < 500, response.text
    assert response.json().keys() == {"error", "type", "code", "detail", "attr"}


@ODD
@given(
    params=st.dictionaries(
        st.sampled_from(
            [
                "events",
                "actions",
                "properties",
                "breakdown",
                "breakdown_type",
                "date_from",
                "date_to",
                "display",
                "interval",
            ]
        ),
        text
        | anything.map(json.dumps)
        | st.sampled_from(["person", "hour", "month", "-1h", "2026-01-01", "9999-12-31"]),
        max_size=4,
    )
)
def test_properties_timelines(odd_person: tuple[ProjectClient, str], params: dict[str, str]) -> None:
    project, person = odd_person

    check(project.get(f"{project.persons_url}{person}/properties_timeline/", **params))


@pytest.fixture
def odd_person(project: ProjectClient) -> tuple[ProjectClient, str]:
    project.capture(event("x", "u"))
    person = project.person("u")
    assert person is not None
    return project, person["id"]


@ODD
@given(path=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20))
def test_paths(project: ProjectClient, path: str) -> None:
    check(project.get(f"{project.persons_url}{quote(path, safe='')}"))
    check(project.get(f"/api/projects/{quote(path, safe='')}/persons"))
