"""Persons in the admin: the list, page by page, who is found, and everything about one of them."""

import re
from uuid import uuid4

import pytest

from tests.admin.staff import Admin
from tests.clients import ProjectClient, event
from tests.persons import join, listed, make_person

NEXT = re.compile(r'href="(\?after=[^"]+)"')


def test_pages_go_on_where_the_one_before_ended(admin: Admin) -> None:
    project = admin.project
    project.capture(*(event("a", f"visitor {number:03}") for number in range(60)))

    first = admin.http.get(admin.url("persons/")).text
    (following,) = NEXT.findall(first)
    project.capture(event("a", "newcomer"))
    second = admin.http.get(admin.url("persons/") + following.replace("&amp;", "&")).text

    names = re.compile(r"visitor \d{3}(?=</a>)")
    shown = names.findall(first) + names.findall(second)
    assert sorted(shown) == [f"visitor {number:03}" for number in range(60)]
    assert len(names.findall(first)) == 50
    assert not NEXT.findall(second)


@pytest.mark.parametrize("after", ["x", "2026-01-01 x", f"2026-01-01T00:00:00 {uuid4()}", "\0"], ids=range(4))
def test_what_is_no_place_in_the_list_is_told(admin: Admin, after: str) -> None:
    response = admin.http.get(admin.url("persons/"), params={"after": after})

    assert response.status_code == 400
    assert "This is no place in the list." in response.text


def test_somebody_is_found_by_uuid_distinct_id_or_e_mail_and_by_nothing_else(
    admin: Admin, other_project: ProjectClient
) -> None:
    ada = make_person(admin.project, "ada", "ada 2", name="Ada", email="ada@example.org")
    make_person(admin.project, "bob", name="Bob")
    eve = make_person(other_project, "eve", name="Eve")

    for wanted in (ada["uuid"], ada["uuid"].upper(), "ada 2", "ada@example.org", " ada "):
        found = admin.page(admin.url("persons/"), q=wanted)
        assert "ada@example.org" in found, wanted
        assert "bob" not in found
    for wanted in ("ad", "nobody", eve["uuid"], "eve", "a\0", "'; --"):
        assert "Nobody found." in admin.page(admin.url("persons/"), q=wanted), wanted
    assert "bob" in admin.page(admin.url("persons/"), q=" ").lower()


def test_the_page_of_a_person_has_all_about_it(admin: Admin) -> None:
    ada = make_person(admin.project, "ada", "ada 2", name="<b>Ada</b>", plan={"name": "team", "seats": 3})
    cohort = join(admin.project, "Friends", listed(admin.project, "ada"))
    url = f"{admin.project.persons_url}{ada['uuid']}/update_property/"
    assert admin.project.post(url, {"key": "age", "value": 36}).status_code == 202

    response = admin.http.get(admin.url(f"persons/{ada['uuid']}/"))

    assert response.status_code == 200
    assert "<b>Ada</b>" not in response.text
    shown = admin.page(admin.url(f"persons/{ada['uuid']}/"))
    for part in (ada["uuid"], "ada 2", "<b>Ada</b>", '{"name": "team", "seats": 3}', "age", "36"):
        assert part in shown
    cohort_page = admin.url(f"cohorts/{cohort.pk}/")
    assert f'href="{cohort_page}"' in response.text
    assert f"updated {admin.project.owner}" in shown
    here = admin.url(f"persons/{ada['uuid']}/")
    for page in ("split", "merge", "undo", "erase"):
        assert f'href="{here}{page}/"' in response.text


def test_a_person_of_another_project_is_not_there(admin: Admin, other_project: ProjectClient) -> None:
    eve = make_person(other_project, "eve")

    for page in ("", "split/", "merge/", "undo/", "erase/"):
        for response in (
            admin.http.get(admin.url(f"persons/{eve['uuid']}/{page}")),
            admin.send(admin.url(f"persons/{eve['uuid']}/{page}"), confirmed="1", delete_events="on"),
        ):
            assert response.status_code == 404
    assert other_project.person("eve") is not None
