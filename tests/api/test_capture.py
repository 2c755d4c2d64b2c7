"""``/batch/`` and its older names."""

import base64
import gzip
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from core.clickhouse import client
from core.identity.ids import person_uuid
from tests.clients import ProjectClient, event, settle

PATHS = ("/batch", "/batch/", "/capture", "/capture/", "/e", "/e/", "/i/v0/e", "/i/v0/e/")


def events_in_clickhouse(
    project: ProjectClient, columns: str = "event, distinct_id"
) -> list[tuple[Any, ...]]:
    settle()
    rows = client.query(
        f"SELECT {columns} FROM events WHERE project_id = {{project_id:Int64}} ORDER BY timestamp, event, distinct_id",
        project_id=project.id,
    )
    return [tuple(row) for row in rows]


@pytest.mark.parametrize("path", PATHS)
def test_every_path_takes_a_batch(project: ProjectClient, path: str) -> None:
    response = project.http.post(path, json={"api_key": project.token, "batch": [event("a", "u")]})

    assert (response.status_code, response.json()) == (200, {"status": 1})
    assert events_in_clickhouse(project) == [("a", "u")]


@pytest.mark.parametrize("content_encoding", [{}, {"Content-Encoding": "gzip"}])
def test_gzip_is_known_by_its_first_bytes(project: ProjectClient, content_encoding: dict[str, str]) -> None:
    body = gzip.compress(json.dumps({"api_key": project.token, "batch": [event("a", "u")]}).encode())

    response = project.http.post(
        "/e/", content=body, headers={"Content-Type": "text/plain", **content_encoding}
    )

    assert response.status_code == 200
    assert project.person("u") is not None


def test_a_single_event_and_a_list_carry_their_token_themselves(project: ProjectClient) -> None:
    single = {**event("a", "one"), "api_key": project.token}
    several = [{**event("a", "two"), "properties": {"token": project.token}}, event("a", "three")]

    assert project.http.post("/e/", json=single).status_code == 200
    assert project.http.post("/e/", json=several).status_code == 200
    assert [project.person(name) is not None for name in ("one", "two", "three")] == [True] * 3


def test_a_body_in_chunks_is_read(project: ProjectClient) -> None:
    body = json.dumps({"api_key": project.token, "batch": [event("a", "u")]}).encode()

    response = project.http.post("/batch/", content=iter([body[:20], body[20:]]))

    assert response.status_code == 200
    assert project.person("u") is not None


def test_a_stored_event_keeps_text_forms_and_which_values_were_typed(project: ProjectClient) -> None:
    properties = {
        "s": "x",
        "n": 1.5,
        "t": True,
        "null": None,
        "a.b": [1, {"c": "ü"}],
        "": "empty",
        "date": "2026-01-01",
    }
    project.capture(event("a", "u", properties=properties, timestamp="2026-01-02T03:04:05.678901Z"))

    ((timestamp, stored, typed),) = events_in_clickhouse(
        project, "timestamp, toJSONString(properties), typed_keys"
    )

    assert timestamp == datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
    assert json.loads(stored) == {
        "s": "x", "n": "1.5", "t": "true", "null": "null", "a%2Eb": '[1,{"c":"ü"}]', "%": "empty", "date": "2026-01-01",
    }  # fmt: skip
    assert sorted(typed) == ["a%2Eb", "n", "null", "t"]


def test_the_first_event_makes_a_person(project: ProjectClient) -> None:
    first = event("a", "u", properties={"$set": {"plan": "team"}, "$set_once": {"plan": "free", "seen": 1}})
    project.capture({**first, "timestamp": "2026-03-04T05:06:07.089Z"})

    person = project.person("u")

    assert person == {
        "type": "person",
        "id": str(person_uuid(project.id, "u")),
        "uuid": str(person_uuid(project.id, "u")),
        "name": "u",
        "distinct_ids": ["u"],
        "properties": {"plan": "team", "seen": 1, "$creator_event_uuid": first["uuid"]},
        "created_at": "2026-03-04T05:06:07.089000Z",
        "last_seen_at": "2026-03-04T05:00:00Z",
        "is_identified": False,
        "matched_recordings": [],
        "value_at_data_point": None,
    }


def test_properties_beside_the_event_win_over_those_inside(project: ProjectClient) -> None:
    project.capture(
        {**event("a", "u", properties={"$set": {"k": "inside", "i": 1}}), "$set": {"k": "beside"}}
    )

    person = project.person("u")

    assert person is not None
    assert (person["properties"]["k"], person["properties"]["i"]) == ("beside", 1)


def test_identify_gives_both_ids_one_person(project: ProjectClient) -> None:
    project.capture(event("a", "anon"))
    project.capture(
        event("$identify", "user", properties={"$anon_distinct_id": "anon", "$set": {"email": "a@b.c"}})
    )

    person = project.person("user")

    assert person is not None
    assert person == project.person("anon")
    assert person["distinct_ids"] == ["anon", "user"]
    assert person["uuid"] == str(person_uuid(project.id, "anon"))
    assert person["is_identified"] is True


def test_identify_merges_an_anonymous_person_into_the_user(project: ProjectClient) -> None:
    project.capture(
        event("a", "anon", properties={"$set": {"k": "anon", "a": 1}}),
        event("b", "user", properties={"$set": {"k": "user"}}),
    )
    anonymous = project.person("anon")
    assert anonymous is not None

    project.capture(
        event("$identify", "user", properties={"$anon_distinct_id": "anon", "$set_once": {"a": 2}})
    )

    person = project.person("anon")
    assert person is not None
    assert person["uuid"] == str(person_uuid(project.id, "user"))
    assert {key: person["properties"][key] for key in ("k", "a")} == {"k": "user", "a": 1}
    assert project.get(f"{project.persons_url}{anonymous['uuid']}/").status_code == 404


def test_identify_does_not_merge_a_person_who_is_identified(project: ProjectClient) -> None:
    project.capture(event("$identify", "first", properties={"$anon_distinct_id": "anon-1"}))
    project.capture(event("$identify", "second", properties={"$anon_distinct_id": "anon-2"}))

    project.capture(event("$identify", "second", properties={"$anon_distinct_id": "first"}))

    first, second = project.person("first"), project.person("second")
    assert first is not None
    assert second is not None
    assert first["uuid"] != second["uuid"]


@pytest.mark.parametrize(
    "illegal", ["", " ", "null", "Anonymous", '"undefined"', "[object Object]", "x" * 401]
)
def test_identify_with_an_id_of_nobody_is_an_ordinary_update(project: ProjectClient, illegal: str) -> None:
    project.capture(event("$identify", "user", properties={"$anon_distinct_id": illegal, "$set": {"k": 1}}))

    person = project.person("user")

    assert person is not None
    assert (person["distinct_ids"], person["is_identified"], person["properties"]["k"]) == (
        ["user"],
        False,
        1,
    )


def test_unset_removes_what_was_there_before(project: ProjectClient) -> None:
    project.capture(event("a", "u", properties={"$set": {"old": 1, "keep": 2}}))
    project.capture(event("a", "u", properties={"$unset": ["old", "new"], "$set": {"new": 3}}))

    person = project.person("u")

    assert person is not None
    del person["properties"]["$creator_event_uuid"]
    assert person["properties"] == {"keep": 2, "new": 3}


def test_an_event_without_profile_makes_nobody_but_carries_the_later_uuid(project: ProjectClient) -> None:
    project.capture(event("a", "u", properties={"$process_person_profile": False, "$set": {"k": 1}}))

    assert project.person("u") is None
    assert events_in_clickhouse(project, "person_id, person_mode, properties.`$set`.:String") == [
        (person_uuid(project.id, "u"), "propertyless", None)
    ]


def test_events_are_applied_in_the_order_of_the_request(project: ProjectClient) -> None:
    project.capture(*(event("a", "u", properties={"$set": {"n": n}}) for n in range(20)))

    person = project.person("u")

    assert person is not None
    assert person["properties"]["n"] == 19


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"timestamp": "2026-01-01T00:00:00+02:00"}, "2025-12-31T22:00:00Z"),
        ({"timestamp": "2026-01-01T00:00:00"}, "2026-01-01T00:00:00Z"),
        ({"timestamp": "Thu, 01 Jan 2026 00:00:00 GMT"}, "2026-01-01T00:00:00Z"),
        ({"timestamp": "1767225600"}, "2026-01-01T00:00:00Z"),
        ({"timestamp": "1000-01-01T00:00:00Z"}, "1000-01-01T00:00:00Z"),
    ],
)
def test_the_time_of_the_event_is_the_time_of_the_person(
    project: ProjectClient, fields: dict[str, Any], expected: str
) -> None:
    project.capture(event("a", "u", **fields))

    person = project.person("u")

    assert person is not None
    assert person["created_at"] == expected


def test_a_wrong_clock_is_corrected_by_sent_at(project: ProjectClient) -> None:
    now = datetime.now(UTC)
    wrong = now + timedelta(hours=10)
    project.capture(
        event("a", "u", timestamp=(wrong - timedelta(minutes=5)).isoformat()), sent_at=wrong.isoformat()
    )

    person = project.person("u")

    assert person is not None
    created = datetime.fromisoformat(person["created_at"])
    assert abs(created - (now - timedelta(minutes=5))) < timedelta(seconds=30)


def test_many_old_months_in_one_batch_all_arrive(project: ProjectClient) -> None:
    events = [
        event("a", "u", timestamp=f"{year}-{month:02}-15T00:00:00Z")
        for year in range(2005, 2020)
        for month in range(1, 13)
    ]
    project.capture(*events)

    assert len(events_in_clickhouse(project)) == len(events)


REFUSED: list[tuple[Any, int, str | None]] = [
    ({"batch": []}, 400, None),
    ({"batch": "x"}, 400, "batch"),
    ({"batch": [1]}, 400, "batch__0"),
    ({"batch": [{"distinct_id": "u"}]}, 400, "batch__0__event"),
    ({"batch": [{"event": 5, "distinct_id": "u"}]}, 400, "batch__0__event"),
    ({"batch": [{"event": "a"}]}, 400, "batch__0__distinct_id"),
    ({"batch": [{"event": "a", "distinct_id": " "}]}, 400, "batch__0__distinct_id"),
    ({"batch": [{"event": "a", "distinct_id": "u", "uuid": "nope"}]}, 400, "batch__0__uuid"),
    ({"batch": [{"event": "a", "distinct_id": "u", "uuid": 5}]}, 400, "batch__0__uuid"),
    ({"batch": [{"event": "a", "distinct_id": "u", "properties": []}]}, 400, "batch__0__properties"),
    (
        {"batch": [{"event": "a", "distinct_id": "u", "properties": {"$cookieless_mode": 1}}]},
        400,
        "batch__0__properties",
    ),
    ({"batch": [{"event": "$performance_event", "distinct_id": "u"}]}, 400, None),
]


@pytest.mark.parametrize(("body", "status", "attr"), REFUSED)
def test_what_cannot_be_taken_is_refused_by_name(
    project: ProjectClient, body: Any, status: int, attr: str | None
) -> None:
    response = project.http.post("/batch/", json={"api_key": project.token, **body})

    assert (response.status_code, response.json()["attr"]) == (status, attr)
    assert set(response.json()) == {"type", "code", "detail", "attr"}


def test_one_bad_event_refuses_the_whole_request(project: ProjectClient) -> None:
    response = project.http.post(
        "/batch/", json={"api_key": project.token, "batch": [event("a", "u"), {"event": "b"}]}
    )

    assert response.status_code == 400
    assert project.person("u") is None
    assert events_in_clickhouse(project) == []


@pytest.mark.parametrize("token", [None, "", "phc_unknown", "x" * 65, "phx_a_personal_key", "ümlaut", " "])
def test_a_token_of_no_project_is_401(project: ProjectClient, token: str | None) -> None:
    response = project.http.post("/batch/", json={"api_key": token, "batch": [event("a", "u")]})

    assert (response.status_code, response.json()["type"]) == (401, "authentication_error")


def test_a_batch_needs_a_token_of_its_own(project: ProjectClient) -> None:
    batch = {"batch": [{**event("a", "u"), "token": project.token}]}

    response = project.http.post("/e/", json=batch)

    assert response.status_code == 401
    assert response.json()["detail"].startswith("The batch holds no project token")


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_events_are_posted(project: ProjectClient, method: str) -> None:
    body = {**event("a", "u"), "api_key": project.token}

    response = project.http.request(method, "/e/", json=body)

    assert response.status_code == 405
    assert response.json()["code"] == "method_not_allowed"


def test_tokens_that_disagree_are_401(project: ProjectClient, other_project: ProjectClient) -> None:
    events = [{**event("a", "u"), "token": project.token}, {**event("a", "u"), "token": other_project.token}]

    assert project.http.post("/e/", json=events).status_code == 401


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[1,",
        b'{"a": NaN}',
        b"\x1f\x8bbroken",
        gzip.compress(b"{}", mtime=0)[:10],
        b"5",
        b'"x"',
        b"[" * 5000 + b"]" * 5000,
    ],
)
def test_what_is_no_json_is_400(project: ProjectClient, body: bytes) -> None:
    response = project.http.post("/batch/", content=body)

    assert response.status_code == 400
    assert set(response.json()) == {"type", "code", "detail", "attr"}


def test_a_body_over_the_limit_is_413_and_not_a_broken_connection(project: ProjectClient) -> None:
    body = json.dumps(
        {"api_key": project.token, "batch": [event("a", "u", properties={"x": "y" * (21 * 1024 * 1024)})]}
    )

    response = project.http.post("/batch/", content=body)

    assert (response.status_code, response.json()["code"]) == (413, "payload_too_large")


def test_a_gzip_bomb_is_413(project: ProjectClient) -> None:
    bomb = gzip.compress(b"[" + b" " * (110 * 1024 * 1024) + b"]", compresslevel=1)

    assert project.http.post("/batch/", content=bomb).status_code == 413


def test_half_an_emoji_and_a_nul_are_replaced(project: ProjectClient) -> None:
    raw = (
        '{"api_key": "%s", "event": "a", "distinct_id": "u\\u0000",'
        ' "properties": {"$set": {"cut": "x\\ud83d", "nul\\u0000": "a\\u0000b"}}}'
    )

    assert project.http.post("/e/", content=(raw % project.token).encode()).status_code == 200

    person = project.person("u\ufffd")
    assert person is not None
    assert person["properties"]["cut"] == "x\ufffd"
    assert person["properties"]["nul\ufffd"] == "a\ufffdb"


def test_a_distinct_id_is_cut_to_200_characters_and_may_be_any_json(project: ProjectClient) -> None:
    project.capture(event("a", "ü" * 201), {**event("a", ""), "distinct_id": 12.5})

    assert project.person("ü" * 200) is not None
    assert project.person("12.5") is not None


def test_a_browser_may_send_from_any_page(project: ProjectClient) -> None:
    headers = {"Origin": "https://shop.example.org", "Access-Control-Request-Headers": "content-type"}

    response = project.http.options("/e/", headers=headers)

    assert response.status_code == 200
    assert response.headers["Access-Control-Allow-Origin"] == "https://shop.example.org"
    assert response.headers["Access-Control-Allow-Headers"] == "content-type"
    refused = project.http.post("/e/", content=b"{", headers=headers)
    assert (refused.status_code, refused.headers["Access-Control-Allow-Origin"]) == (
        400,
        "https://shop.example.org",
    )


def test_ten_requests_at_once_make_one_person(project: ProjectClient) -> None:
    def send(n: int) -> int:
        body = {"api_key": project.token, "batch": [event("a", "same", properties={"$set": {f"k{n}": n}})]}
        return project.http.post("/batch/", json=body).status_code

    with ThreadPoolExecutor(10) as pool:
        assert list(pool.map(send, range(10))) == [200] * 10

    person = project.person("same")
    assert person is not None
    assert {f"k{n}" for n in range(10)} <= person["properties"].keys()


def test_an_event_is_in_clickhouse_within_a_second(project: ProjectClient) -> None:
    deadline = datetime.now(UTC) + timedelta(seconds=1)
    project.capture(event("a", str(uuid4())))

    while True:
        ((count,),) = client.query(
            "SELECT count() FROM events WHERE project_id = {project_id:Int64}", project_id=project.id
        )
        if count:
            break
        assert datetime.now(UTC) < deadline, "the event did not arrive in time"


def base64_of(project: ProjectClient, distinct_id: str) -> str:
    single = {**event("a", distinct_id), "api_key": project.token}
    return base64.b64encode(json.dumps(single).encode()).decode()


@pytest.mark.parametrize("path", ["/e/", "/capture", "/track/", "/engage"])
def test_old_paths_unwrap_base64(project: ProjectClient, path: str) -> None:
    response = project.http.post(path, content=base64_of(project, "u").encode())

    assert response.status_code == 200
    assert project.person("u") is not None


@pytest.mark.parametrize("path", ["/batch/", "/i/v0/e/"])
def test_new_paths_refuse_base64(project: ProjectClient, path: str) -> None:
    assert project.http.post(path, content=base64_of(project, "u").encode()).status_code == 400


def test_a_form_carries_base64_in_data(project: ProjectClient) -> None:
    response = project.http.post("/e/?compression=base64", data={"data": base64_of(project, "ü/+ 😀")})

    assert response.status_code == 200
    assert project.person("ü/+ 😀") is not None


def test_a_get_carries_base64_in_data(project: ProjectClient) -> None:
    response = project.http.get("/e/", params={"data": base64_of(project, "u")})

    assert (response.status_code, response.json()) == (200, {"status": 1})
    assert project.person("u") is not None
    assert project.http.get("/e/").status_code == 400


def test_the_time_in_the_url_corrects_the_clock(project: ProjectClient) -> None:
    wrong = datetime.now(UTC) + timedelta(hours=10)
    single = {**event("a", "u", timestamp=wrong.isoformat()), "api_key": project.token}

    assert project.http.post(f"/e/?ip=1&_={int(wrong.timestamp() * 1000)}", json=single).status_code == 200

    person = project.person("u")
    assert person is not None
    assert abs(datetime.fromisoformat(person["created_at"]) - datetime.now(UTC)) < timedelta(seconds=30)


def test_a_beacon_is_answered_with_nothing(project: ProjectClient) -> None:
    response = project.http.post("/e/?beacon=1", json={**event("a", "u"), "api_key": project.token})

    assert (response.status_code, response.content) == (204, b"")


def test_engage_without_a_name_is_an_identify(project: ProjectClient) -> None:
    body = {"token": project.token, "distinct_id": "user", "properties": {"$anon_distinct_id": "anon"}}

    assert project.http.post("/engage/", json=body).status_code == 200

    person = project.person("anon")
    assert person is not None
    assert person["is_identified"] is True
