"""``/i/v1/analytics/events``: an answer for each event."""

import gzip
import io
import json
import logging
import sys
import zlib
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import brotli
import httpx
import posthog
import pytest
from django.db import OperationalError
from django.http import HttpResponse
from django.test import RequestFactory
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.api import capture, capture_v1
from core.clickhouse import client
from core.identity.ids import person_uuid
from tests.api.test_odd_input import anything, names, properties, text
from tests.clients import ProjectClient, event, new_project, settle
from tests.stack import Stack

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

URL = "/i/v1/analytics/events"
NOW = datetime.now(UTC).isoformat()
OK = {"result": "ok"}
MIB = 1024 * 1024
OPTIONS = st.sampled_from(
    ["process_person_profile", "cookieless_mode", "disable_skew_correction", "product_tour_id"]
)


def drop(details: str) -> dict[str, str]:
    return {"result": "drop", "details": details}


def v1_event(name: Any = "a", distinct_id: Any = "u", /, **fields: Any) -> dict[str, Any]:
    return {**event(name, distinct_id), "timestamp": NOW, "options": {}, "properties": {}, **fields}


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in v1_event().items() if key != name}


def batch(*events: Any, **fields: Any) -> bytes:
    return json.dumps({"created_at": NOW, "batch": list(events), **fields}).encode()


def head(token: str, **changes: str | None) -> dict[str, str]:
    """The headers of an SDK; ``changes`` have underscores for dashes, null takes one away."""
    headers = {
        "authorization": f"Bearer {token}",
        "content-type": "application/json",
        "user-agent": "posthog-test/1.2",
        "posthog-sdk-info": "posthog-test/1.2",
        "posthog-attempt": "1",
        "posthog-request-id": str(uuid4()),
        "posthog-request-timestamp": datetime.now(UTC).isoformat(),
    }
    given = {**headers, **{name.replace("_", "-"): value for name, value in changes.items()}}
    return {name: value for name, value in given.items() if value is not None}


def post(project: ProjectClient, content: bytes, **changes: str | None) -> httpx.Response:
    # Made by hand, for the client would fill in the headers that are missing on purpose.
    request = httpx.Request(
        "POST", f"{project.http.base_url}{URL}", content=content, headers=head(project.token, **changes)
    )
    return project.http.send(request)


def results(project: ProjectClient, *events: dict[str, Any], **changes: str | None) -> list[dict[str, str]]:
    """The answers for ``events``, in their order."""
    response = post(project, batch(*events), **changes)
    assert response.status_code == 200, response.text
    found: dict[str, dict[str, str]] = response.json()["results"]
    assert list(found) == [event["uuid"] for event in events]
    return list(found.values())


def refusal(response: httpx.Response) -> tuple[int, str]:
    body = response.json()
    assert set(body) == {"error", "error_description", "error_uri"}
    assert all(isinstance(text, str) and text for text in body.values())
    assert ("Retry-After" in response.headers) == (response.status_code >= 500)
    return response.status_code, body["error"]


def stored(project: ProjectClient, columns: str = "event, distinct_id") -> list[tuple[Any, ...]]:
    settle()
    rows = client.query(
        f"SELECT {columns} FROM events WHERE project_id = {{project_id:Int64}} ORDER BY event, distinct_id",
        project_id=project.id,
    )
    return [tuple(row) for row in rows]


def stored_properties(project: ProjectClient) -> dict[str, Any]:
    ((properties,),) = stored(project, "toJSONString(properties)")
    found: dict[str, Any] = json.loads(properties)
    return found


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_batch_is_stored_and_answered_event_by_event(project: ProjectClient, slash: str) -> None:
    events = [v1_event("a", "u", properties={"$set": {"plan": "team"}}), v1_event("b", "v")]
    headers = head(project.token)

    response = project.http.post(URL + slash, content=batch(*events), headers=headers)

    assert (response.status_code, response.json()) == (
        200,
        {"results": {events[0]["uuid"]: OK, events[1]["uuid"]: OK}},
    )
    assert response.headers["PostHog-Request-Id"] == headers["posthog-request-id"]
    assert "Retry-After" not in response.headers
    person = project.person("u")
    assert person is not None
    assert person["properties"] == {"plan": "team", "$creator_event_uuid": events[0]["uuid"]}
    assert stored(project) == [("a", "u"), ("b", "v")]


REFUSED_HEADERS: list[tuple[dict[str, str | None], int, str]] = [
    ({"authorization": None}, 401, "missing_authorization"),
    ({"authorization": "Basic abc"}, 401, "missing_authorization"),
    ({"authorization": "Bearer"}, 401, "missing_authorization"),
    ({"authorization": "Bearer phc_unknown"}, 401, "invalid_api_token"),
    ({"authorization": "Bearer phx_a_personal_key"}, 401, "invalid_api_token"),
    ({"authorization": f"Bearer {'x' * 65}"}, 401, "invalid_api_token"),
    ({"content_type": None}, 400, "missing_required_headers"),
    ({"user_agent": None}, 400, "missing_required_headers"),
    ({"posthog_sdk_info": None}, 400, "missing_required_headers"),
    ({"posthog_attempt": None}, 400, "missing_required_headers"),
    ({"posthog_request_id": None}, 400, "missing_required_headers"),
    ({"posthog_request_timestamp": None}, 400, "missing_required_headers"),
    ({"posthog_sdk_info": "posthog-test"}, 400, "invalid_header_value"),
    ({"posthog_attempt": "0"}, 400, "invalid_header_value"),
    ({"posthog_attempt": "one"}, 400, "invalid_header_value"),
    ({"posthog_request_id": "nope"}, 400, "invalid_header_value"),
    ({"posthog_request_timestamp": "yesterday"}, 400, "invalid_header_value"),
    ({"posthog_request_timestamp": "2026-01-01T00:00:00"}, 400, "invalid_header_value"),
    ({"content_type": "text/plain"}, 415, "unsupported_content_type"),
    ({"content_encoding": "lz64"}, 415, "unsupported_encoding"),
    ({"content_encoding": "gzip, br"}, 415, "unsupported_encoding"),
]


@pytest.mark.parametrize(("changes", "status", "tag"), REFUSED_HEADERS)
def test_headers_that_are_missing_or_wrong_refuse_the_request(
    project: ProjectClient, changes: dict[str, str | None], status: int, tag: str
) -> None:
    response = post(project, batch(v1_event()), **changes)

    assert refusal(response) == (status, tag)
    assert project.person("u") is None


@pytest.mark.parametrize(
    "changes",
    [
        {"authorization": "bEARER  {token}"},
        {"content_type": "Application/JSON; charset=utf-8"},
        {"content_encoding": "identity"},
        {"posthog_attempt": "12"},
        {"posthog_request_timestamp": "2026-01-01t00:00:00.123456789z"},
    ],
)
def test_headers_may_be_written_otherwise(project: ProjectClient, changes: dict[str, str]) -> None:
    changes = {name: value.format(token=project.token) for name, value in changes.items()}

    assert results(project, v1_event(), **changes) == [OK]


@pytest.mark.parametrize("name", head(""))
def test_bytes_in_headers_that_are_no_text_are_no_500(project: ProjectClient, name: str) -> None:
    odd = {**{key: value.encode() for key, value in head(project.token).items()}, name: b"x/\xff\x80"}
    headers = {key.encode(): value for key, value in odd.items()}

    response = project.http.post(URL, content=batch(v1_event()), headers=httpx.Headers(headers))

    assert response.status_code in (200, 400, 401, 415)


def test_the_request_id_comes_back_also_with_a_refusal(project: ProjectClient) -> None:
    response = post(project, b"{", posthog_request_id="8a9f2f0e-7c43-4a3e-9d0b-0f6f1f1d2c3b")

    assert response.status_code == 400
    assert response.headers["PostHog-Request-Id"] == "8a9f2f0e-7c43-4a3e-9d0b-0f6f1f1d2c3b"


COMPRESSED = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstd.compress,
}
#: Their best takes seconds for what is large.
QUICKLY = {
    "gzip": partial(gzip.compress, compresslevel=1),
    "deflate": partial(zlib.compress, level=1),
    "br": partial(brotli.compress, quality=1),
}


@pytest.mark.parametrize("encoding", COMPRESSED)
def test_every_encoding_is_read(project: ProjectClient, encoding: str) -> None:
    events = [v1_event("a", f"u{n}", properties={"filler": "ü" * n * 1000}) for n in range(50)]
    body = COMPRESSED[encoding](batch(*events))

    response = post(project, body, content_encoding=encoding.upper())

    assert response.status_code == 200
    assert [found["result"] for found in response.json()["results"].values()] == ["ok"] * 50
    assert project.person("u49") is not None


@pytest.mark.parametrize("encoding", COMPRESSED)
def test_what_is_cut_off_or_not_in_its_encoding_is_400(project: ProjectClient, encoding: str) -> None:
    body = batch(v1_event())
    cut_off = COMPRESSED[encoding](body)[:-5]

    for content in (body, cut_off):
        response = post(project, content, content_encoding=encoding)
        assert refusal(response) == (400, "request_decoding_error")
    empty = post(project, COMPRESSED[encoding](b""), content_encoding=encoding)
    assert refusal(empty) == (400, "empty_body")


@pytest.mark.parametrize("encoding", COMPRESSED)
def test_a_bomb_is_413(project: ProjectClient, encoding: str) -> None:
    bomb = QUICKLY.get(encoding, COMPRESSED[encoding])(b"[" + b" " * (51 * MIB) + b"]")

    response = post(project, bomb, content_encoding=encoding)

    assert refusal(response) == (413, "payload_too_large")


def test_a_zstd_frame_with_a_window_above_the_limit_is_413(project: ProjectClient) -> None:
    bomb = zstd.compress(b" " * (101 * MIB), options={zstd.CompressionParameter.window_log: 27})

    assert refusal(post(project, bomb, content_encoding="zstd")) == (413, "payload_too_large")


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_a_body_may_have_several_parts_but_not_thousands(project: ProjectClient, encoding: str) -> None:
    sent, compress = v1_event(), COMPRESSED[encoding]
    body = batch(sent)
    two = compress(body[:20]) + compress(body[20:])

    response = post(project, two, content_encoding=encoding)

    assert response.json() == {"results": {sent["uuid"]: OK}}
    many = post(project, compress(b"") * 1000, content_encoding=encoding)
    assert refusal(many) == (400, "request_decoding_error")


def test_a_body_over_the_limit_is_413_and_not_a_broken_connection(project: ProjectClient) -> None:
    response = post(project, batch(v1_event(properties={"x": "y" * (11 * MIB)})))

    assert refusal(response) == (413, "payload_too_large")


REFUSED_BODIES: list[tuple[bytes, str]] = [
    (b"", "empty_body"),
    (b" \n", "empty_body"),
    (b"{", "request_parsing_error"),
    (b"\xff", "request_parsing_error"),
    (b"[" * 5000 + b"]" * 5000, "request_parsing_error"),
    (b"[]", "invalid_batch"),
    (b"5", "invalid_batch"),
    (json.dumps({"created_at": NOW}).encode(), "invalid_batch"),
    (json.dumps({"created_at": NOW, "batch": {}}).encode(), "invalid_batch"),
    (batch(), "empty_batch"),
    (batch(5), "invalid_batch"),
    (batch(v1_event(), created_at=None), "invalid_batch"),
    (batch(v1_event(), created_at="yesterday"), "invalid_batch"),
    (batch(v1_event(), created_at="2026-01-01T00:00:00"), "invalid_batch"),
    (batch(v1_event(), without("uuid")), "missing_event_uuid"),
    (batch(v1_event(), v1_event(uuid=None)), "missing_event_uuid"),
    (batch(v1_event(), v1_event(uuid=" ")), "missing_event_uuid"),
    (batch(v1_event(), v1_event(uuid="nope")), "invalid_event_uuid"),
    (batch(v1_event(), v1_event(uuid=5)), "invalid_event_uuid"),
    (batch(v1_event(uuid="a" * 32), v1_event(uuid="A" * 32)), "duplicate_event_uuid"),
]


@pytest.mark.parametrize(("body", "tag"), REFUSED_BODIES, ids=range(len(REFUSED_BODIES)))
def test_a_batch_that_cannot_be_answered_by_event_is_400(
    project: ProjectClient, body: bytes, tag: str
) -> None:
    response = post(project, body)

    assert refusal(response) == (400, tag)
    assert project.person("u") is None


DROPPED: list[tuple[dict[str, Any], str]] = [
    (without("event"), "missing_event_name"),
    (v1_event(""), "missing_event_name"),
    (v1_event(" "), "missing_event_name"),
    (v1_event(5), "missing_event_name"),
    (v1_event("ü" * 101), "event_name_too_long"),
    (v1_event("$performance_event"), "unsupported_event"),
    (without("distinct_id"), "missing_distinct_id"),
    (v1_event("a", None), "missing_distinct_id"),
    (v1_event("a", " \t"), "missing_distinct_id"),
    (v1_event("a", "ü" * 101), "distinct_id_too_large"),
    (without("timestamp"), "invalid_event_timestamp"),
    (v1_event(timestamp=1767225600), "invalid_event_timestamp"),
    (v1_event(timestamp="2026-01-01T00:00:00"), "invalid_event_timestamp"),
    (v1_event(timestamp="2026-01-01"), "invalid_event_timestamp"),
    (v1_event(timestamp="2026-13-01T00:00:00Z"), "invalid_event_timestamp"),
    (v1_event(properties=[]), "malformed_event_properties"),
    (v1_event(properties="x"), "malformed_event_properties"),
    (v1_event(properties=None), "malformed_event_properties"),
    (v1_event(properties={"$cookieless_mode": "maybe"}), "malformed_event_properties"),
    (v1_event(options=[]), "invalid_options"),
    (v1_event(options={"process_person_profile": "maybe"}), "invalid_options"),
    (v1_event(options={"process_person_profile": 2}), "invalid_options"),
    (v1_event(options={"cookieless_mode": {}}), "invalid_options"),
    (v1_event(options={"disable_skew_correction": ""}), "invalid_options"),
    (v1_event(options={"product_tour_id": 5}), "invalid_options"),
]


@pytest.mark.parametrize(("bad", "details"), DROPPED)
def test_an_event_that_cannot_be_taken_is_dropped_alone(
    project: ProjectClient, bad: dict[str, Any], details: str
) -> None:
    before, after = v1_event("before", "u1"), v1_event("after", "u2")

    assert results(project, before, bad, after) == [OK, drop(details), OK]

    assert stored(project) == [("after", "u2"), ("before", "u1")]


def test_a_batch_of_nothing_but_drops_is_answered_too(project: ProjectClient) -> None:
    assert results(project, without("event"), without("distinct_id")) == [
        drop("missing_event_name"),
        drop("missing_distinct_id"),
    ]


def test_name_and_distinct_id_may_have_200_bytes(project: ProjectClient) -> None:
    assert results(project, v1_event("ü" * 100, f" {'ü' * 100} ")) == [OK]

    assert stored(project) == [("ü" * 100, "ü" * 100)]


def test_uuid_and_distinct_id_are_trimmed(project: ProjectClient) -> None:
    uuid = str(uuid4())

    response = post(project, batch(v1_event("a", " u\n", uuid=f" {uuid} ")))

    assert response.json() == {"results": {uuid: OK}}
    person = project.person("u")
    assert person is not None
    assert person["properties"]["$creator_event_uuid"] == uuid


NOBODY = [
    *"anonymous Guest distinctid distinct_id ID not_authenticated email undefined TRUE false".split(),
    *"NaN None null 0 anonymous-user backend system user 00000000-0000-0000-0000-000000000000".split(),
    "[object Object]",
]


def test_ids_of_nobody_are_stored_without_a_person(project: ProjectClient) -> None:
    events = [v1_event("a", name, properties={"$set": {"k": 1}}) for name in NOBODY]

    verdicts = results(project, v1_event("b", "somebody"), *events)

    warning = {"result": "warning", "details": "person_processing_disabled"}
    assert verdicts == [OK] + [warning] * len(NOBODY)
    rows = project.get(project.persons_url).json()["results"]
    assert [row["distinct_ids"] for row in rows] == [["somebody"]]
    assert stored(project, "distinct_id, person_id, person_mode, properties.`$set`.:String") == [
        *sorted((name, person_uuid(project.id, name), "propertyless", None) for name in NOBODY),
        ("somebody", person_uuid(project.id, "somebody"), "full", None),
    ]


@pytest.mark.parametrize("value", [False, 0, 0.0, "0", "false", "No", " off "])
def test_an_option_switches_the_person_off(project: ProjectClient, value: Any) -> None:
    assert results(project, v1_event(options={"process_person_profile": value})) == [OK]

    assert project.person("u") is None
    assert stored(project, "person_mode") == [("propertyless",)]


@pytest.mark.parametrize("value", [True, 1, "1", "true", "YES", "on", None])
def test_an_option_leaves_the_person_on(project: ProjectClient, value: Any) -> None:
    assert results(project, v1_event(options={"process_person_profile": value})) == [OK]

    assert project.person("u") is not None


def test_options_and_headers_become_properties(project: ProjectClient) -> None:
    options = {
        "process_person_profile": "yes",
        "cookieless_mode": 0,
        "disable_skew_correction": True,
        "product_tour_id": "tour",
        "unknown": {"is": "ignored"},
    }
    properties = {"x": "1", "$lib": "mine", "$process_person_profile": False}
    sent = v1_event(options=options, properties=properties, session_id="s", window_id="w")

    assert results(project, sent, posthog_sdk_info="posthog-python/7.91.1") == [OK]

    assert stored_properties(project) == {
        "x": "1",
        "$process_person_profile": "true",
        "$cookieless_mode": "false",
        "$ignore_sent_at": "true",
        "$product_tour_id": "tour",
        "$session_id": "s",
        "$window_id": "w",
        "$lib": "posthog-python",
        "$lib_version": "7.91.1",
    }


def test_set_beside_the_properties_means_nothing(project: ProjectClient) -> None:
    sent = {**v1_event(properties={"$set_once": {"inside": 1}}), "$set": {"beside": 1}}

    assert results(project, sent) == [OK]

    person = project.person("u")
    assert person is not None
    assert person["properties"] == {"inside": 1, "$creator_event_uuid": sent["uuid"]}


def created_at(project: ProjectClient) -> datetime:
    person = project.person("u")
    assert person is not None
    return datetime.fromisoformat(person["created_at"])


def test_a_wrong_clock_is_corrected_by_the_time_of_the_request(project: ProjectClient) -> None:
    now = datetime.now(UTC)
    wrong = now + timedelta(hours=10)
    sent = v1_event(timestamp=(wrong - timedelta(minutes=5)).isoformat())

    assert results(project, sent, posthog_request_timestamp=wrong.isoformat()) == [OK]

    assert abs(created_at(project) - (now - timedelta(minutes=5))) < timedelta(seconds=30)


def test_correction_can_be_switched_off(project: ProjectClient) -> None:
    wrong = datetime.now(UTC) + timedelta(hours=10)
    sent = v1_event(timestamp="2026-01-01T00:00:00Z", options={"disable_skew_correction": True})

    assert results(project, sent, posthog_request_timestamp=wrong.isoformat()) == [OK]

    assert created_at(project) == datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("timestamp", "expected"),
    [
        ("2026-01-01T00:00:00+02:00", datetime(2025, 12, 31, 22, tzinfo=UTC)),
        ("2026-01-01 00:00:00.123456789z", datetime(2026, 1, 1, microsecond=123456, tzinfo=UTC)),
        ("0001-01-01T00:00:00+02:00", datetime(1970, 1, 1, tzinfo=UTC)),
    ],
)
def test_times_of_events(project: ProjectClient, timestamp: str, expected: datetime) -> None:
    sent = v1_event(timestamp=timestamp, options={"disable_skew_correction": True})

    assert results(project, sent) == [OK]

    assert created_at(project) == expected


def test_a_nul_is_replaced(project: ProjectClient) -> None:
    assert results(project, v1_event("a", "u\0", properties={"$set": {"k\0": "a\0b"}})) == [OK]

    person = project.person("u\ufffd")
    assert person is not None
    assert person["properties"]["k\ufffd"] == "a\ufffdb"


def test_events_are_applied_in_order_and_merge(project: ProjectClient) -> None:
    anonymous = v1_event("a", "anon", properties={"$set": {"n": 1}})
    identify = v1_event(
        "$identify", "ada", properties={"$anon_distinct_id": "anon", "$set": {"n": 2}, "$set_once": {"m": 3}}
    )

    assert results(project, anonymous, identify) == [OK, OK]

    person = project.person("ada")
    assert person is not None
    assert person["distinct_ids"] == ["anon", "ada"]
    assert person["is_identified"] is True
    assert (person["properties"]["n"], person["properties"]["m"]) == (2, 3)


def test_a_batch_sent_again_changes_nothing(project: ProjectClient) -> None:
    sent = v1_event("a", "u", properties={"$set": {"k": 1}})

    assert results(project, sent) == [OK]
    first = project.person("u")
    assert results(project, sent, posthog_attempt="2") == [OK]

    assert project.person("u") == first


def answer_here(project: ProjectClient) -> tuple[HttpResponse, str]:
    """The answer of the view in this process, whose parts can be made to fail, and the id of the request."""
    body, headers = batch(v1_event()), head(project.token)
    request = RequestFactory().post(URL, content_type="application/json", headers=headers)
    request.environ["wsgi.input"] = io.BytesIO(body)
    return capture_v1.capture_v1_view(request), headers["posthog-request-id"]


def test_a_database_that_is_away_asks_for_the_request_again(
    project: ProjectClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(**_: Any) -> None:
        raise OperationalError("the connection is lost")

    monkeypatch.setattr(capture, "capture_together", away)

    response, request_id = answer_here(project)

    assert (response.status_code, response["Retry-After"]) == (503, "1")
    assert response["PostHog-Request-Id"] == request_id
    body = json.loads(response.content)
    assert (set(body), body["error"]) == ({"error", "error_description", "error_uri"}, "service_unavailable")


def test_a_defect_is_logged_and_worth_another_try(
    project: ProjectClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(**_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(capture, "capture_together", broken)

    response, _ = answer_here(project)

    assert (response.status_code, response["Retry-After"]) == (500, "1")
    assert json.loads(response.content)["error"] == "internal_error"
    assert [record.message for record in caplog.records] == ["unhandled error"]


def test_other_methods_are_405(project: ProjectClient) -> None:
    response = project.http.get(URL)

    assert refusal(response) == (405, "method_not_allowed")
    assert response.headers["Allow"] == "POST, OPTIONS"


def test_a_browser_may_send_from_any_page(project: ProjectClient) -> None:
    origin = {"Origin": "https://shop.example.org"}

    asked = project.http.options(URL, headers={**origin, "Access-Control-Request-Headers": "authorization"})
    refused = project.http.post(URL, content=b"{", headers=origin)

    assert asked.status_code == 200
    assert asked.headers["Access-Control-Allow-Headers"] == "authorization"
    for response in (asked, refused):
        assert response.headers["Access-Control-Allow-Origin"] == "https://shop.example.org"


@pytest.mark.parametrize("compression", ["none", "gzip", "deflate"])
def test_the_python_sdk_sends_without_a_complaint(
    project: ProjectClient, caplog: pytest.LogCaptureFixture, compression: str
) -> None:
    caplog.set_level(logging.WARNING)
    failures: list[Any] = []
    sdk = posthog.Posthog(
        project.token,
        host=str(project.http.base_url),
        capture_mode="v1",
        capture_compression=compression,
        on_error=lambda error, _: failures.append(error),
    )

    sdk.capture("looked", distinct_id="anon", properties={"$set": {"n": 1}, "$session_id": "s"})
    sdk.capture("$identify", distinct_id="ada", properties={"$anon_distinct_id": "anon"})
    sdk.set(distinct_id="ada", properties={"name": "Ada"})
    sdk.set_once(distinct_id="ada", properties={"name": "Eve", "first": True})
    sdk.alias(previous_id="bob", distinct_id="bob@example.org")
    sdk.group_identify("company", "acme", {"name": "Acme"}, distinct_id="ada")
    sdk.capture("unseen", distinct_id="cleo", properties={"$process_person_profile": False})
    sdk.shutdown()

    rows = project.get(project.persons_url).json()["results"]
    assert sorted(row["distinct_ids"] for row in rows) == [["anon", "ada"], ["bob", "bob@example.org"]]
    person = project.person("ada")
    assert person is not None
    kept = {name: person["properties"][name] for name in ("n", "name", "first")}
    assert kept == {"n": 1, "name": "Ada", "first": True}
    assert failures == []
    assert [record for record in caplog.records if record.name.startswith("posthog")] == []
    assert {row[0] for row in stored(project, "properties.`$lib`.:String")} == {"posthog-python"}


def post_odd(project: ProjectClient, body: Any) -> httpx.Response:
    # The standard library writes numbers of any size and halves of characters, which is the point.
    return post(project, json.dumps(body).encode())


ODD = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


@ODD
@given(
    events=st.lists(
        st.fixed_dictionaries(
            {
                "uuid": st.uuids().map(str),
                "timestamp": st.just(NOW) | st.datetimes().map(lambda t: f"{t.isoformat()}Z") | anything,
            },
            optional={
                "event": names | anything,
                "distinct_id": text | anything,
                "properties": properties | anything,
                "options": st.dictionaries(OPTIONS, anything, max_size=3) | anything,
                "session_id": anything,
            },
        ),
        min_size=1,
        max_size=4,
        unique_by=lambda event: str(event["uuid"]),
    )
)
def test_every_odd_event_gets_a_verdict(stack: Stack, events: list[dict[str, Any]]) -> None:
    with new_project(stack) as project:
        response = post_odd(project, {"created_at": NOW, "batch": events})

        assert response.status_code == 200, response.text
        assert list(response.json()["results"]) == [event["uuid"] for event in events]


@ODD
@given(body=anything | st.fixed_dictionaries({"created_at": st.just(NOW), "batch": anything}))
def test_no_odd_body_is_a_500(stack: Stack, project: ProjectClient, body: Any) -> None:
    assert refusal(post_odd(project, body))[0] == 400


@ODD
@given(content=st.binary(max_size=60), encoding=st.sampled_from(list(COMPRESSED)))
def test_no_odd_bytes_are_a_500(project: ProjectClient, content: bytes, encoding: str) -> None:
    assert refusal(post(project, content, content_encoding=encoding))[0] == 400
