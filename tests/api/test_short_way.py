"""One person and pages of persons come a short way (``core.api.short_way``), and are what they are on the usual one."""

import secrets
from collections.abc import Iterator

import httpx
import pytest

from core.auth.keys import hash_key
from core.identity.ids import person_uuid
from core.models import PersonalAPIKey
from tests.clients import ProjectClient, bearer, event, new_project
from tests.stack import Stack
from tests.web import web

#: Both are JSON; only the first is what the short way looks for.
SHORT, USUAL = "*/*", "application/json, */*"
#: Of each request anew.
PASSING = ("date", "x-request-id", "x-ratelimit-reset")


@pytest.fixture(scope="module")
def shop(stack: Stack) -> Iterator[ProjectClient]:
    with new_project(stack) as project:
        project.capture(*(event("x", f"user-{number}") for number in range(5)))
        # Whose use is not noted yet goes the usual way.
        project.get(project.persons_url)
        yield project


Answer = tuple[int, dict[str, str], bytes]


def both(
    http: httpx.Client, url: str, key: str, *, method: str = "GET", host: str | None = None
) -> list[Answer]:
    """Status, headers and body by either way."""
    found: list[Answer] = []
    for accepted in (SHORT, USUAL):
        headers = {**bearer(key), "Accept": accepted, **({"Host": host} if host else {})}
        answer = http.request(method, url, headers=headers)
        kept = {name: value for name, value in answer.headers.items() if name not in PASSING}
        found.append((answer.status_code, kept, answer.content))
    return found


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("", 200),
        ("?limit=2", 200),
        ("?limit=2&offset=2", 200),
        ("?offset=4", 200),
        ("?offset=99", 200),
        ("?limit=", 200),
        ("?limit=2&limit=3", 200),
        ("?limit=x", 400),
        ("?limit=10001", 400),
        ("?offset=-1", 400),
        ("?offset=99999999999999999999", 400),
        ("?limit=2&search=user-1", 200),
        ("?format=xml", 404),
    ],
)
def test_pages(shop: ProjectClient, query: str, status: int) -> None:
    short, usual = both(shop.http, f"{shop.persons_url}{query}", shop.key)

    assert short == usual
    assert short[0] == status


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (str(person_uuid(0, "nobody")), 404),
        (f"{person_uuid(0, 'nobody')}/", 404),
        ("-" * 36, 400),
        ("0", 404),
        ("funnel", 400),
    ],
)
def test_who_is_not_there(shop: ProjectClient, path: str, status: int) -> None:
    short, usual = both(shop.http, f"{shop.persons_url}{path}", shop.key)

    assert short == usual
    assert short[0] == status


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST"])
@pytest.mark.parametrize("end", ["", "/", "?format=json", "?format=csv", "?limit=1"])
def test_one_person(shop: ProjectClient, method: str, end: str) -> None:
    url = f"{shop.persons_url}{person_uuid(shop.id, 'user-1')}{end}"

    short, usual = both(shop.http, url, shop.key, method=method)

    assert short == usual


def test_who_may_not_read(shop: ProjectClient, other_project: ProjectClient) -> None:
    limited = shop.new_key("person:read")
    PersonalAPIKey.objects.filter(secure_value=hash_key(limited)).update(scoped_projects=[other_project.id])
    keys = {
        "unknown": (f"phx_{secrets.token_hex(20)}", 401),
        "without the scope": (shop.new_key("cohort:read"), 403),
        "of another project": (limited, 403),
        "of another user": (other_project.key, 403),
    }
    for end in ("", f"{person_uuid(shop.id, 'user-1')}/"):
        for key, status in keys.values():
            # The second time its use is noted.
            both(shop.http, f"{shop.persons_url}{end}", key)
            short, usual = both(shop.http, f"{shop.persons_url}{end}", key)

            assert short == usual
            assert short[0] == status


def test_a_project_that_is_not_there(shop: ProjectClient) -> None:
    short, usual = both(shop.http, "/api/projects/999999999999999999/persons/", shop.key)

    assert short == usual
    assert short[0] == 404


def test_a_key_that_is_gone_is_refused_at_once(shop: ProjectClient) -> None:
    key = shop.new_key("person:read")
    assert [answer[0] for answer in both(shop.http, shop.persons_url, key)] == [200, 200]

    PersonalAPIKey.objects.filter(secure_value=hash_key(key)).delete()

    assert [answer[0] for answer in both(shop.http, shop.persons_url, key)] == [401, 401]


def test_a_host_that_is_none_of_ours(shop: ProjectClient) -> None:
    short, usual = both(shop.http, shop.persons_url, shop.key, host="no host")

    assert short == usual


def test_both_ways_share_a_budget(shop: ProjectClient, stack: Stack) -> None:
    key = shop.new_key("person:read")
    with (
        web(stack, PERSONS_API_RATE_LIMITS="on", PERSONS_API_RATE_CLICKHOUSE_BURST="5/hour") as url,
        httpx.Client(base_url=url) as http,
    ):
        answers = [both(http, shop.persons_url, key) for _ in range(3)]

    left = [(status, headers["x-ratelimit-remaining"]) for pair in answers for status, headers, _ in pair]
    assert left == [(200, "4"), (200, "3"), (200, "2"), (200, "1"), (200, "0"), (429, "0")]
