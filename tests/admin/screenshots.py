"""Makes the pictures of ``docs/howto/admin.md`` anew: ``.venv/bin/python -m tests.admin.screenshots``.

A stack of its own gets the demo data, and Chromium goes through the pages that a new admin looks at first.
"""

import os
import time
from pathlib import Path

import django
import httpx

from tests.admin.chromium import Chromium, running_chromium
from tests.stack import Stack, temporary_stack

FOLDER = Path(__file__).parents[2] / "docs" / "images"
#: Bytes of the largest picture.
LARGEST = 150_000
EMAIL, PASSWORD = "admin@example.org", "once upon a time"
#: Seconds for cohorts to be calculated and somebody to be erased.
PATIENCE = 60
_PLAN = {"key": "plan", "type": "person", "value": ["team"], "operator": "exact"}
_ORDERED = {
    "key": "order placed",
    "type": "behavioral",
    "value": "performed_event",
    "event_type": "events",
    "time_value": 7,
    "time_interval": "day",
}


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    with temporary_stack() as stack:
        os.environ.update(stack.environment, DJANGO_SETTINGS_MODULE="persons_api.settings")
        django.setup()
        project, key = _demo()
        with httpx.Client(
            base_url=f"{stack.url}/api/projects/{project}",
            headers={"Authorization": f"Bearer {key}"},
            timeout=40,
        ) as http:
            person = _use(http)
        with running_chromium() as browser:
            _walk(browser, stack, f"/admin/project/{project}", person)


def _demo() -> tuple[int, str]:
    """The id of the project, and a key."""
    from core.outbox.drain import drain
    from core.services.administrators import create_admin
    from core.services.create_key import create_key
    from core.services.create_project import create_project
    from persons_api.demo import load_demo

    project = create_project(name="Demo")
    load_demo(project.pk, advance=lambda _: None)
    drain(timeout_seconds=PATIENCE)
    create_admin(email=EMAIL, password=PASSWORD)
    return project.pk, create_key(label="laptop", scopes=["*"]).value


def _use(http: httpx.Client) -> str:
    """Make cohorts, change and erase somebody; the uuid of a person to show."""
    for name, criterion in (("Team plan", _PLAN), ("Ordered in the last 7 days", _ORDERED)):
        values = [{"type": "AND", "values": [criterion]}]
        body = {"name": name, "filters": {"properties": {"type": "OR", "values": values}}}
        http.post("/cohorts/", json=body).raise_for_status()
    rows = http.get("/persons/", params={"limit": 100}).raise_for_status().json()["results"]
    known = [row for row in rows if row["is_identified"]]
    for row in known[:2]:
        http.delete(f"/persons/{row['uuid']}/", params={"delete_events": "true"}).raise_for_status()
    shown = next(row for row in known[2:] if row["properties"].get("plan") == "team")
    url = f"/persons/{shown['uuid']}"
    http.post(f"{url}/update_property/", json={"key": "language", "value": "pt"}).raise_for_status()
    http.post(f"{url}/split/", json={"distinct_ids_to_split": shown["distinct_ids"][:1]}).raise_for_status()
    http.post(f"{url}/undo/").raise_for_status()
    deadline = time.monotonic() + PATIENCE
    while not _is_settled(http):
        assert time.monotonic() < deadline
        time.sleep(0.5)
    return str(shown["uuid"])


def _is_settled(http: httpx.Client) -> bool:
    pending = http.get("/persons/deletion_status/", params={"status": "pending"}).json()["count"]
    return not pending and all(one["count"] for one in http.get("/cohorts/").json()["results"])


def _walk(browser: Chromium, stack: Stack, pages: str, person: str) -> None:
    def take(name: str, *, height: int = 720) -> None:
        picture = browser.screenshot(width=1400, height=height)
        assert browser.complaints == [], name
        assert len(picture) < LARGEST, f"{name} has {len(picture)} bytes"
        (FOLDER / f"{name}.png").write_bytes(picture)

    browser.open(f"{stack.url}{pages}/persons/")
    browser.fill("email", EMAIL)
    browser.fill("password", PASSWORD)
    take("login", height=600)
    browser.press("Log in")
    take("admin-persons", height=560)
    browser.open(f"{stack.url}{pages}/persons/{person}/")
    take("admin-person", height=900)
    browser.press("Erase")
    browser.press("Continue")
    take("admin-erase", height=400)
    browser.open(f"{stack.url}{pages}/deletions/")
    browser.press("Receipt 1")
    browser.press("Verify now")
    take("admin-receipt", height=800)
    browser.press("Cohorts")
    take("admin-cohorts", height=460)
    browser.press("API keys")
    take("admin-keys", height=460)


if __name__ == "__main__":
    main()
