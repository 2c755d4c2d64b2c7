"""``?format=svg`` of ``insights/funnel/`` and ``insights/trend/`` as browsers and programs see it."""

import json
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

import httpx
import pytest

from tests.browser import logged_in
from tests.clients import ProjectClient, bearer, event, new_project, settle
from tests.persons import refusal
from tests.stack import Stack

SVG = "{http://www.w3.org/2000/svg}"
MARKUP = "<script>alert('é')</script>"
DATES = {"date_from": "2026-01-05", "date_to": "2026-01-08"}
STEPS = json.dumps([{"id": name, "order": order} for order, name in enumerate(["looked", MARKUP])])
LOOKED = '[{"id": "looked"}]'
IN_JANUARY = "5 Jan 2026 \N{EN DASH} 8 Jan 2026 · UTC"


@pytest.fixture(scope="module")
def site(stack: Stack) -> Iterator[ProjectClient]:
    """Ada looked on the 5th and the 6th and did what has markup for its name after an hour; Bob looked on the 6th."""
    with new_project(stack) as project:
        project.capture(
            *(
                event(
                    name,
                    who,
                    timestamp=f"2026-01-{at}:00:00Z",
                    properties={"browser": "متصفح" if who == "ada" else "]]> & 😀"},
                )
                for name, who, at in [
                    ("looked", "ada", "05T10"),
                    (MARKUP, "ada", "05T11"),
                    ("looked", "ada", "06T10"),
                    ("looked", "bob", "06T10"),
                ]
            )
        )
        settle()
        yield project


def funnel_url(project: ProjectClient) -> str:
    return f"/api/projects/{project.id}/insights/funnel/"


def trend_url(project: ProjectClient) -> str:
    return f"/api/projects/{project.id}/insights/trend/"


def picture(response: httpx.Response) -> ElementTree.Element:
    assert response.status_code == 200, response.text
    assert response.headers["Content-Type"] == "image/svg+xml"
    return ElementTree.fromstring(response.content)  # noqa: S314 - it is our own


def texts(root: ElementTree.Element) -> list[str]:
    return [element.text or "" for element in root.iter(f"{SVG}text")]


def told(root: ElementTree.Element) -> list[str | None]:
    """Title and description."""
    return [root.findtext(f"{SVG}title"), root.findtext(f"{SVG}desc")]


def test_a_funnel_is_a_picture_of_the_same_result(site: ProjectClient) -> None:
    params = {"events": STEPS, **DATES}
    counts = [step["count"] for step in site.get(funnel_url(site), **params).json()["result"]]

    response = site.get(funnel_url(site), format="svg", **params)

    assert counts == [2, 1]
    assert texts(picture(response)) == [
        f"looked → {MARKUP}", f"persons · within 14d · {IN_JANUARY}",
        "looked", "2 (100%)",
        MARKUP, "1 (50%)", "\N{MINUS SIGN}1 dropped off (50%)",
    ]  # fmt: skip
    assert site.get(funnel_url(site), format="svg", refresh="true", **params).content == response.content
    posted = site.http.post(
        f"{funnel_url(site)}?format=svg",
        json={"events": json.loads(STEPS), **DATES},
        headers=bearer(site.key),
    )
    assert posted.content == response.content


def test_a_picture_can_do_nothing_where_it_is_opened(site: ProjectClient) -> None:
    response = site.get(funnel_url(site), format="svg", events=STEPS, breakdown="browser", **DATES)

    assert {"متصفح", "]]> & 😀"} <= set(texts(picture(response)))
    assert {element.tag for element in picture(response).iter()}.isdisjoint(
        {f"{SVG}{name}" for name in ("script", "a", "image", "foreignObject")}
    )
    assert "&lt;script&gt;" in response.text
    assert "<!" not in response.text
    policy = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
    assert response.headers["Content-Security-Policy"] == policy
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Cache-Control"] == "max-age=0, no-cache, no-store, must-revalidate, private"


@pytest.mark.parametrize(
    ("params", "found"),
    [
        (
            {"events": STEPS, "funnel_viz_type": "trends"},
            f"rate of conversion by start · persons · within 14d · {IN_JANUARY}. "
            "2026-01-05 100%, 2026-01-06 0%, 2026-01-07 0%, 2026-01-08 0%.",
        ),
        (
            {"events": STEPS, "funnel_viz_type": "time_to_convert"},
            f"time to convert, average 1h · persons · within 14d · {IN_JANUARY}. from 1h 1, from 1h 1min 0.",
        ),
    ],
    ids=["trends", "times"],
)
def test_other_results_of_a_funnel(site: ProjectClient, params: dict[str, str], found: str) -> None:
    response = site.get(funnel_url(site), format="svg", **params, **DATES)

    assert told(picture(response))[1] == found


@pytest.mark.parametrize(
    ("params", "title", "description"),
    [
        (
            {},
            "looked",
            f"by day · {IN_JANUARY}. 2026-01-05 1, 2026-01-06 2, 2026-01-07 0, 2026-01-08 0.",
        ),
        (
            {"display": "ActionsPie", "breakdown": "browser", "breakdown_limit": "1"},
            "looked, by browser",
            f"in all · {IN_JANUARY}. متصفح 2. There are more values: ask with offset.",
        ),
        (
            {"insight": "STICKINESS"},
            "looked",
            f"in how many intervals they were active · {IN_JANUARY}. 1 day 1, 2 days 1, 3 days 0, 4 days 0.",
        ),
        (
            {"shown_as": "Lifecycle", "date_from": "2026-01-06", "date_to": "2026-01-07"},
            "looked",
            "lifecycle · by day · 6 Jan 2026 \N{EN DASH} 7 Jan 2026 · UTC. new: 2026-01-06 1, 2026-01-07 0. "
            "returning: 2026-01-06 1, 2026-01-07 0. resurrecting: 2026-01-06 0, 2026-01-07 0. "
            "dormant: 2026-01-06 0, 2026-01-07 \N{MINUS SIGN}2.",
        ),
        ({"events": "[]"}, "Insight", "by day · UTC. There is nothing to show."),
    ],
    ids=["trend", "total", "stickiness", "lifecycle", "empty"],
)
def test_trends_stickiness_and_lifecycles(
    site: ProjectClient, params: dict[str, str], title: str, description: str
) -> None:
    response = site.get(trend_url(site), format="svg", **{"events": LOOKED, **DATES, **params})

    assert told(picture(response)) == [title, description]


def test_hours_are_those_of_the_project(stack: Stack) -> None:
    with new_project(stack) as project:
        project.project.timezone = "Europe/Berlin"
        project.project.save()
        params = {"events": LOOKED, "date_from": "2026-03-29", "date_to": "2026-03-29", "explicit_date": "1"}
        response = project.get(trend_url(project), format="svg", interval="hour", **params)

    title, description = told(picture(response))
    assert title == "looked"
    assert (description or "").startswith(
        "by hour · 29 Mar 2026 00:00 \N{EN DASH} 29 Mar 2026 00:00 · Europe/Berlin"
    )


def test_browsers_see_it_in_pages_of_theirs(site: ProjectClient) -> None:
    accept = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"
    params = {"events": LOOKED, **DATES}

    with logged_in(site) as browser:
        by_format = browser.get(trend_url(site), format="svg", **params)
        by_header = browser.http.get(trend_url(site), params=params, headers={"Accept": accept})
        as_json = browser.http.get(trend_url(site), params=params, headers={"Accept": "*/*"})

    assert told(picture(by_format))[0] == "looked"
    assert by_header.content == by_format.content
    assert as_json.headers["Content-Type"] == "application/json"


def test_refusals_stay_json(site: ProjectClient, other_project: ProjectClient) -> None:
    def ask(project: ProjectClient, key: str, **params: Any) -> httpx.Response:
        response = project.get(trend_url(project), key=key, **{"format": "svg", "events": LOOKED, **params})
        assert response.headers["Content-Type"] == "application/json"
        return response

    assert refusal(ask(site, site.new_key("person:read"))) == (
        403, "authentication_error", "permission_denied", None
    )  # fmt: skip
    assert ask(other_project, site.key).status_code in (403, 404)
    assert ask(site, "phx_unknown").status_code == 401
    assert refusal(ask(site, site.key, interval="decade"))[3] == "interval"
    assert refusal(ask(site, site.key, events="[")) == (400, "validation_error", "invalid_input", "events")
    assert refusal(ask(site, site.key, format="png"))[0] == 404
    correlation = site.get(f"{funnel_url(site)}correlation/", format="svg", events=STEPS)
    assert refusal(correlation)[0] == 404
    assert picture(site.get(trend_url(site), key=site.new_key("insight:read"), format="svg", events=LOOKED))


def test_what_comes_later_is_json(site: ProjectClient) -> None:
    params = {"events": LOOKED, "format": "svg", "refresh": "force_async", **DATES}

    response = site.get(trend_url(site), **params)

    assert (response.status_code, response.headers["Content-Type"]) == (202, "application/json")
    assert response.json()["query_status"]["complete"] is False
