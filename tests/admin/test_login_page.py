"""The login for people: the page, where it leads, and what it refuses."""

from collections.abc import Iterator

import httpx
import pytest

from core.models import User
from tests.admin.staff import Admin, words
from tests.browser import logged_in
from tests.clients import NO_TLS, ProjectClient

PASSWORD = "once upon a time"
ME = "/api/users/@me/"


@pytest.fixture
def user(project: ProjectClient) -> User:
    user = User.objects.get(email=project.owner)
    user.set_password(PASSWORD)
    user.save()
    return user


@pytest.fixture
def http(project: ProjectClient) -> Iterator[httpx.Client]:
    """A browser in which nobody is logged in."""
    with httpx.Client(base_url=project.http.base_url, timeout=40, verify=NO_TLS) as http:
        yield http


def log_in(http: httpx.Client, email: str, password: str, *, wanted: str = "") -> httpx.Response:
    page = http.get("/login", params={"next": wanted})
    assert page.status_code == 200
    token = http.cookies["posthog_csrftoken"]
    form = {"email": email, "password": password, "next": wanted, "csrfmiddlewaretoken": token}
    return http.post("/login", data=form)


def test_a_login_leads_to_where_somebody_wanted_and_is_one_for_the_api(
    http: httpx.Client, user: User
) -> None:
    sent = http.get("/")
    assert (sent.status_code, sent.headers["location"]) == (302, "/login")

    response = log_in(http, user.email.upper(), PASSWORD, wanted="/api/schema/redoc/")

    assert (response.status_code, response.headers["location"]) == (302, "/api/schema/redoc/")
    assert http.get(ME).json()["email"] == user.email
    home = http.get("/")
    assert user.email in words(home)
    assert "Admin" not in words(home)
    again = http.get("/login", params={"next": "/api/schema/"})
    assert (again.status_code, again.headers["location"]) == (302, "/api/schema/")


def test_a_logout_ends_the_session_and_takes_a_form(project: ProjectClient) -> None:
    with logged_in(project) as browser:
        followed = browser.http.get("/logout")
        assert (followed.status_code, followed.headers["location"]) == (302, "/")
        assert browser.http.post("/logout").status_code == 403
        assert browser.get(ME).status_code == 200

        token = browser.http.cookies["posthog_csrftoken"]
        left = browser.http.post("/logout", data={"csrfmiddlewaretoken": token})

        assert (left.status_code, left.headers["location"]) == (302, "/login")
        assert browser.get(ME).status_code == 401


@pytest.mark.parametrize(
    "wanted",
    ["https://example.org/", "//example.org", "/\\example.org", "javascript:alert(1)", "http:///x", ""],
    ids=repr,
)
def test_a_login_never_leads_to_another_host(project: ProjectClient, wanted: str) -> None:
    with logged_in(project) as browser:
        response = browser.get("/login", next=wanted)

    assert (response.status_code, response.headers["location"]) == (302, "/")


def test_a_wrong_password_an_unknown_address_and_an_inactive_user_look_the_same(
    http: httpx.Client, user: User
) -> None:
    said = set()
    for email, password in ((user.email, "wrong"), ("nobody@example.org", PASSWORD)):
        response = log_in(http, email, password)
        assert response.status_code == 400
        said.add(words(response))
    User.objects.filter(pk=user.pk).update(is_active=False)
    said.add(words(log_in(http, user.email, PASSWORD)))

    (text,) = said
    assert "Invalid email or password." in text
    assert "sessionid" not in http.cookies


@pytest.mark.parametrize(
    ("email", "password"),
    [("", "x"), ("a\0b", "x"), ("x" * 255, "x"), ("a@example.org", "x" * 1001), ("a@example.org", "")],
    ids=["no address", "NUL", "long address", "long password", "no password"],
)
def test_what_no_login_can_be_is_told_beside_the_field(http: httpx.Client, email: str, password: str) -> None:
    response = log_in(http, email, password)

    assert response.status_code == 400
    assert 'role="alert"' in response.text


def test_other_web_sites_cannot_log_anybody_in(http: httpx.Client) -> None:
    response = http.post("/login", data={"email": "a@example.org", "password": PASSWORD})

    assert response.status_code == 403
    assert "The form has expired" in words(response)
    assert "sessionid" not in http.cookies


@pytest.mark.parametrize("path", ["/login", "/", "/logout", "/admin/login/", "/admin/"])
def test_pages_may_load_nothing_from_elsewhere_and_are_kept_by_nobody(http: httpx.Client, path: str) -> None:
    headers = http.get(path).headers

    policy = headers["Content-Security-Policy"]
    assert policy.startswith(
        "default-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    assert "http" not in policy
    assert "no-store" in headers["Cache-Control"]
    assert headers["X-Frame-Options"] == "DENY"


def test_only_the_admin_may_run_scripts(admin: Admin) -> None:
    def policy(path: str) -> str:
        return admin.http.get(path).headers["Content-Security-Policy"]

    assert "script-src" not in policy("/login?again=1")
    assert "script-src 'self' 'unsafe-eval';" in policy("/admin/")
    assert "Content-Security-Policy" not in admin.http.get(ME).headers


def test_what_pages_load_is_served(http: httpx.Client) -> None:
    for path in (
        "core/browser.css",
        "core/admin.css",
        "unfold/css/styles.css",
        "drf_spectacular_sidecar/redoc/bundles/redoc.standalone.js",
    ):
        response = http.get(f"/static/{path}")
        assert response.status_code == 200, path
        assert "Last-Modified" in response.headers
