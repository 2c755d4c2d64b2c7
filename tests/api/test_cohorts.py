"""``/api/projects/{id}/cohorts/``: lists, objects, creation and change."""

import json
from typing import Any

import pytest

from tests.clients import ProjectClient, bearer
from tests.cohorts.cohort_client import (
    calculated,
    did,
    dynamic,
    get,
    make,
    member_of,
    patch,
    person,
    persons,
    url,
)
from tests.persons import listed, make_listed, refusal, send

KEYS = {
    "id", "name", "description", "groups", "deleted", "filters", "query", "version", "pending_version",
    "is_calculating", "created_by", "created_at", "last_calculation", "last_backfill_person_properties_at",
    "errors_calculating", "last_error_message", "count", "is_static", "cohort_type", "experiment_set",
}  # fmt: skip
PAYING = {"properties": {"type": "AND", "values": [person("plan", "paid")]}}


def test_a_dynamic_cohort_is_calculated_after_the_answer(project: ProjectClient) -> None:
    make_listed(project, "ada", plan="paid")
    make_listed(project, "bob", plan="free")

    made = make(project, name="Paying", filters=PAYING)

    assert set(made) == KEYS
    assert (made["is_calculating"], made["count"], made["version"], made["pending_version"]) == (
        True,
        None,
        None,
        1,
    )
    assert made["created_by"]["email"] == project.owner
    cohort = calculated(project, made["id"])
    assert (cohort["count"], cohort["version"], cohort["errors_calculating"]) == (1, 1, 0)
    assert (cohort["last_error_message"], cohort["is_static"], cohort["groups"]) == (None, False, [])
    assert cohort["last_calculation"] > cohort["created_at"]
    assert persons(project, made["id"]) == ["ada"]


def test_dynamic_members_are_seen_everywhere(project: ProjectClient) -> None:
    ada, bob = make_listed(project, "ada", plan="paid"), make_listed(project, "bob", plan="free")

    cohort = dynamic(project, person("plan", "paid"), name="Paying")

    shown = project.get(f"{project.persons_url}cohorts/", person_id=ada["uuid"]).json()["results"]
    assert shown == [{"id": cohort["id"], "name": "Paying", "count": 1}]
    assert project.get(f"{project.persons_url}cohorts/", person_id=bob["uuid"]).json()["results"] == []
    narrowed = project.get(project.persons_url, cohort=cohort["id"]).json()["results"]
    assert [row["uuid"] for row in narrowed] == [ada["uuid"]]
    without = [{"type": "cohort", "key": "id", "value": cohort["id"], "operator": "not_in"}]
    narrowed = send(project, "GET", project.persons_url, properties=json.dumps(without)).json()
    assert [row["uuid"] for row in narrowed["results"]] == [bob["uuid"]]


def test_filters_are_brought_into_one_form(project: ProjectClient) -> None:
    criterion = {**did("paid"), "time_value": "30", "explicit_datetime": None, "conditionHash": "x"}

    made = make(project, filters={"properties": {"type": "or", "values": [criterion]}})

    (kept,) = made["filters"]["properties"]["values"]
    assert kept == {**did("paid"), "time_value": 30, "negation": False}
    assert made["filters"]["properties"]["type"] == "OR"


def test_a_change_calculates_again_and_a_failure_keeps_the_members(project: ProjectClient) -> None:
    make_listed(project, "ada", plan="paid")
    make_listed(project, "bob", plan="free")
    cohort = dynamic(project, person("plan", "paid"))

    impossible = {"properties": {"type": "AND", "values": [did("x", time_value=0)]}}
    response = patch(project, url(project, cohort["id"]), {"filters": impossible})
    assert (response.status_code, response.json()["is_calculating"]) == (200, True)
    failed = calculated(project, cohort["id"])

    assert (failed["errors_calculating"], failed["version"], failed["pending_version"]) == (1, 1, 2)
    assert "properties.values[0].time_value" in failed["last_error_message"]
    assert (failed["count"], persons(project, cohort["id"])) == (1, ["ada"])

    patch(
        project,
        url(project, cohort["id"]),
        {"filters": {"properties": {"type": "AND", "values": [person("plan", "free")]}}},
    )
    good = calculated(project, cohort["id"])
    assert (good["errors_calculating"], good["last_error_message"], good["version"]) == (0, None, 3)
    assert persons(project, cohort["id"]) == ["bob"]


def test_cohorts_refer_to_each_other(project: ProjectClient) -> None:
    for name, plan in (("ada", "paid"), ("bob", "paid"), ("cyd", "free")):
        make_listed(project, name, plan=plan)
    some = make(project, is_static=True, _create_static_person_ids=[listed(project, "ada")["uuid"]])
    paid = dynamic(project, person("plan", "paid"))

    both = dynamic(project, member_of(paid["id"]), member_of(some["id"], negation=True))

    assert persons(project, both["id"]) == ["bob"]
    patch(
        project,
        url(project, paid["id"]),
        {"filters": {"properties": {"type": "AND", "values": [person("plan", "free")]}}},
    )
    calculated(project, paid["id"])
    calculated(project, both["id"])
    assert persons(project, both["id"]) == ["cyd"]


def test_loops_and_unknown_cohorts_are_refused(project: ProjectClient, other_project: ProjectClient) -> None:
    def refers_to(*cohorts: int) -> dict[str, Any]:
        return {"filters": {"properties": {"type": "AND", "values": [member_of(one) for one in cohorts]}}}

    first = dynamic(project, person("a", 1))["id"]
    second = dynamic(project, member_of(first))["id"]
    third = dynamic(project, member_of(second), member_of(first))["id"]
    foreign = dynamic(other_project, person("a", 1))["id"]

    for target in (first, second, third):
        response = patch(project, url(project, first), refers_to(target))
        assert refusal(response) == (400, "validation_error", "invalid_input", None)
        assert response.json()["detail"] == "Cohorts cannot reference other cohorts in a loop."
    for unknown in (foreign, 10**9):
        response = patch(project, url(project, first), refers_to(unknown))
        assert refusal(response) == (400, "validation_error", "invalid_input", None)
        assert response.json()["detail"] == "Invalid Cohort ID in filter"
        made = make(project, **refers_to(unknown))
        assert calculated(project, made["id"])["count"] == 0


def test_deletion_is_a_change(project: ProjectClient) -> None:
    ada = make_listed(project, "ada", plan="paid")
    cohort = dynamic(project, person("plan", "paid"), name="Paying")
    path = url(project, cohort["id"])
    user = dynamic(project, member_of(cohort["id"]), name="User")

    refused = project.delete(path)
    assert refusal(refused) == (405, "invalid_request", "method_not_allowed", None)
    assert refused.json()["detail"] == 'Method "DELETE" not allowed.'
    refused = patch(project, path, {"deleted": True})
    assert refusal(refused) == (400, "validation_error", "invalid_input", None)
    assert refused.json()["detail"] == "This cohort is used as criteria in 1 other cohort(s): User."
    patch(project, url(project, user["id"]), {"deleted": True})

    gone = patch(project, path, {"deleted": True}).json()

    assert (gone["deleted"], gone["is_calculating"]) == (True, False)
    assert get(project, cohort["id"])["deleted"] is True
    assert project.get(url(project)).json()["count"] == 0
    assert project.get(f"{project.persons_url}cohorts/", person_id=ada["uuid"]).json()["results"] == []
    assert project.get(project.persons_url, cohort=cohort["id"]).status_code == 400
    restored = patch(project, path, {"deleted": False}).json()
    assert (restored["deleted"], restored["is_calculating"]) == (False, True)
    assert calculated(project, cohort["id"])["count"] == 1
    activity = project.get(url(project, cohort["id"], "activity")).json()["results"]
    assert [entry["activity"] for entry in activity] == ["restored", "deleted", "created"]


def test_test_accounts_keep_a_cohort(project: ProjectClient) -> None:
    cohort = make(project, is_static=True)
    project.project.test_account_filters = [{"type": "cohort", "key": "id", "value": cohort["id"]}]
    project.project.save()

    response = patch(project, url(project, cohort["id"]), {"deleted": True})

    assert response.status_code == 400
    assert response.json()["detail"] == (
        "This cohort is used in 'Filter out internal and test users' for 1 environment(s): test."
    )


def test_many_users_are_named_in_part(project: ProjectClient) -> None:
    cohort = dynamic(project, person("a", 1))
    for number in range(7):
        make(
            project,
            name=f"c{number}",
            filters={"properties": {"type": "OR", "values": [member_of(cohort["id"])]}},
        )

    response = patch(project, url(project, cohort["id"]), {"deleted": True})

    assert response.json()["detail"] == (
        "This cohort is used as criteria in 7 other cohort(s): c0, c1, c2, c3, c4, and 2 more."
    )
    used = project.get(url(project, cohort["id"], "used_in")).json()
    assert used["feature_flags"] == used["insights"] == {"results": [], "total": 0}
    assert (used["cohorts"]["total"], used["cohorts"]["results"][0]["name"]) == (7, "c0")


def test_the_oldest_form_of_criteria(project: ProjectClient) -> None:
    make_listed(project, "ada", email="x")
    make_listed(project, "bob", email="y")

    made = make(project, groups=[{"properties": {"email": "x"}}])

    assert made["groups"] == [{"properties": {"email": "x"}}]
    assert made["filters"] == {
        "properties": {
            "type": "OR",
            "values": [{"type": "AND", "values": [{"key": "email", "type": "person", "value": "x"}]}],
        }
    }
    calculated(project, made["id"])
    assert persons(project, made["id"]) == ["ada"]


@pytest.mark.parametrize(
    ("body", "code", "attr", "detail"),
    [
        ({"name": "x" * 401}, "max_length", "name", "no more than 400"),
        ({"description": "x" * 1001}, "max_length", "description", "no more than 1000"),
        ({"description": None}, "null", "description", "null"),
        ({"name": 5}, "invalid_input", "name", "string"),
        ({"is_static": "maybe"}, "invalid_input", "is_static", "boolean"),
        ({"filters": {}}, "invalid_input", "filters", "Must contain a 'properties' key with type and values"),
        ({"filters": []}, "invalid_input", "filters", "JSON object"),
        ({"groups": "x"}, "not_a_list", "groups", "list"),
        ({"groups": [{}]}, "invalid_input", "groups", "groups[0]"),
        ({"groups": [{"action_id": 5}]}, "invalid_input", "groups", "Actions"),
        ({"cohort_type": "odd"}, "invalid_choice", "cohort_type", "not a valid choice"),
        ({"cohort_type": "behavioral", "filters": PAYING}, "invalid_input", "cohort_type",
            "does not match the filters. Expected type: 'person_property'"),
        ({"query": {"kind": "ActorsQuery"}}, "invalid_input", None, "Cannot create a dynamic cohort with a query."),
        ({"query": {"kind": "Odd"}, "is_static": True}, "invalid_input", None,
            "Query must be an ActorsQuery or HogQLQuery. Got: Odd"),
        ({"query": {"kind": "ActorsQuery"}, "filters": PAYING, "is_static": True}, "invalid_input", None,
            "Cannot set both query and filters at the same time."),
        ({"query": {"kind": "HogQLQuery", "query": "select 1"}, "is_static": True}, "invalid_input", "query", "HogQL"),
        ({"query": {"kind": "ActorsQuery", "properties": [{"key": "a"}]}, "is_static": True}, "invalid_input", "query",
            "properties[0]"),
        ({"_create_static_person_ids": "x", "is_static": True}, "not_a_list", "_create_static_person_ids", '"str"'),
        ({"_create_static_person_ids": ["x"], "is_static": True}, "invalid_input", "_create_static_person_ids", "UUID"),
        ({"_create_static_person_ids": ["x"]}, "invalid_input", "_create_static_person_ids", "UUID"),
        ([], "invalid_input", None, "Expected a dictionary, but got list."),
    ],
)  # fmt: skip
def test_what_cannot_be_saved(
    project: ProjectClient, body: Any, code: str, attr: str | None, detail: str
) -> None:
    response = project.post(url(project), body)

    assert refusal(response) == (400, "validation_error", code, attr), response.text
    assert detail in response.json()["detail"]
    assert project.get(url(project)).json()["count"] == 0


def test_lists_are_narrowed_and_paged(project: ProjectClient, other_project: ProjectClient) -> None:
    make(other_project, name="theirs", is_static=True)
    names = ["Static one", "Properties", "Behavior", "Refers"]
    static = make(project, name=names[0], is_static=True)
    make(project, name=names[1], filters=PAYING)
    behavior = make(project, name=names[2], filters={"properties": {"type": "OR", "values": [did("x")]}})
    make(
        project, name=names[3], filters={"properties": {"type": "OR", "values": [member_of(behavior["id"])]}}
    )

    def found(**params: Any) -> list[str]:
        return [row["name"] for row in project.get(url(project), **params).json()["results"]]

    assert found() == names[::-1]
    assert found(type="static") == ["Static one"]
    assert found(type="dynamic") == names[:0:-1]
    assert found(search="STATIC") == ["Static one"]
    assert found(search="%") == []
    assert found(hide_behavioral_cohorts="true") == ["Properties", "Static one"]
    assert found(created_by_id=static["created_by"]["id"], type="static") == ["Static one"]
    assert found(created_by_id=10**15) == []
    assert found(limit="x", offset="-5") == names[::-1]
    assert set(project.get(url(project), basic="true").json()["results"][0]) == KEYS - {
        "filters",
        "query",
        "groups",
    }
    page = project.get(url(project), limit=2, offset=1, search="e").json()
    assert (page["count"], [row["name"] for row in page["results"]]) == (4, ["Behavior", "Properties"])
    assert page["next"].endswith(f"{url(project)}?limit=2&offset=3&search=e")
    assert page["previous"] is None
    assert refusal(project.get(url(project), search="x" * 201))[3] == "search"
    assert refusal(project.get(url(project), type="odd"))[3] == "type"


@pytest.mark.parametrize("cohort_id", ["0", "x", "-1", "1.5", "9" * 30, "%00"])
def test_ids_that_are_none(project: ProjectClient, cohort_id: str) -> None:
    for path in ("", "persons", "activity", "used_in", "calculation_history"):
        response = project.get(url(project, cohort_id, path).rstrip("/"))
        assert refusal(response) == (404, "invalid_request", "not_found", None), response.text
    assert patch(project, url(project, cohort_id), {"name": "x"}).status_code == 404


def test_other_projects_do_not_exist(project: ProjectClient, other_project: ProjectClient) -> None:
    theirs = make(other_project, is_static=True)["id"]
    uuid = make_listed(project, "ada")["uuid"]

    for path in ("", "persons", "activity", "used_in", "calculation_history"):
        assert project.get(url(project, theirs, path).rstrip("/")).status_code == 404
    for action, body in (
        ("add_persons_to_static_cohort", {"person_ids": [uuid]}),
        ("remove_person_from_static_cohort", {"person_id": uuid}),
    ):
        assert patch(project, url(project, theirs, action), body).status_code == 404
    assert patch(project, url(project, theirs), {"name": "mine"}).status_code == 404
    assert get(other_project, theirs)["name"] == "test"


def test_scopes(project: ProjectClient) -> None:
    cohort = make(project, is_static=True)["id"]

    def missing(method: str, path: str, *scopes: str) -> str:
        response = project.http.request(method, path, json={}, headers=bearer(project.new_key(*scopes)))
        assert response.status_code == 403, response.text
        detail: str = response.json()["detail"]
        return detail.split("'")[1]

    assert missing("GET", url(project), "person:read") == "cohort:read"
    assert missing("POST", url(project), "cohort:read") == "cohort:write"
    assert missing("PATCH", url(project, cohort), "cohort:read") == "cohort:write"
    assert missing("GET", url(project, cohort, "persons"), "person:read") == "cohort:read"
    assert missing("GET", url(project, cohort, "persons"), "cohort:read") == "person:read"
    assert (
        missing("PATCH", url(project, cohort, "add_persons_to_static_cohort"), "cohort:read")
        == "cohort:write"
    )
    assert missing("GET", url(project, cohort, "used_in"), "person:read") == "cohort:read"
    assert missing("GET", url(project, "activity"), "cohort:read") == "activity_log:read"


def test_the_other_spellings_of_the_path(project: ProjectClient) -> None:
    cohort = make(project, is_static=True)["id"]
    limited = project.new_key("cohort:read", projects=[project.id])

    answer = project.get(f"/api/environments/{project.id}/cohorts/{cohort}")
    assert (answer.json()["id"], answer.headers["Deprecation"]) == (cohort, "true")
    assert project.get(f"/api/cohort/{cohort}/", key=limited).json()["id"] == cohort
    assert project.get("/api/cohort", key=limited).json()["count"] == 1


def test_suffixes_name_the_format(project: ProjectClient) -> None:
    root = url(project).removesuffix("/")
    make_listed(project, "ada", plan="paid")
    cohort = dynamic(project, person("plan", "paid"))["id"]

    assert project.get(f"{root}.json").json() == project.get(f"{root}/").json()
    table = project.get(f"{root}/{cohort}/persons.csv")
    assert (table.status_code, table.headers["Content-Type"]) == (200, "text/csv; charset=utf-8")
    for path in (f"{root}.csv", f"{root}/{cohort}/persons.xml"):
        response = project.get(path)
        assert refusal(response) == (404, "invalid_request", "not_found", None)
        assert response.json()["detail"] == "Not found."


def test_activity_tells_what_changed(project: ProjectClient) -> None:
    cohort = make(project, name="a", is_static=True)["id"]
    patch(project, url(project, cohort), {"name": "b"})
    patch(project, url(project, cohort), {"name": "b"})
    make(project, name="other", is_static=True)

    entries = project.get(url(project, cohort, "activity")).json()

    assert entries["total_count"] == 2
    assert [entry["activity"] for entry in entries["results"]] == ["updated", "created"]
    assert entries["results"][0]["detail"] == {
        "changes": [{"type": "Cohort", "action": "changed", "field": "name", "before": "a", "after": "b"}],
        "trigger": None,
        "type": None,
        "name": "b",
        "short_id": None,
    }
    assert entries["results"][1]["detail"]["changes"] is None
    assert project.get(url(project, "activity")).json()["total_count"] == 3
    assert refusal(project.get(url(project, "activity"), limit="x"))[3] == "limit"


def test_the_history_of_calculations(project: ProjectClient) -> None:
    make_listed(project, "ada", plan="paid")
    cohort = dynamic(project, person("plan", "paid"))["id"]
    patch(
        project,
        url(project, cohort),
        {"filters": {"properties": {"type": "OR", "values": [person("a", "(", "regex")]}}},
    )
    calculated(project, cohort)

    history = project.get(url(project, cohort, "calculation_history"), limit=1).json()

    assert (history["count"], history["next"], history["previous"]) == (2, "?limit=1&offset=1", None)
    failed = history["results"][0]
    assert (failed["is_completed"], failed["is_successful"], failed["count"]) == (True, False, None)
    assert "regular expression" in failed["error"]
    assert "regular expression" in get(project, cohort)["last_error_message"]
    second = project.get(url(project, cohort, "calculation_history"), limit=1, offset=1).json()
    (done,) = second["results"]
    assert (done["is_successful"], done["count"], done["error"]) == (True, 1, None)
    assert done["filters"]["properties"]["values"][0]["key"] == "plan"
    (query,) = done["queries"]
    work = {name: query[name] for name in ("query_ms", "memory_mb", "read_rows", "written_rows")}
    assert work == {name: done[f"total_{name}"] for name in work}
    # Rows of other projects may be read along with the one.
    assert (work["read_rows"] >= 1, work["written_rows"]) == (True, 1)
    assert "{project_id:Int64}" in query["query"] == done["main_query"]
    assert (failed["queries"], failed["main_query"], failed["total_read_rows"]) == (None, None, None)
    assert (second["next"], second["previous"]) == (None, "?limit=1&offset=0")
