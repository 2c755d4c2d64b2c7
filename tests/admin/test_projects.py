"""Projects in the admin: the list, making one, settings."""

import secrets

import pytest

from core.models import ActivityEntry, Project
from tests.admin.staff import Admin, words

ADD = "/admin/core/project/add/"
TYPED = {
    "name": "Shop",
    "timezone": "Europe/Lisbon",
    "week_start_day": "1",
    "person_display_name_properties": "nick\n\n email ",
    "app_urls": "https://shop.example.org",
    "test_account_filters": '[{"key": "email", "value": "@example.org", "operator": "icontains", "type": "person"}]',
    "test_account_filters_default_checked": "yes",
}


def test_every_project_of_the_installation_is_shown(admin: Admin) -> None:
    name = f"shop {secrets.token_hex(4)}"
    Project.objects.filter(pk=admin.project.id).update(name=name)

    found = admin.page("/admin/core/project/", q=name)

    assert name in found
    assert admin.project.token in found
    sent = admin.http.get(f"/admin/core/project/{admin.project.id}/change/")
    assert sent.headers["location"] == admin.url("")
    assert "New project" in admin.page("/admin/")


def test_a_new_project_is_made_with_a_token(admin: Admin) -> None:
    name = f"new {secrets.token_hex(4)}"

    said = admin.done(ADD, name=name, organization=str(admin.project.project.organization_id))

    project = Project.objects.get(name=name)
    assert f"Project {project.pk} was made. Its token is {project.api_token}." in said
    entry = ActivityEntry.objects.for_project(project.pk).get(activity="created")
    assert entry.user is not None
    assert entry.user.email == admin.project.owner
    refused = admin.send(ADD, name=" ", organization="x")
    assert refused.status_code == 400
    assert "This field is required." in words(refused)


def test_settings_are_saved_and_noted_with_who_did_it(admin: Admin) -> None:
    assert "UTC" in admin.page(admin.url(""))

    said = admin.done(admin.url(""), **TYPED)

    assert "The settings were saved." in said
    project = Project.objects.get(pk=admin.project.id)
    assert (project.name, project.timezone, project.week_start_day) == ("Shop", "Europe/Lisbon", 1)
    assert project.person_display_name_properties == ["nick", "email"]
    assert project.app_urls == ["https://shop.example.org"]
    assert project.test_account_filters[0]["key"] == "email"
    assert project.test_account_filters_default_checked is True
    entry = ActivityEntry.objects.for_project(project.pk).get(scope="Project", activity="updated")
    assert entry.user is not None
    assert entry.user.email == admin.project.owner


@pytest.mark.parametrize(
    ("field", "typed", "complaint"),
    [
        ("name", "x" * 201, "at most 200 characters"),
        ("timezone", "Nowhere", "Select a valid choice."),
        ("test_account_filters", "[", "This is not JSON"),
        ("test_account_filters", '[{"key": "a", "operator": "unheard of", "type": "person"}]', "operator"),
        ("test_account_filters", '{"a": 1}', "list"),
        ("test_account_filters", "[" * 100_000, "This is not JSON"),
        ("app_urls", "x" * 201, "200 characters"),
    ],
    ids=["name", "zone", "JSON", "filter", "shape", "deep", "URL"],
)
def test_a_setting_that_cannot_be_is_told_beside_the_field(
    admin: Admin, field: str, typed: str, complaint: str
) -> None:
    response = admin.send(admin.url(""), **{**TYPED, field: typed})

    assert response.status_code == 400
    assert complaint in words(response)
    assert Project.objects.get(pk=admin.project.id).timezone == "UTC"


def test_a_project_is_deleted_by_who_knows_its_name(admin: Admin) -> None:
    delete = admin.url("delete/")
    assert "Delete project" in admin.page(admin.url(""))
    refused = admin.send(delete, name="another")
    assert refused.status_code == 400
    assert "This is not its name." in words(refused)
    assert admin.project.get(admin.project.persons_url).status_code == 200

    assert "is deleted" in admin.done(delete, name="test")

    assert admin.project.get(admin.project.persons_url).status_code == 404
    assert admin.http.get(admin.url("")).status_code == 404
