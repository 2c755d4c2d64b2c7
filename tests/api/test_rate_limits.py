"""Rate limits: who shares a budget, what costs, what answers say. The web processes here have small budgets."""

import secrets
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
import redis

from core import sliding_window, valkey
from core.metrics.counts import LIMITS
from core.sliding_window import Limit, take
from persons_api import env
from tests.browser import logged_in
from tests.clients import ProjectClient, bearer, event, new_project
from tests.stack import Stack, free_port
from tests.web import web

#: Requests in an hour, of each class.
GENERAL, PERSONS, DELETES, SESSION, LOGIN = 5, 4, 3, 2, 3
RATES = {
    "PERSONS_API_RATE_LIMITS": "on",
    "PERSONS_API_RATE_BURST": f"{GENERAL}/hour",
    "PERSONS_API_RATE_SUSTAINED": "off",
    "PERSONS_API_RATE_CLICKHOUSE_BURST": f"{PERSONS}/hour",
    "PERSONS_API_RATE_PERSONS_DELETE_BURST": "100/minute",
    "PERSONS_API_RATE_PERSONS_DELETE_SUSTAINED": f"{DELETES}/hour",
    "PERSONS_API_RATE_PERSONS_BURST": "100/minute",
    "PERSONS_API_RATE_PERSONS_SUSTAINED": f"{SESSION}/hour",
    "PERSONS_API_RATE_LOGIN": f"{LOGIN}/hour",
}
HEADERS = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")
ME = "/api/users/@me/"


@pytest.fixture(scope="module")
def exempt(stack: Stack) -> Iterator[ProjectClient]:
    """A project in which nobody is refused."""
    with new_project(stack) as project:
        yield project


@pytest.fixture(scope="module")
def limited(stack: Stack, exempt: ProjectClient) -> Iterator[str]:
    variables = {
        **RATES,
        "PERSONS_API_RATE_LIMITS_EXEMPT_PROJECTS": str(exempt.id),
        # A budget is one, whichever process answers.
        "PERSONS_API_WEB_WORKERS": "2",
    }
    with web(stack, **variables) as url:
        yield url


@pytest.fixture
def shop(project: ProjectClient, limited: str) -> ProjectClient:
    """A project, asked where budgets are small."""
    project.http.base_url = limited
    return project


def statuses(project: ProjectClient, path: str, times: int, *, key: str | None = None) -> list[int]:
    return [project.get(path, key=key).status_code for _ in range(times)]


def test_a_budget_counts_down_and_then_refuses(shop: ProjectClient) -> None:
    answers = [shop.get(ME) for _ in range(GENERAL + 2)]

    assert [one.status_code for one in answers] == [200] * GENERAL + [429] * 2
    assert [one.headers["X-RateLimit-Remaining"] for one in answers] == ["4", "3", "2", "1", "0", "0", "0"]
    assert {one.headers["X-RateLimit-Limit"] for one in answers} == {"5"}
    refused = answers[-1]
    wait = int(refused.headers["Retry-After"])
    assert 0 < wait <= 3600
    assert refused.headers["X-RateLimit-Reset"] == refused.headers["Retry-After"]
    assert refused.json() == {
        "type": "throttled_error",
        "code": "throttled",
        "detail": f"Request was throttled. Expected available in {wait} seconds.",
        "attr": None,
    }


def test_each_key_has_a_budget_of_its_own_for_all_projects(
    shop: ProjectClient, exempt: ProjectClient, stack: Stack
) -> None:
    with new_project(stack) as another:
        key = shop.new_key("*")
        assert statuses(shop, shop.persons_url, PERSONS + 1) == [200] * PERSONS + [429]
        # Both projects are of the default organization, so its key reaches them, too.
        assert shop.get(another.persons_url).status_code == 429
        assert shop.get(shop.persons_url, key=key).status_code == 200


def test_classes_of_routes_have_budgets_of_their_own(shop: ProjectClient) -> None:
    assert statuses(shop, shop.persons_url, PERSONS + 1)[-1] == 429
    # Other routes of the class
    assert shop.get(f"{shop.persons_url}cohorts/").status_code == 429
    assert shop.get(f"{shop.persons_url}activity/").status_code == 429
    assert shop.post(f"{shop.persons_url}batch_by_uuids/", {"uuids": []}).status_code == 429
    # and of others
    assert shop.get(ME).status_code == 200
    unknown = f"{shop.persons_url}00000000-0000-0000-0000-000000000000/"
    answers = [shop.delete(unknown).status_code for _ in range(DELETES + 1)]
    assert answers == [404] * DELETES + [429]


def test_who_may_not_ask_pays_nothing_and_mistakes_do(
    shop: ProjectClient, other_project: ProjectClient
) -> None:
    for _ in range(PERSONS + 1):
        assert shop.get(shop.persons_url, key="phx_unknown").status_code == 401
        refused = shop.get(other_project.persons_url)
        assert refused.status_code == 403
        assert not any(name in refused.headers for name in HEADERS)

    assert shop.get(shop.persons_url, limit="x").status_code == 400
    assert shop.get(f"{shop.persons_url}00000000-0000-0000-0000-000000000000/").status_code == 404
    assert statuses(shop, shop.persons_url, PERSONS - 1) == [200] * (PERSONS - 2) + [429]


def test_requests_that_meet_do_not_share_the_last_place(shop: ProjectClient) -> None:
    with ThreadPoolExecutor(12) as threads:
        answers = list(threads.map(lambda _: shop.get(ME).status_code, range(30)))

    assert sorted(answers) == [200] * GENERAL + [429] * (30 - GENERAL)


def test_somebody_logged_in_has_a_budget_for_persons_and_others_are_free(shop: ProjectClient) -> None:
    with logged_in(shop) as browser:
        answers = [browser.get(shop.persons_url).status_code for _ in range(SESSION + 1)]
        free = [browser.get(ME) for _ in range(GENERAL + 1)]

    assert answers == [200] * SESSION + [429]
    assert {one.status_code for one in free} == {200}
    assert not any(name in one.headers for one in free for name in HEADERS)


def test_an_exempt_project_is_never_limited(exempt: ProjectClient, limited: str) -> None:
    with httpx.Client(base_url=limited, headers=bearer(exempt.key)) as http:
        answers = [http.get(exempt.persons_url).status_code for _ in range(PERSONS + 2)]

    assert answers == [200] * (PERSONS + 2)


def test_capture_is_never_limited(shop: ProjectClient) -> None:
    for number in range(GENERAL + 2):
        shop.capture(event("seen", f"id {number}"))


def test_logins_are_counted_by_address(shop: ProjectClient) -> None:
    """Those of the page and of the API together."""
    body = {"email": "nobody@example.org", "password": "x"}

    answers = [shop.http.post("/api/login/", json=body).status_code for _ in range(LOGIN + 1)]

    assert answers == [400] * LOGIN + [429]
    assert shop.http.get("/login").status_code == 200
    page = shop.http.post(
        "/login", data={**body, "csrfmiddlewaretoken": shop.http.cookies["posthog_csrftoken"]}
    )
    assert page.status_code == 429
    assert "Too many attempts." in page.text
    assert int(page.headers["Retry-After"]) > 0


def test_without_valkey_requests_pass(project: ProjectClient, stack: Stack) -> None:
    with web(stack, **RATES, VALKEY_URL=f"redis://127.0.0.1:{free_port()}/0") as url:
        project.http.base_url = url

        assert statuses(project, project.persons_url, PERSONS + 2) == [200] * (PERSONS + 2)


def test_the_stack_of_the_other_tests_limits_nothing(project: ProjectClient) -> None:
    assert not any(name in project.get(ME).headers for name in HEADERS)


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("1/second", (1, 1)),
        ("480/minute", (480, 60)),
        (" 4800/Hour ", (4800, 3600)),
        ("7/day", (7, 86400)),
        ("off", None),
        ("", (9, 60)),
    ],
)
def test_rates_are_read(monkeypatch: pytest.MonkeyPatch, text: str, rate: tuple[int, int] | None) -> None:
    monkeypatch.setenv("A_RATE", text)

    assert env.rate("A_RATE", "9/minute") == rate


@pytest.mark.parametrize(
    "text", ["480", "0/minute", "-1/minute", "x/minute", "1/week", "1.5/hour", "1000001/day", "/"]
)
def test_a_rate_that_cannot_be_read_stops_the_start(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("A_RATE", text)

    with pytest.raises(env.BadEnvironment, match="A_RATE="):
        env.rate("A_RATE", "9/minute")


def name() -> str:
    return secrets.token_hex(8)


def test_a_window_slides() -> None:
    limit = Limit(name(), count=2, seconds=1)
    first = take([limit])
    assert first
    assert (first.wait, first.limit, first.remaining) == (0, 2, 1)
    waits: list[int] = []
    deadline = time.monotonic() + 10

    while (budget := take([limit])) and len(waits) < 4:
        assert time.monotonic() < deadline
        if budget.wait == 0:
            waits.append(budget.wait)
        time.sleep(0.01)

    assert waits == [0] * 4


def test_of_several_limits_all_count_or_none() -> None:
    narrow, wide = Limit(name(), count=1, seconds=3600), Limit(name(), count=9, seconds=60)

    taken = [take([narrow, wide]) for _ in range(3)]

    assert [budget and (budget.wait > 0, budget.limit, budget.remaining) for budget in taken] == [
        (False, 1, 0), (True, 1, 0), (True, 1, 0),
    ]  # fmt: skip
    left = take([wide])
    assert left
    assert left.remaining == 7


def test_a_lowered_limit_waits_until_enough_have_left() -> None:
    key = name()
    for _ in range(5):
        take([Limit(key, count=5, seconds=3600)])

    budget = take([Limit(key, count=2, seconds=3600)])

    assert budget
    assert budget.wait > 3500
    assert budget.remaining == 0


def test_what_could_not_be_counted_is_told_when_valkey_is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    def uncounted() -> float:
        LIMITS.flush()
        *buckets, _ = LIMITS.read().get(("uncounted",), [0.0])
        return sum(buckets)

    before = uncounted()
    nowhere = redis.Redis(port=free_port())
    monkeypatch.setattr(sliding_window, "_silent_until", 0.0)

    with monkeypatch.context() as away:
        away.setattr(valkey, "client", lambda: nowhere)
        assert [take([Limit(name(), count=1, seconds=60)]) for _ in range(3)] == [None] * 3

    assert uncounted() == before + 3
