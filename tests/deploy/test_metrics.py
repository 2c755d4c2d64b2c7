"""``/_metrics``: who gets them, what they count, and how they are written."""

import re

import httpx
import pytest

from core.metrics.counts import Durations
from core.metrics.gauges import Gauge
from core.metrics.text import of_durations, of_gauge
from persons_api.middleware import readable
from tests.clients import ProjectClient, bearer, event
from tests.deploy.conftest import Site
from tests.embedded.run import wait_until

_SAMPLE = re.compile(r'[a-z_]+(\{[a-z]+="(?:[^"\\\n]|\\.)*"(,[a-z]+="(?:[^"\\\n]|\\.)*")*\})? [0-9.e+-]+')


def token(site: Site) -> str:
    return site.installed.environment("web")["PERSONS_API_METRICS_TOKEN"]


def figures(site: Site) -> dict[str, float]:
    """Sample, with its labels, to its value."""
    response = site.http.get("/_metrics", headers=bearer(token(site)))
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    samples = [line for line in response.text.splitlines() if not line.startswith("# ")]
    assert [line for line in samples if not _SAMPLE.fullmatch(line)] == []
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in samples)}


@pytest.mark.parametrize("given", ["", "Bearer", "Bearer wrong", "Basic {token}", "Bearer {token}x"])
def test_who_has_not_the_token_gets_nothing(site: Site, given: str) -> None:
    refused = httpx.get(
        site.http.base_url.join("/_metrics"), headers={"Authorization": given.format(token=token(site))}
    )

    assert (refused.status_code, refused.json()["code"]) == (401, "not_authenticated")


def test_without_a_token_in_the_settings_there_are_none(project: ProjectClient) -> None:
    refused = project.get("/_metrics")

    assert (refused.status_code, refused.json()["code"]) == (404, "not_found")


def test_requests_of_all_processes_are_counted_by_route_and_status(site: Site) -> None:
    labels = 'method="GET",route="/api/projects/{project_id}/persons/{id}",status="404"'
    before = figures(site).get(f"persons_api_request_seconds_count{{{labels}}}", 0)
    nobody = f"{site.persons}8c5c2b1e-52f5-4b0f-9a51-d1a5e8a1c5a2/"
    with httpx.Client(base_url=site.http.base_url, headers=site.http.headers) as second:
        for http in (site.http, second, site.http, second):
            assert http.get(nobody).status_code == 404

    wait_until(lambda: figures(site)[f"persons_api_request_seconds_count{{{labels}}}"] == before + 4)
    found = figures(site)
    assert found[f'persons_api_request_seconds_bucket{{{labels},le="+Inf"}}'] == before + 4
    assert 0 < found[f"persons_api_request_seconds_sum{{{labels}}}"] < 60


def test_workers_count_what_clickhouse_does(site: Site) -> None:
    inserts = 'persons_api_clickhouse_seconds_count{kind="insert",outcome="ok"}'
    before = figures(site).get(inserts, 0)

    assert site.capture(event("a", "bob")).status_code == 200

    wait_until(lambda: figures(site).get(inserts, 0) > before)


def test_what_waits_is_told(site: Site) -> None:
    wait_until(lambda: figures(site).get('persons_api_outbox_rows{target="events"}', 0) == 0)
    site.installed.stop("delivery")
    assert site.capture(event("a", "cleo"), event("b", "cleo")).status_code == 200

    wait_until(lambda: figures(site)["persons_api_delivery_lag_seconds"] > 0.1)
    waiting = figures(site)
    site.installed.start("delivery")

    assert waiting['persons_api_outbox_rows{target="events"}'] == 2
    assert waiting['persons_api_outbox_rows{target="person"}'] == 1
    assert waiting['persons_api_up{store="postgresql"}'] == waiting['persons_api_up{store="valkey"}'] == 1
    assert waiting["persons_api_undeliverable_rows"] == waiting["persons_api_deletions_pending"] == 0
    assert 'persons_api_queue_tasks{queue="insights"}' in waiting
    wait_until(lambda: figures(site)["persons_api_delivery_lag_seconds"] == 0)


def test_a_histogram_is_written_as_prometheus_wants_it() -> None:
    durations = Durations("d", "What.", labels=("a",), bounds=(0.5, 1.0))

    assert list(of_durations(durations, {('x"\\\n',): [2.0, 0.0, 1.0, 4.25]})) == [
        "# HELP d What.",
        "# TYPE d histogram",
        'd_bucket{a="x\\"\\\\\\n",le="0.5"} 2',
        'd_bucket{a="x\\"\\\\\\n",le="1"} 2',
        'd_bucket{a="x\\"\\\\\\n",le="+Inf"} 3',
        'd_sum{a="x\\"\\\\\\n"} 4.250000',
        'd_count{a="x\\"\\\\\\n"} 3',
    ]


def test_a_gauge_is_written_with_its_label_or_without() -> None:
    with_label = Gauge("g", "What.", "of", {"b": 2.0, "a": 1.5})

    assert list(of_gauge(with_label)) == ["# HELP g What.", "# TYPE g gauge", 'g{of="a"} 1.5', 'g{of="b"} 2']
    assert list(of_gauge(Gauge("g", "What.", "", {"": 0.25})))[-1] == "g 0.25"


@pytest.mark.parametrize(
    ("pattern", "written"),
    [
        (r"^_health/?$", "/_health"),
        (
            r"^api/projects/(?P<project_id>[^/]+)/persons^/(?P<id>[^/]+)/split/?$",
            "/api/projects/{project_id}/persons/{id}/split",
        ),
        (r"^array/(?P<token>[^/]+)/config\.js/?$", "/array/{token}/config.js"),
        (r"^static/(?P<path>drf_spectacular_sidecar/.+)$", "/static/{path}"),
        (r"^static/(?:[^/]+/)?surveys\.js/?$", "/static/surveys.js"),
    ],
)
def test_a_route_is_written_as_people_write_it(pattern: str, written: str) -> None:
    assert readable(pattern) == written
