"""A person with a browser logs in and visits every page of the admin. No script fails, and no policy is broken."""

import re
from collections.abc import Iterator

import pytest

from core.models import User
from tests.admin.chromium import Chromium, running_chromium
from tests.admin.test_deletions import receipt
from tests.admin.test_webhooks import give_up, make
from tests.clients import ProjectClient
from tests.contract.browser import chromium
from tests.persons import join, listed, make_person

PASSWORD = "once upon a time"

pytestmark = pytest.mark.skipif(chromium() is None, reason="there is no Chromium")


@pytest.fixture(scope="module")
def running() -> Iterator[Chromium]:
    with running_chromium() as browser:
        yield browser


@pytest.fixture
def browser(running: Chromium, project: ProjectClient) -> Iterator[Chromium]:
    """A browser in which nobody is logged in; its console must stay silent."""
    user = User.objects.get(email=project.owner)
    user.is_staff = True
    user.set_password(PASSWORD)
    user.save()
    running.call("Network.clearBrowserCookies")
    running.complaints.clear()
    yield running
    assert running.complaints == []


def visit(browser: Chromium, project: ProjectClient, path: str) -> None:
    browser.open(str(project.http.base_url).rstrip("/") + path)


def log_in(browser: Chromium, project: ProjectClient, *, wanted: str) -> None:
    visit(browser, project, wanted)
    browser.fill("email", project.owner)
    browser.fill("password", PASSWORD)
    browser.press("Log in")
    assert browser.path() == wanted


def test_every_page_is_seen_by_clicking(browser: Chromium, project: ProjectClient) -> None:
    make_person(project, "ada", "ada 2", email="ada@example.org", nick="</code><script>alert(1)</script>")
    cohort = join(project, "Friends", listed(project, "ada"))
    webhook = make(project)
    give_up(project, webhook)
    erased = receipt(project)

    log_in(browser, project, wanted=f"/admin/project/{project.id}/persons/")
    browser.press("ada@example.org")
    assert "<script>alert(1)</script>" in browser.text()
    assert "Friends" in browser.text()
    for page, part in (
        ("Split", "Distinct ids that move away"),
        ("Merge", "wins every clash"),
        ("Erase", "Erase the events"),
    ):
        browser.press(page)
        assert part in browser.text()
        browser.press("Cancel")
    for page, part in (
        ("Cohorts", str(cohort)),
        ("Deletions", f"Receipt {erased.pk}"),
        ("Webhooks", webhook["url"]),
        ("Settings", "Weeks begin on"),
        ("Overview", "New project"),
        ("Projects", "Part of the name or of the token"),
        ("API keys", project.owner),
        ("Users", project.owner),
    ):
        browser.press(page)
        assert part in browser.text() + str(browser.value("document.body.innerHTML")), page
    for page, follow, part in (
        ("cohorts", "Friends", "Calculations"),
        ("deletions", f"Receipt {erased.pk}", "rows by store"),
        ("webhooks", webhook["url"], "Replay the dead"),
    ):
        visit(browser, project, f"/admin/project/{project.id}/{page}/")
        browser.press(follow)
        assert part in browser.text()


def test_a_person_is_split_and_a_key_is_made_by_hand(browser: Chromium, project: ProjectClient) -> None:
    ada = make_person(project, "ada", "ada 2")
    log_in(browser, project, wanted=f"/admin/project/{project.id}/persons/{ada['uuid']}/split/")

    browser.tick("distinct_ids_to_split", "ada 2")
    browser.press("Continue")
    assert "ada 2 becomes the person" in browser.text()
    browser.press("Split")

    assert "1 distinct id moved away." in browser.text()
    assert listed(project, "ada 2")["uuid"] != ada["uuid"]

    visit(browser, project, "/admin/core/personalapikey/add/")
    browser.fill("label", "by hand")
    browser.tick("scopes", "person:read")
    browser.press("Make key")
    (value,) = re.findall(r"phx_\w{40,}", browser.text())
    assert project.get(project.persons_url, key=value).status_code == 200


def test_somebody_comes_home_and_leaves(browser: Chromium, project: ProjectClient) -> None:
    log_in(browser, project, wanted="/")
    assert f"You are logged in as {project.owner}." in browser.text()

    browser.press("Log out")

    assert browser.path() == "/login"
    visit(browser, project, "/admin/")
    assert browser.path() == "/admin/login/"
    assert project.owner not in browser.text()
