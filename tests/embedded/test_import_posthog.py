"""``persons-api import-posthog``: what comes of persons, events and cohorts of another server, and the comparison."""

from typing import Any

import pytest

from core.clickhouse import client
from core.models import Cohort, Person, PersonDistinctId
from core.posthog import client as posthog_client
from core.posthog import pages
from tests.clients import ProjectClient, event
from tests.embedded.posthog_copy import copied, numbers, reasons, refused, run
from tests.fake_posthog import PROJECT, Posthog, error, uuid_there
from tests.persons import listed, make_listed, owners_of_events, stores_agree

#: What an event says about its person.
SET_FREE: dict[str, Any] = {"$set": {"plan": "free"}}
_EVENTS = """
SELECT event, distinct_id, toString(uuid), properties::String FROM events FINAL
WHERE project_id = {project_id:Int64} ORDER BY timestamp, uuid
"""


def events(project: ProjectClient) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in client.query(_EVENTS, project_id=project.id)]


def persons(project: ProjectClient) -> dict[str, tuple[Any, ...]]:
    """Ids, properties, identification and version of all persons by uuid."""
    ids: dict[int, list[str]] = {}
    for one in PersonDistinctId.objects.for_project(project.id).order_by("id"):
        ids.setdefault(one.person_id, []).append(one.distinct_id)
    return {
        str(one.uuid): (ids.get(one.pk, []), one.properties, one.is_identified, one.version)
        for one in Person.objects.for_project(project.id)
    }


def test_persons_keep_uuid_ids_properties_and_times(project: ProjectClient, posthog: Posthog) -> None:
    ada = posthog.person("ada", "ada's phone", email="ada@example.org", tags=["x"], n=1.5, none=None)
    bob = posthog.person("ünï-😀", at=7)

    assert copied(project, posthog) == {
        "persons": (2, 2),
        "distinct ids": (3, 3),
        "events": (0, 0),
        "cohorts": (0, 0),
    }

    properties = {"email": "ada@example.org", "tags": ["x"], "n": 1.5, "none": None}
    assert persons(project) == {
        ada: (["ada", "ada's phone"], properties, True, 0),
        bob: (["ünï-😀"], {}, False, 0),
    }
    row = listed(project, "ada's phone")
    assert (row["uuid"], row["created_at"], row["properties"]) == (ada, "2026-03-01T10:00:00Z", properties)
    assert stores_agree(project)


def test_events_keep_uuids_and_belong_to_the_persons(project: ProjectClient, posthog: Posthog) -> None:
    ada = posthog.person("ada", "ada's phone", plan="paid")
    first = posthog.event("a", "ada's phone", at=1, n=1, **SET_FREE)
    second = posthog.event("b", "nobody", at=2, s="x")

    assert copied(project, posthog)["events"] == (2, 2)

    assert events(project) == [
        ("a", "ada's phone", first, '{"$set":"{\\"plan\\":\\"free\\"}","n":"1"}'),
        ("b", "nobody", second, '{"s":"x"}'),
    ]
    assert owners_of_events(project)["ada's phone"] == ada
    # The person came as it has become; what its events once said is the past.
    assert (len(persons(project)), listed(project, "ada")["properties"]) == (1, {"plan": "paid"})
    at = project.get(
        f"{project.persons_url}properties_at_time/", distinct_id="ada", timestamp="2026-03-02"
    ).json()
    assert at["properties"] == {"plan": "free"}


def test_events_alone_make_their_persons(project: ProjectClient, posthog: Posthog) -> None:
    posthog.person("ada")
    posthog.event("a", "ada", **SET_FREE)

    assert copied(project, posthog, "--only", "events") == {"events": (1, 1)}

    assert listed(project, "ada")["properties"]["plan"] == "free"


def test_events_captured_here_before_belong_to_the_person_that_comes(
    project: ProjectClient, posthog: Posthog
) -> None:
    project.capture(event("early", "ada", properties={"$process_person_profile": False}))
    ada = posthog.person("ada")

    copied(project, posthog)
    project.capture(event("late", "ada"))

    assert owners_of_events(project) == {"ada": ada}


def test_many_persons_and_events_come_in_pages(
    project: ProjectClient, posthog: Posthog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Five of each four share an instant, across the ends of pages."""
    posthog.most = 20
    for n in range(100):
        posthog.person(f"p{n}", at=n // 5)
        posthog.event("a", f"p{n}", at=n // 5, n=n)

    found = copied(project, posthog)

    assert (found["persons"], found["distinct ids"], found["events"]) == ((100, 100),) * 3
    assert {row[2] for row in events(project)} == {one["id"] for one in posthog.events}
    assert stores_agree(project)


def test_an_instant_with_more_events_than_a_page(
    project: ProjectClient, posthog: Posthog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "ROWS", 10)
    for n in range(35):
        posthog.event("a", "ada", at=1 if n < 30 else n)

    assert copied(project, posthog)["events"] == (35, 35)


def test_an_instant_with_more_events_than_any_page_is_refused(
    project: ProjectClient, posthog: Posthog
) -> None:
    posthog.most = 5
    for _ in range(10):
        posthog.event("a", "ada", at=1)

    assert "has more than 50000 events at 2026-03-01T10:01:00" in refused(project, posthog)


def test_events_can_be_cut_out_by_time(project: ProjectClient, posthog: Posthog) -> None:
    for hour in range(5):
        posthog.event("a", "ada", at=60 * hour, n=hour)

    span = ("--since", "2026-03-01T11:00:00", "--until", "2026-03-01T15:00:00+01:00")

    assert copied(project, posthog, *span)["events"] == (3, 3)


def test_run_twice_adds_nothing(project: ProjectClient, posthog: Posthog) -> None:
    ada = posthog.person("ada", "ada's phone", plan="free")
    posthog.person("bob")
    posthog.event("a", "ada")
    posthog.cohort("Some", ada)
    posthog.cohort("Free", filters=PLAN_IS_FREE, count=1)
    first = copied(project, posthog)
    before = (persons(project), events(project), Cohort.objects.for_project(project.id).count())

    again = copied(project, posthog)

    assert (persons(project), events(project), Cohort.objects.for_project(project.id).count()) == before
    # Events are those since a day before the end of the first run.
    assert again == {**first, "events": (0, 0)}
    assert stores_agree(project)


def test_a_second_run_brings_what_is_new(project: ProjectClient, posthog: Posthog) -> None:
    ada = posthog.person("ada", plan="free", old=1)
    cohort = posthog.cohort("Some", ada)
    copied(project, posthog)
    posthog.persons[0]["properties"] = {"plan": "paid"}
    posthog.persons[0]["distinct_ids"].append("ada's phone")
    bob = posthog.person("bob", at=1)
    posthog.members[cohort].append(bob)

    found = copied(project, posthog)

    assert (found["persons"], found["distinct ids"], found["members of Some"]) == ((2, 2), (3, 3), (2, 2))
    assert persons(project)[ada] == (["ada", "ada's phone"], {"plan": "paid"}, False, 1)
    assert stores_agree(project)


def test_what_was_changed_here_stays(project: ProjectClient, posthog: Posthog) -> None:
    ada = posthog.person("ada", plan="free", city="Rome")
    copied(project, posthog)
    project.post(f"{project.persons_url}{ada}/update_property/", {"key": "plan", "value": "here"})
    posthog.persons[0]["properties"] = {"plan": "there", "city": "Rome", "new": 1}

    for _ in range(2):
        copied(project, posthog)

        assert listed(project, "ada")["properties"] == {"plan": "here", "city": "Rome", "new": 1}


def test_a_distinct_id_of_somebody_here_stays_where_it_is(project: ProjectClient, posthog: Posthog) -> None:
    here = make_listed(project, "ada", plan="here")
    ada = posthog.person("ada", "ada's phone", plan="there")
    bob = posthog.person("ada", at=1)  # all its ids are somebody else's
    posthog.persons[0] |= {"uuid": uuid_there("bob"), "id": uuid_there("bob")}

    result = run(project, posthog, "--json")

    assert result.exit_code == 1
    assert numbers(result) == {
        "persons": (2, 1),
        "distinct ids": (3, 1),
        "events": (0, 0),
        "cohorts": (0, 0),
    }
    assert bob == ada
    assert reasons(result) == [
        f"2 share a distinct id with another person here, who keeps it: {uuid_there('bob')}, {ada}"
    ]
    assert persons(project)[ada][:2] == (["ada's phone"], {"plan": "there"})
    assert listed(project, "ada")["uuid"] == here["uuid"]
    assert listed(project, "ada")["properties"]["plan"] == "here"
    assert stores_agree(project)


def test_who_was_deleted_here_does_not_come_back(project: ProjectClient, posthog: Posthog) -> None:
    ada = posthog.person("ada")
    posthog.event("a", "ada")
    make_listed(project, "bob")
    copied(project, posthog)
    for uuid in (ada, listed(project, "bob")["uuid"]):
        assert project.delete(f"{project.persons_url}{uuid}/", delete_events="true").status_code == 202
    posthog.event("b", "bob", at=1)
    posthog.event("c", "nobody", at=2)

    result = run(project, posthog, "--json", "--since", "2026-03-01")

    assert result.exit_code == 1
    assert (numbers(result)["persons"], numbers(result)["events"]) == ((1, 0), (3, 1))
    assert reasons(result) == [
        f"1 were deleted or merged away here and stay so: {ada}",
        "2 are of distinct ids that were deleted here and do not come back",
    ]
    assert (project.person("ada"), project.person("bob")) == (None, None)


def test_all_distinct_ids_of_a_person_with_thousands(project: ProjectClient, posthog: Posthog) -> None:
    ids = [f"device-{n}" for n in range(1500)]
    posthog.person(*ids[:1000])
    posthog.persons[0]["all_ids"] = ids
    posthog.person("long", "x" * 401, at=1)

    result = run(project, posthog, "--json", "--only", "persons")

    assert numbers(result) == {"persons": (2, 2), "distinct ids": (1502, 1501)}
    assert reasons(result) == [f"1 have distinct ids that are too long: {uuid_there('long')}"]


PLAN_IS_FREE = {
    "properties": {
        "type": "AND",
        "values": [
            {"type": "person", "key": "plan", "operator": "exact", "value": ["free"], "bytecode": ["_H", 1]}
        ],
    }
}


def in_cohort(number: int) -> dict[str, Any]:
    return {"properties": {"type": "OR", "values": [{"type": "cohort", "key": "id", "value": number}]}}


def test_cohorts_come_with_criteria_and_members(project: ProjectClient, posthog: Posthog) -> None:
    ada, bob = posthog.person("ada", plan="free"), posthog.person("bob", plan="paid")
    posthog.cohort("Some", ada, bob, description="by hand")
    free = posthog.cohort("Free", filters=PLAN_IS_FREE, count=1)
    posthog.cohort("In free", filters=in_cohort(free), count=1)
    posthog.cohort("Gone", ada, deleted=True)

    found = copied(project, posthog)

    assert (found["cohorts"], found["members of Some"]) == ((3, 3), (2, 2))
    assert (found["members of Free"], found["members of In free"]) == ((1, 1), (1, 1))
    here = {one.name: one for one in Cohort.objects.for_project(project.id)}
    assert set(here) == {"Some", "Free", "In free"}
    assert (here["Some"].is_static, here["Some"].description, here["Some"].count) == (True, "by hand", 2)
    assert here["In free"].filters["properties"]["values"][0]["value"] == here["Free"].pk
    shown = project.get(f"{project.persons_url}cohorts/", person_id=ada).json()["results"]
    assert [one["name"] for one in shown] == sorted(here, key=lambda name: here[name].pk)


def test_a_cohort_with_criteria_that_are_not_supported_is_left_out(
    project: ProjectClient, posthog: Posthog
) -> None:
    actions = {"type": "behavioral", "key": 5, "event_type": "actions", "value": "performed_event"}
    odd = posthog.cohort("Odd", filters={"properties": {"type": "OR", "values": [actions]}}, count=3)
    posthog.cohort("In odd", filters=in_cohort(odd), count=3)
    posthog.cohort("Empty")

    result = run(project, posthog, "--json")

    assert (result.exit_code, numbers(result)["cohorts"]) == (1, (3, 1))
    assert (numbers(result)["members of Odd"], numbers(result)["members of Empty"]) == ((3, None), (0, 0))
    assert reasons(result) == [
        "properties.values[0].event_type: Actions are not supported; name the event.",
        f"It refers to cohort {odd}, which was not copied.",
    ]


def test_a_dynamic_cohort_that_comes_out_otherwise_is_told(project: ProjectClient, posthog: Posthog) -> None:
    posthog.person("ada", plan="free")
    posthog.cohort("Free", filters=PLAN_IS_FREE, count=40)

    result = run(project, posthog)

    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        "                 there  here",
        "persons              1     1",
        "distinct ids         1     1",
        "events               0     0",
        "cohorts              1     1",
        "members of Free     40     1  differs",
    ]
    assert "members of Free: calculated there at 2026-03-01T10:00:00+00:00, here just now" in result.stderr


def test_a_source_without_a_route_for_events(project: ProjectClient, posthog: Posthog) -> None:
    posthog.person("ada")
    posthog.has_events_route = False

    result = run(project, posthog)

    assert result.exit_code == 0, result.output
    assert "events            -     -  not given" in result.stdout
    assert "the source has no route for events" in result.stderr


def test_what_is_no_event_is_counted(project: ProjectClient, posthog: Posthog) -> None:
    posthog.event("a", "ada")
    posthog.event("", "ada", at=1)

    result = run(project, posthog, "--json")

    assert (result.exit_code, numbers(result)["events"]) == (1, (2, 1))
    assert reasons(result) == ["1 are no events that this server takes (no name, distinct id or uuid)"]


def test_our_own_server_is_a_source(project: ProjectClient, other_project: ProjectClient) -> None:
    """Another project, of other people, on the same server: it speaks the same API."""
    make_listed(other_project, "ada", "ada's phone", plan="free")
    bob = make_listed(other_project, "bob", plan="paid")
    for body in (
        {"name": "Some", "is_static": True, "_create_static_person_ids": [bob["uuid"]]},
        {"name": "Free", "filters": PLAN_IS_FREE},
    ):
        assert other_project.post(f"/api/projects/{other_project.id}/cohorts/", body).status_code == 201
    host = str(other_project.http.base_url)

    result = run(
        project, host, "--json", "--from-project", str(other_project.id), "--key", "-",
        key=None, typed=f"{other_project.key}\n",
    )  # fmt: skip

    found = numbers(result)
    assert (found["persons"], found["distinct ids"], found["cohorts"]) == ((2, 2), (3, 3), (2, 2))
    assert (found["members of Some"], found["events"]) == ((1, 1), (None, None))
    assert listed(project, "bob")["uuid"] == bob["uuid"]
    assert stores_agree(project)


def test_a_project_is_not_copied_into_itself(project: ProjectClient) -> None:
    host, number = str(project.http.base_url), str(project.id)

    told = refused(project, host, "--from-project", number, key=project.key)

    assert told == "from-project: The project would be copied into itself."


@pytest.mark.parametrize("scope", ["person:read", "cohort:read", "query:read"])
def test_a_missing_scope_is_named_before_anything_is_copied(
    project: ProjectClient, posthog: Posthog, scope: str
) -> None:
    posthog.person("ada")
    posthog.scopes = tuple(one for one in posthog.scopes if one != scope)

    told = refused(project, posthog)

    assert f"API key missing required scope '{scope}'" in told
    assert "leave out" in told
    assert persons(project) == {}


def test_a_key_that_may_not_read_the_project_needs_its_number(
    project: ProjectClient, posthog: Posthog
) -> None:
    posthog.scopes = ("person:read", "cohort:read", "query:read")
    posthog.person("ada")

    told = refused(project, posthog)

    assert "missing required scope 'project:read'. Without that, name the project with --from-project" in told
    assert copied(project, posthog, "--from-project", str(PROJECT))["persons"] == (1, 1)


def test_a_wrong_key_is_told(project: ProjectClient, posthog: Posthog) -> None:
    told = refused(project, posthog, key="phx_wrong")

    assert told == (
        f"key: {posthog.url} does not know the key: "
        "Personal API key found in request Authorization header is invalid."
    )


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--from-project", "78"), "from-project: {url} has no project 78."),
        (("--only", "persons,flags"), "--only persons,flags: expected some of persons, events, cohorts"),
        (("--since", "soon"), "--since soon: expected a DATE or DATETIME"),
        (("--since", "2026-03-02", "--until", "2026-03-01"), "--since must be before --until"),
        (("--key", "phc_x"), "key: This is a project token. A personal API key (phx_…) is needed."),
        (("--key", "-"), "key: This is no personal API key (phx_…)."),
    ],
)
def test_options_that_cannot_be_used(
    project: ProjectClient, posthog: Posthog, options: tuple[str, ...], complaint: str
) -> None:
    assert complaint.format(url=posthog.url) in refused(project, posthog, *options)


@pytest.mark.parametrize(
    ("host", "complaint"),
    [
        ("http://127.0.0.1:1", "http://127.0.0.1:1 does not answer: nobody takes the connection."),
        ("ftp://example.org", "host: Enter a URL, as https://eu.posthog.com."),
        ("https://ada:secret@example.org", "host: The URL may not hold a user name or password."),
    ],
)
def test_a_host_that_cannot_be_asked(
    project: ProjectClient, monkeypatch: pytest.MonkeyPatch, host: str, complaint: str
) -> None:
    monkeypatch.setattr(posthog_client, "FIRST_PAUSE", 0.01)

    assert refused(project, host) == complaint


def test_what_is_no_posthog_is_told(project: ProjectClient, posthog: Posthog) -> None:
    posthog.trouble[0] = 200, {"Content-Type": "text/html"}, b"<html>welcome"

    assert refused(project, posthog) == (
        f"{posthog.url} does not answer as PostHog does: this is no JSON object."
    )


def test_a_project_here_that_is_not_there_is_named(project: ProjectClient, posthog: Posthog) -> None:
    result = run(project, posthog, "--project", "999999")

    assert "There is no project 999999." in result.stderr
    assert posthog.requests == []


def test_the_project_there_is_named_wrongly(project: ProjectClient, posthog: Posthog) -> None:
    posthog.trouble[0] = error(404, "Project not found.")

    assert "Name the project with --from-project." in refused(project, posthog)
