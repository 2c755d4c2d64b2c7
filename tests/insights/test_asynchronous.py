"""Requests whose answers are fetched later: 202, polls, results, cancellation, and who may see them."""

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from core import valkey
from core.answers import forget_answers
from core.clickhouse import client
from tests.api.test_persons_funnel import ago
from tests.browser import logged_in
from tests.clients import NO_TLS, ProjectClient, bearer, event, settle
from tests.insights.slow import slow_events, slow_question
from tests.stack import Stack
from tests.web import web

SERIES = [{"id": "looked"}, {"id": "signed up"}]
PATIENCE = 60
#: Ids of slow questions that were begun.
begun: set[str] = set()


@pytest.fixture
def looked(project: ProjectClient) -> ProjectClient:
    project.capture(*(event("looked", name, timestamp=ago(2)) for name in ("ada", "bob")))
    settle()
    return project


@pytest.fixture
def slow(project: ProjectClient) -> Iterator[ProjectClient]:
    """Its questions take a minute. What is left of them is cancelled, also those that no thread has begun: they would
    be at work during the next test.
    """
    slow_events(project)
    yield project
    while begun:
        project.delete(status_url(project, begun.pop()))
    wait_for(lambda: running(project) == 0)


def funnel(project: ProjectClient, **params: Any) -> httpx.Response:
    return project.get(f"{project.persons_url}funnel/", events=json.dumps(SERIES), funnel_step=1, **params)


def ask_slowly(project: ProjectClient, **params: Any) -> httpx.Response:
    response = project.get(f"{project.persons_url}funnel/", **slow_question(), **params)
    if response.status_code == 202:
        begun.add(response.json()["query_status"]["id"])
    return response


def status_url(project: ProjectClient, query_id: str) -> str:
    return f"/api/projects/{project.id}/query/{query_id}/"


def started(response: httpx.Response) -> str:
    """The id of a query that was begun."""
    assert response.status_code == 202, response.text
    status = response.json()["query_status"]
    assert (status["complete"], status["results"], status["end_time"]) == (False, None, None)
    query_id: str = status["id"]
    return query_id


def completed(project: ProjectClient, query_id: str, key: str | None = None) -> dict[str, Any]:
    """The status of the query when it is done."""
    found: list[httpx.Response] = []

    def is_done() -> bool:
        found.append(project.get(status_url(project, query_id), key=key))
        return found[-1].status_code != 202

    wait_for(is_done)
    assert found[-1].status_code == 200, found[-1].text
    status: dict[str, Any] = found[-1].json()["query_status"]
    return status


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def running(project: ProjectClient) -> int:
    """Queries about the project in ClickHouse."""
    return int(
        client.inspect(
            "SELECT count() FROM system.processes WHERE Settings['param_project_id'] = {id:String} "
            "OR position(Settings['log_comment'], 'funnel') = 1",
            parameters={"id": str(project.id)},
        )[0][0]
    )


@pytest.mark.parametrize("params", [{"async": "true"}, {"refresh": "async"}, {"refresh": "lazy_async"}])
def test_the_answer_comes_later_unless_it_is_kept(looked: ProjectClient, params: dict[str, str]) -> None:
    query_id = started(funnel(looked, **params))
    status = completed(looked, query_id)
    at_once = funnel(looked, **params)

    assert at_once.status_code == 200
    again = at_once.json()["query_status"]
    assert (again["complete"], again["results"]["is_cached"]) == (True, True)
    assert status["results"]["is_cached"] is False
    assert at_once.json()["results"] == status["results"]["results"] == funnel(looked).json()["results"]
    assert again["id"] != query_id
    assert completed(looked, again["id"])["results"] == again["results"]


def test_the_result_is_the_whole_body(looked: ProjectClient) -> None:
    response = funnel(looked, refresh="force_async", limit=1)
    status = completed(looked, started(response))
    waited = funnel(looked, limit=1).json()

    assert status["results"].keys() == waited.keys()
    assert status["results"]["results"] == waited["results"]
    assert status["results"]["initial"] == str(response.url)
    assert looked.get(status["results"]["next"]).status_code in (200, 202)
    assert status.keys() == {
        "id", "team_id", "complete", "error", "error_message", "query_async", "results", "task_id", "start_time",
        "pickup_time", "end_time", "expiration_time", "insight_id", "dashboard_id", "labels", "query_progress",
    }  # fmt: skip
    assert (status["team_id"], status["complete"], status["error"], status["error_message"]) == (
        looked.id,
        True,
        False,
        None,
    )
    assert status["start_time"] <= status["pickup_time"] <= status["end_time"] < status["expiration_time"]
    assert status["query_async"] is True


def test_force_async_never_takes_what_is_kept(looked: ProjectClient) -> None:
    funnel(looked)

    assert completed(looked, started(funnel(looked, refresh="force_async")))["results"]["is_cached"] is False


@pytest.mark.parametrize(
    ("route", "params"),
    [
        ("insights/funnel", {}),
        ("insights/trend", {"date_from": "all"}),
        ("insights/trend", {"shown_as": "Stickiness"}),
        ("insights/trend", {"shown_as": "Lifecycle"}),
        ("persons/trends", {"entity_id": "looked", "entity_type": "events"}),
        ("persons/stickiness", {"entity_id": "looked", "entity_type": "events", "stickiness_days": 1}),
        ("persons/lifecycle", {"target_date": "-0d", "lifecycle_type": "new"}),
    ],
)
def test_every_route_answers_later(looked: ProjectClient, route: str, params: dict[str, Any]) -> None:
    url = f"/api/projects/{looked.id}/{route}/"
    query = {"events": json.dumps(SERIES), **params}
    later = completed(looked, started(looked.get(url, **query, refresh="async")))["results"]
    waited = looked.get(url, **query).json()

    assert later.keys() == waited.keys()
    for name in ("result", "results"):
        assert _without_random(later.get(name)) == _without_random(waited.get(name))


def _without_random(value: Any) -> Any:
    """Links differ in a text that keeps answers apart."""
    if isinstance(value, dict):
        return {name: _without_random(one) for name, one in value.items() if not name.endswith("_url")}
    return [_without_random(one) for one in value] if isinstance(value, list) else value


def test_a_question_in_the_body(looked: ProjectClient) -> None:
    body = {"events": SERIES, "funnel_step": 1, "async": True, "personal_api_key": looked.key}
    response = looked.http.post(f"{looked.persons_url}funnel/", json=body)
    query_id = started(response)
    status = completed(looked, query_id)

    assert status["results"]["results"][0]["count"] == 2
    secret = looked.key.encode()
    kept = [dump for key in valkey.client().scan_iter(f"{{insights:{looked.id}}}*") for dump in _texts(key)]
    assert kept
    assert not any(secret in text for text in kept)


def _texts(key: bytes) -> list[bytes]:
    kind: Any = valkey.client().type(key)
    if kind != b"hash":
        return []
    found: Any = valkey.client().hgetall(key)
    return [*found.keys(), *found.values()]


def test_a_table_is_a_body_as_well(looked: ProjectClient) -> None:
    response = funnel(looked, refresh="async", format="csv")

    assert response.headers["Content-Type"] == "application/json"
    assert completed(looked, started(response))["results"]["results"][0]["count"] == 2


def test_a_mistake_is_told_at_once(looked: ProjectClient) -> None:
    response = funnel(looked, refresh="async", interval="century")

    assert (response.status_code, response.json()["attr"]) == (400, "interval")


def test_a_mistake_that_only_clickhouse_finds_is_told_later(looked: ProjectClient) -> None:
    filters = json.dumps([{"key": "k", "value": "(", "operator": "regex"}])
    response = funnel(looked, refresh="async", properties=filters)
    query_id = started(response)

    wait_for(lambda: looked.get(status_url(looked, query_id)).status_code != 202)
    told = looked.get(status_url(looked, query_id))
    status = told.json()["query_status"]
    assert (told.status_code, status["complete"], status["error"], status["results"]) == (
        400,
        True,
        True,
        None,
    )
    assert status["error_message"]


def test_a_result_shows_persons_as_they_are(looked: ProjectClient) -> None:
    query_id = started(funnel(looked, refresh="async"))
    completed(looked, query_id)
    uuid = (looked.person("ada") or {})["uuid"]
    looked.delete(f"{looked.persons_url}{uuid}/")

    people = completed(looked, query_id)["results"]["results"][0]["people"]

    assert [person["name"] for person in people] == ["bob"]


def test_a_result_that_was_forgotten_is_made_again(looked: ProjectClient) -> None:
    query_id = started(funnel(looked, refresh="async"))
    completed(looked, query_id)

    forget_answers([looked.id])

    assert looked.get(status_url(looked, query_id)).status_code == 202
    assert completed(looked, query_id)["results"]["results"][0]["count"] == 2


def test_the_client_may_choose_the_id(looked: ProjectClient) -> None:
    query_id = started(funnel(looked, refresh="async", client_query_id="mine-1"))

    assert query_id == "mine-1"
    assert completed(looked, "mine-1")["id"] == "mine-1"
    bad = funnel(looked, refresh="async", client_query_id="no spaces")
    assert (bad.status_code, bad.json()["attr"]) == (400, "client_query_id")
    assert funnel(looked, client_query_id="no spaces").status_code == 200


def test_an_id_used_again_is_the_same_query_or_takes_its_place(slow: ProjectClient) -> None:
    first = ask_slowly(slow, refresh="async", client_query_id="mine").json()["query_status"]
    same = ask_slowly(slow, refresh="async", client_query_id="mine").json()["query_status"]
    other = ask_slowly(slow, refresh="async", client_query_id="mine", limit=1).json()["query_status"]

    assert (same["start_time"], same["task_id"]) == (first["start_time"], first["task_id"])
    assert other["start_time"] > first["start_time"]
    assert other["task_id"] != first["task_id"]


def test_only_who_started_it_finds_it(looked: ProjectClient, other_project: ProjectClient) -> None:
    query_id = started(funnel(looked, refresh="async"))
    completed(looked, query_id)
    sibling = looked.new_key("*")

    for key, project in ((sibling, looked), (other_project.key, other_project), (looked.key, looked)):
        expected = 200 if key == looked.key else 404
        assert project.get(status_url(project, query_id), key=key).status_code == expected
    assert looked.delete(status_url(looked, query_id), key=sibling).status_code == 404
    with logged_in(looked) as browser:
        assert browser.send("GET", status_url(looked, query_id)).status_code == 404
        own = browser.send("GET", f"{looked.persons_url}funnel/?events=[]&funnel_step=1&refresh=async")
        own_id = own.json()["query_status"]["id"]
        assert browser.send("GET", status_url(looked, own_id)).status_code == 200
    assert looked.get(status_url(looked, own_id)).status_code == 404
    assert looked.get(f"/api/environments/{looked.id}/query/{query_id}/").status_code == 200
    assert looked.get(status_url(looked, "unknown")).status_code == 404


def test_a_key_that_may_not_ask_may_not_fetch(looked: ProjectClient) -> None:
    key = looked.new_key("insight:read")
    url = f"/api/projects/{looked.id}/insights/funnel/"
    query_id = started(looked.get(url, key=key, events=json.dumps(SERIES), refresh="async"))

    assert completed(looked, query_id, key)["results"]["result"][0]["count"] == 2
    assert looked.get(f"{looked.persons_url}funnel/", key=key, refresh="async").status_code == 403


def test_progress_and_cancellation(slow: ProjectClient) -> None:
    query_id = started(ask_slowly(slow, refresh="async"))
    url = status_url(slow, query_id)

    def progress() -> dict[str, Any]:
        return slow.get(url, show_progress="true").json()["query_status"]["query_progress"] or {}

    wait_for(lambda: progress().get("rows_read", 0) > 0)
    assert progress().keys() == {
        "bytes_read", "rows_read", "estimated_rows_total", "time_elapsed", "active_cpu_time",
    }  # fmt: skip
    now = progress()
    assert 0 < now["rows_read"] <= now["estimated_rows_total"]
    assert slow.get(url).json()["query_status"]["query_progress"] is None

    assert slow.delete(url).json() == {"message": "Query cancelled"}

    wait_for(lambda: running(slow) == 0)
    told = slow.get(url)
    status = told.json()["query_status"]
    assert (told.status_code, status["error"], status["error_message"]) == (
        400,
        True,
        "The query was cancelled.",
    )
    assert slow.delete(url).status_code == 200


def test_a_query_that_others_wait_for_goes_on(slow: ProjectClient) -> None:
    one, other = (started(ask_slowly(slow, refresh="async")) for _ in range(2))
    wait_for(lambda: running(slow) > 0)
    marks = {
        slow.get(status_url(slow, query_id)).json()["query_status"]["task_id"] for query_id in (one, other)
    }
    assert len(marks) == 1

    slow.delete(status_url(slow, one))
    assert slow.get(status_url(slow, other)).status_code == 202
    assert running(slow) == 1

    slow.delete(status_url(slow, other))
    wait_for(lambda: running(slow) == 0)


def test_the_query_of_a_client_that_hangs_up_is_stopped(slow: ProjectClient, stack: Stack) -> None:
    token = "of this test"
    with (
        web(stack, PERSONS_API_METRICS_TOKEN=token, PERSONS_API_RATE_LIMITS="off") as url,
        httpx.Client(base_url=url, verify=NO_TLS) as other,
    ):

        def hang_up() -> None:
            with pytest.raises(httpx.ReadTimeout):
                httpx.get(
                    f"{url}{slow.persons_url}funnel/",
                    params=slow_question(),
                    headers=bearer(slow.key),
                    timeout=httpx.Timeout(PATIENCE, read=2),
                    verify=NO_TLS,
                )

        # A connection from the same address, which stays open.
        assert other.get("/_health").status_code == 200
        with ThreadPoolExecutor() as pool:
            asked = pool.submit(hang_up)
            wait_for(lambda: running(slow) > 0)
            asked.result()

        # It was noticed, and not just answered in the end.
        wait_for(lambda: 'status="499"' in other.get("/_metrics", headers=bearer(token)).text)
        wait_for(lambda: running(slow) == 0)


def test_too_many_at_once(slow: ProjectClient, settings: Any) -> None:
    ids = [
        started(ask_slowly(slow, refresh="async", cache_invalidation_key=str(n)))
        for n in range(settings.INSIGHTS_ASYNC)
    ]
    refused = ask_slowly(slow, refresh="async", cache_invalidation_key="one more")

    assert (refused.status_code, refused.json()["type"]) == (429, "throttled_error")
    assert int(refused.headers["Retry-After"]) > 0
    # Two of them run; short questions still find threads.
    assert funnel(slow).status_code == 200

    for query_id in ids:
        assert slow.delete(status_url(slow, query_id)).status_code == 200
    assert ask_slowly(slow, refresh="async").status_code == 202
    wait_for(lambda: running(slow) <= 1)


def test_a_query_that_outlasts_the_wait_goes_on(slow: ProjectClient, stack: Stack) -> None:
    with web(stack, PERSONS_API_INSIGHTS_WAIT="1", PERSONS_API_RATE_LIMITS="off") as url:
        response = httpx.get(
            f"{url}{slow.persons_url}funnel/",
            params=slow_question(),
            headers=bearer(slow.key),
            timeout=20,
            verify=NO_TLS,
        )

    query_id = started(response)
    url = status_url(slow, query_id)
    begun = slow.get(url).json()["query_status"]
    wait_for(lambda: running(slow) == 1)
    wait_for(lambda: time_elapsed(slow, url) > 2)
    assert slow.get(url).json()["query_status"]["task_id"] == begun["task_id"]
    assert slow.delete(url).status_code == 200
    wait_for(lambda: running(slow) == 0)


def time_elapsed(project: ProjectClient, url: str) -> float:
    """Seconds for which ClickHouse has been at it."""
    status = project.get(url, show_progress="true").json()["query_status"]
    elapsed: float = status["query_progress"]["time_elapsed"]
    return elapsed


def test_ten_questions_at_once(slow: ProjectClient) -> None:
    """All are answered, and events are taken meanwhile."""

    def ask(number: int) -> int:
        query = slow_question(2, cache_invalidation_key=str(number))
        return slow.get(f"{slow.persons_url}funnel/", **query).status_code

    with ThreadPoolExecutor(11) as threads:
        answers = [threads.submit(ask, number) for number in range(10)]
        captures = 0
        while not all(one.done() for one in answers):
            slow.capture(event("meanwhile", "somebody"))
            captures += 1
            # As many as possible would be work that only holds up the questions.
            time.sleep(0.05)

    assert [one.result() for one in answers] == [200] * 10
    assert captures > 10
