"""``/api/projects/{project_id}/webhooks/``: making, showing, changing and deleting them."""

from typing import Any

import httpx
import pytest

from core.models import ActivityEntry, Webhook, WebhookDelivery
from core.services.webhooks import secrets
from core.services.webhooks.save import MOST_WEBHOOKS
from tests.clients import ProjectClient, event
from tests.persons import refusal, send
from tests.receiver import ALL_EVENTS, all_ended, deliveries, receiving, register, wait_until, webhooks_url

URL = "https://hooks.example.org/persons"


def patch(project: ProjectClient, webhook: dict[str, Any], body: object) -> httpx.Response:
    return send(project, "PATCH", webhooks_url(project, webhook["id"]), body)


def test_a_webhook_from_beginning_to_end(project: ProjectClient) -> None:
    made = register(project, URL, "person.updated", "person.updated", "cohort.left", description="mirror")

    assert made["secret"].startswith("whsec_")
    assert made["secret_mask"] == f"whsec_...{made['secret'][-5:-1]}"
    shown = {**made, "secret": None}
    assert {name: shown[name] for name in ("url", "events", "description", "enabled")} == {
        "url": URL,
        "events": ["person.updated", "cohort.left"],
        "description": "mirror",
        "enabled": True,
    }
    assert [shown[name] for name in ("failures", "paused_until", "waiting", "dead")] == [0, None, 0, 0]
    assert shown["created_by"]["email"] == project.owner
    url = webhooks_url(project, made["id"])
    assert project.get(url).json() == shown
    page = project.get(webhooks_url(project)).json()
    assert page == {"count": 1, "next": None, "previous": None, "results": [shown]}

    changed = patch(project, made, {"events": ["person.split"], "description": ""})
    assert changed.status_code == 200
    assert changed.json() == {
        **shown, "events": ["person.split"], "description": "", "updated_at": changed.json()["updated_at"]
    }  # fmt: skip
    assert project.delete(url).status_code == 204
    assert refusal(project.get(url)) == (404, "invalid_request", "not_found", None)
    assert project.get(webhooks_url(project)).json()["count"] == 0


def test_the_old_spelling_of_the_path(project: ProjectClient) -> None:
    register(project, URL)

    answer = project.get(f"/api/environments/{project.id}/webhooks")

    assert answer.json()["count"] == 1
    assert answer.headers["Deprecation"] == "true"


@pytest.mark.parametrize(
    ("body", "code", "attr"),
    [
        ({}, "required", "url"),
        ({"url": URL}, "required", "events"),
        ({"url": URL, "events": []}, "empty", "events"),
        ({"url": URL, "events": "person.updated"}, "not_a_list", "events"),
        ({"url": URL, "events": ["person.updated", "person.born"]}, "invalid_choice", "events__1"),
        ({"url": URL, "events": [None]}, "null", "events__0"),
        ({"url": URL, "events": ["webhook.test"]}, "invalid_choice", "events__0"),
        ({"url": None, "events": ALL_EVENTS}, "null", "url"),
        ({"url": " ", "events": ALL_EVENTS}, "blank", "url"),
        ({"url": 5, "events": ALL_EVENTS}, "invalid_input", "url"),
        ({"url": "https://example.org/" + "x" * 2000, "events": ALL_EVENTS}, "max_length", "url"),
        ({"url": "https://a\0b/", "events": ALL_EVENTS}, None, "url"),
        ({"url": "ftp://example.org", "events": ALL_EVENTS}, "invalid_input", "url"),
        ({"url": "http://10.0.0.1/", "events": ALL_EVENTS}, "invalid_input", "url"),
        ({"url": "http://[::1]/", "events": ALL_EVENTS}, "invalid_input", "url"),
        ({"url": "http://169.254.169.254/", "events": ALL_EVENTS}, "invalid_input", "url"),
        ({"url": URL, "events": ALL_EVENTS, "enabled": "maybe"}, "invalid_input", "enabled"),
        ({"url": URL, "events": ALL_EVENTS, "description": "x" * 1001}, "max_length", "description"),
        ({"url": URL, "events": ALL_EVENTS, "description": None}, "null", "description"),
        ([], "invalid_input", None),
    ],
    ids=range(20),
)
def test_what_cannot_be_a_webhook(
    project: ProjectClient, body: Any, code: str | None, attr: str | None
) -> None:
    response = project.post(webhooks_url(project), body)

    status, kind, found, blamed = refusal(response)
    assert (status, kind, blamed) == (400, "validation_error", attr)
    assert code is None or found == code
    assert not Webhook.objects.for_project(project.id).exists()


@pytest.mark.parametrize(
    ("body", "attr"),
    [
        ({"url": "http://192.168.0.1/"}, "url"),
        ({"url": None}, "url"),
        ({"events": []}, "events"),
        ({"enabled": None}, "enabled"),
    ],
    ids=["private", "null", "empty", "null-switch"],
)
def test_changes_that_are_refused(project: ProjectClient, body: Any, attr: str) -> None:
    made = register(project, URL)

    assert refusal(patch(project, made, body))[3] == attr
    assert project.get(webhooks_url(project, made["id"])).json()["url"] == URL


@pytest.mark.parametrize("overlap", [-1, 604801, "x", None, 1.5])
def test_overlaps_that_are_refused(project: ProjectClient, overlap: Any) -> None:
    made = register(project, URL)

    response = project.post(webhooks_url(project, made["id"], "rotate_secret"), {"overlap_seconds": overlap})

    assert refusal(response)[::3] == (400, "overlap_seconds")
    assert project.get(webhooks_url(project, made["id"])).json()["secret_mask"] == made["secret_mask"]


def test_a_secret_is_shown_once_and_stored_nowhere(project: ProjectClient) -> None:
    made = register(project, URL)
    rotated = project.post(webhooks_url(project, made["id"], "rotate_secret")).json()

    assert rotated["secret"] != made["secret"]
    assert rotated["secret_mask"] != made["secret_mask"]
    assert rotated["id"] == made["id"]
    shown = project.get(webhooks_url(project, made["id"])).json()
    assert (shown["secret"], shown["secret_mask"]) == (None, rotated["secret_mask"])
    stored = Webhook.objects.for_project(project.id).filter(pk=made["id"]).values().get()
    key = rotated["secret"].removeprefix("whsec_")
    assert not any(key in str(value) for value in stored.values())
    assert secrets.secret_of(bytes(stored["secret_salt"])).value == rotated["secret"]
    assert stored["previous_salt"] is None


def test_another_secret_key_does_not_sign_wrongly(project: ProjectClient, settings: Any) -> None:
    made = register(project, URL)
    stored = Webhook.objects.for_project(project.id).get(pk=made["id"])
    settings.SECRET_KEY = "another one"

    with pytest.raises(secrets.SecretLost, match="rotate it"):
        secrets.signature(
            [bytes(stored.secret_salt)], stored.secret_mask, event_id="1", timestamp=1, body=b""
        )


def test_a_project_has_so_many_webhooks(project: ProjectClient) -> None:
    for number in range(MOST_WEBHOOKS):
        register(project, f"{URL}/{number}")

    one_more = project.post(webhooks_url(project), {"url": URL, "events": ALL_EVENTS})

    assert refusal(one_more) == (400, "validation_error", "invalid_input", None)
    page = project.get(webhooks_url(project), limit=5, offset=5).json()
    assert page["count"] == MOST_WEBHOOKS
    assert [one["url"] for one in page["results"]] == [f"{URL}/{number}" for number in range(14, 9, -1)]
    assert project.get(page["next"]).json()["results"][0]["url"] == f"{URL}/9"


PATHS = ["", "deliveries", "deliveries/8c5c2b1e-52f5-4b0f-9a51-d1a5e8a1c5a2"]
POSTS = ["replay", "rotate_secret", "test", "deliveries/8c5c2b1e-52f5-4b0f-9a51-d1a5e8a1c5a2/replay"]


def test_webhooks_of_others_are_not_there(project: ProjectClient, other_project: ProjectClient) -> None:
    theirs = register(other_project, URL)
    missing = (404, "invalid_request", "not_found", None)

    for webhook_id in (theirs["id"], 999_999_999, "9" * 40, "x", "-1"):
        for path in PATHS:
            url = webhooks_url(project, webhook_id, *([path] if path else []))
            assert refusal(project.get(url)) == missing
        for path in POSTS:
            assert refusal(project.post(webhooks_url(project, webhook_id, path), {})) == missing
        url = webhooks_url(project, webhook_id)
        assert refusal(send(project, "PATCH", url, {"enabled": False})) == missing
        assert refusal(project.delete(url)) == missing
    assert project.get(webhooks_url(project)).json()["results"] == []
    assert other_project.get(webhooks_url(other_project, theirs["id"])).json() == {**theirs, "secret": None}


def test_an_event_of_another_webhook_is_not_there(project: ProjectClient) -> None:
    with receiving() as receiver:
        one, two = register(project, receiver.url), register(project, URL, "person.deleted")
        project.capture(event("a", "ada"))
        (row,) = all_ended(project, one)

    assert project.get(webhooks_url(project, one["id"], "deliveries", row["id"])).json() == row
    for name in (row["id"], "x"):
        url = webhooks_url(project, two["id"], "deliveries", name)
        assert project.get(url).status_code == 404
        assert project.post(f"{url}replay/").status_code == 404


def test_pages_of_deliveries(project: ProjectClient) -> None:
    with receiving() as receiver:
        webhook = register(project, receiver.url)
        for name in ("ada", "bob", "cyd"):
            project.capture(event("a", name))
        rows = all_ended(project, webhook)[::-1]
    url = webhooks_url(project, webhook["id"], "deliveries")

    first = project.get(url, limit=2).json()
    second = project.get(first["next"]).json()

    assert (first["results"], second["results"]) == (rows[:2], rows[2:])
    assert (first["previous"], second["next"]) == (None, None)
    assert deliveries(project, webhook, state="delivered", event="person.updated") == rows[::-1]
    assert deliveries(project, webhook, state="dead") == []
    assert deliveries(project, webhook, event="person.merged") == []
    for bad in ({"state": "x"}, {"event": "x"}, {"limit": "x"}, {"limit": "1001"}, {"offset": "-1"}):
        ((name, _),) = bad.items()
        assert refusal(project.get(url, **bad)) == (400, "validation_error", "invalid_input", name)


def test_deleting_forgets_what_waits(project: ProjectClient) -> None:
    with receiving(lambda received: 500) as receiver:
        webhook = register(project, receiver.url)
        project.capture(event("a", "ada"))
        receiver.wait_for(1)

        assert project.delete(webhooks_url(project, webhook["id"])).status_code == 204

    kept = WebhookDelivery.objects.for_project(project.id).filter(webhook_id=webhook["id"])
    wait_until(lambda: not kept.exists())


def test_who_says_where_events_go_must_be_allowed_to_read_persons(project: ProjectClient) -> None:
    body = {"url": URL, "events": ALL_EVENTS}
    key = project.new_key("webhook:write")
    refused = project.post(webhooks_url(project), body, key=key)

    assert refused.json()["detail"] == "API key missing required scope 'person:read'"
    made = project.post(webhooks_url(project), body, key=project.new_key("webhook:write", "person:read"))
    assert made.status_code == 201
    assert project.get(webhooks_url(project), key=project.new_key("webhook:read")).json()["count"] == 1


def test_a_repeated_creation_makes_one_webhook(project: ProjectClient) -> None:
    headers = {"Authorization": f"Bearer {project.key}", "Idempotency-Key": "once"}
    body = {"url": URL, "events": ALL_EVENTS}

    one, two = (project.http.post(webhooks_url(project), json=body, headers=headers) for _ in range(2))

    assert one.json() == two.json()
    assert project.get(webhooks_url(project)).json()["count"] == 1


def test_the_log_tells_who_did_what_and_no_secrets(project: ProjectClient) -> None:
    made = register(project, f"{URL}?token=hidden")
    patch(project, made, {"url": f"{URL}?token=other", "enabled": False})
    patch(project, made, {"enabled": False})
    project.post(webhooks_url(project, made["id"], "rotate_secret"))
    project.delete(webhooks_url(project, made["id"]))

    entries = ActivityEntry.objects.for_project(project.id).filter(scope="Webhook").order_by("created_at")
    assert [entry.activity for entry in entries] == ["created", "updated", "secret_rotated", "deleted"]
    assert {entry.detail["name"] for entry in entries} == {"hooks.example.org"}
    changes = {one["field"]: (one["before"], one["after"]) for one in entries[1].detail["changes"]}
    assert changes == {"url": (None, None), "enabled": (True, False)}
