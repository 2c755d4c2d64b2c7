"""``GET /api/projects/{project_id}/persons/{id}/``"""

import pytest

from core.identity.ids import person_uuid
from tests.clients import ProjectClient, event


def test_uuid_and_pk_give_the_same_full_person(project: ProjectClient) -> None:
    project.capture(
        event("x", "0190aa11-22bb-7cc3-8dd4-ee55ff667788", timestamp="2026-03-04T05:06:07Z"),
        event(
            "$identify",
            "ines@example.org",
            timestamp="2026-03-04T06:06:07Z",
            properties={
                "$anon_distinct_id": "0190aa11-22bb-7cc3-8dd4-ee55ff667788",
                "$set": {"plan": "team"},
            },
        ),
    )
    uuid = person_uuid(project.id, "0190aa11-22bb-7cc3-8dd4-ee55ff667788")

    by_uuid = project.get(f"{project.persons_url}{uuid}/").json()
    by_pk = project.get(f"{project.persons_url}{by_uuid['id']}").json()

    assert by_uuid == by_pk
    assert isinstance(by_uuid.pop("id"), int)
    del by_uuid["properties"]["$creator_event_uuid"]
    assert by_uuid == {
        "uuid": str(uuid),
        "name": "ines@example.org",
        "distinct_ids": ["ines@example.org", "0190aa11-22bb-7cc3-8dd4-ee55ff667788"],
        "properties": {"plan": "team"},
        "created_at": "2026-03-04T05:06:07Z",
        "last_seen_at": "2026-03-04T06:00:00Z",
    }


@pytest.mark.parametrize("spell", [str.upper, lambda text: f"{{{text}}}", lambda text: text.replace("-", "")])
def test_a_uuid_may_be_spelled_in_any_way(project: ProjectClient, spell: object) -> None:
    project.capture(event("x", "u"))
    assert callable(spell)

    assert project.get(f"{project.persons_url}{spell(str(person_uuid(project.id, 'u')))}/").status_code == 200


def test_all_distinct_ids_are_there(project: ProjectClient) -> None:
    project.capture(
        *(event("$identify", "m", properties={"$anon_distinct_id": f"a{n}"}) for n in range(1500))
    )

    person = project.get(f"{project.persons_url}{person_uuid(project.id, 'm')}/").json()

    assert len(person["distinct_ids"]) == 1501


@pytest.mark.parametrize(
    "person_id", ["8c5c2b1e-52f5-4b0f-9a51-d1a5e8a1c5a2", "999999999999", "-1", "9" * 40, "9" * 5000, "0"]
)
def test_an_unknown_person_is_404(project: ProjectClient, person_id: str) -> None:
    response = project.get(f"{project.persons_url}{person_id}/")

    assert response.status_code == 404
    assert response.json() == {
        "type": "invalid_request",
        "code": "not_found",
        "detail": "Not found.",
        "attr": None,
    }


@pytest.mark.parametrize("person_id", ["x", "ines@example.org", "1.5", "%F0%9F%98%80", "1_0", "%20"])
def test_what_is_no_id_is_400_and_points_to_the_list(project: ProjectClient, person_id: str) -> None:
    response = project.get(f"{project.persons_url}{person_id}/")

    assert (response.status_code, response.json()["code"]) == (400, "invalid_input")
    assert "?distinct_id=" in response.json()["detail"]


def test_a_numeric_distinct_id_is_not_a_pk(project: ProjectClient) -> None:
    project.capture(event("x", "123456789012"))

    assert project.get(f"{project.persons_url}123456789012/").status_code == 404


def test_a_person_of_another_project_does_not_exist(
    project: ProjectClient, other_project: ProjectClient
) -> None:
    other_project.capture(event("x", "u"))
    person = other_project.person("u")
    assert person is not None
    pk = other_project.get(f"{other_project.persons_url}{person['uuid']}/").json()["id"]

    assert project.get(f"{project.persons_url}{person['uuid']}/").status_code == 404
    assert project.get(f"{project.persons_url}{pk}/").status_code == 404
