"""Keys in the admin: the list, making, rolling and deleting one."""

import re
import secrets

import pytest

from core.models import PersonalAPIKey
from core.services.create_key import create_key
from tests.admin.staff import Admin, staff, words
from tests.clients import ProjectClient

LIST = "/admin/core/personalapikey/"
ADD = f"{LIST}add/"
_KEY = re.compile(r"phx_\w{40,}")


@pytest.fixture
def label() -> str:
    return f"key {secrets.token_hex(4)}"


def test_a_key_is_made_and_shown_once(admin: Admin, label: str) -> None:
    assert "It may" in admin.page(ADD)
    typed = {"user": admin.project.owner, "label": label, "projects": str(admin.project.id)}

    made = admin.send(ADD, **typed, scopes=["person:read", "cohort:read"])

    assert made.status_code == 200
    assert "no-store" in made.headers["Cache-Control"]
    (value,) = _KEY.findall(made.text)
    key = PersonalAPIKey.objects.get(label=label)
    assert (key.scopes, key.scoped_projects) == (["person:read", "cohort:read"], [admin.project.id])
    assert key.user.email == admin.project.owner
    assert admin.project.get(admin.project.persons_url, key=value).status_code == 200
    shown = admin.http.get(LIST, params={"q": label}).text
    assert key.mask_value in shown
    assert value not in shown
    assert key.secure_value not in shown
    assert key.secure_value.partition("$")[2] not in shown


@pytest.mark.parametrize(
    ("typed", "complaint"),
    [
        ({"label": ""}, "This field is required."),
        ({"label": "x" * 41}, "at most 40 characters"),
        ({"scopes": []}, "This field is required."),
        ({"scopes": "person:fly"}, "Select a valid choice."),
        ({"user": "nobody@example.org"}, "Select a valid choice."),
        ({"projects": "0"}, "Select a valid choice."),
    ],
    ids=["no label", "long label", "no scopes", "scope", "user", "project"],
)
def test_a_key_that_cannot_be_is_not_made(
    admin: Admin, typed: dict[str, str | list[str]], complaint: str
) -> None:
    form: dict[str, str | list[str]] = {"user": admin.project.owner, "label": "x", "scopes": "*"}

    response = admin.send(ADD, **(form | typed))

    assert response.status_code == 400
    assert complaint in words(response)


def test_a_project_out_of_reach_of_the_user_is_refused(admin: Admin, other_project: ProjectClient) -> None:
    typed = {"user": admin.project.owner, "label": "x", "scopes": "*", "projects": str(other_project.id)}

    response = admin.send(ADD, **typed)

    assert response.status_code == 400
    assert "You must be a member of all teams" in words(response)


def test_a_rolled_key_has_another_secret_at_once(admin: Admin, label: str) -> None:
    old = create_key(label=label, scopes=["*"], user_email=admin.project.owner)
    roll = f"{LIST}{old.id}/roll/"
    assert "The present one is dead at once." in admin.page(roll)
    assert admin.project.get(admin.project.persons_url, key=old.value).status_code == 200

    (value,) = _KEY.findall(admin.send(roll, confirmed="1").text)

    assert admin.project.get(admin.project.persons_url, key=old.value).status_code == 401
    assert admin.project.get(admin.project.persons_url, key=value).status_code == 200


def test_a_deleted_key_is_gone(admin: Admin, label: str) -> None:
    key = create_key(label=label, scopes=["*"], user_email=admin.project.owner)
    remove = f"{LIST}{key.id}/remove/"
    assert "dead at once" in admin.page(remove)
    assert PersonalAPIKey.objects.filter(pk=key.id).exists()

    assert "is deleted" in admin.done(remove, confirmed="1")

    assert admin.project.get(admin.project.persons_url, key=key.value).status_code == 401
    assert admin.http.get(remove).status_code == 404


def test_keys_and_users_are_changed_only_after_a_fresh_login(project: ProjectClient) -> None:
    with staff(project, seconds_ago=2 * 60 * 60 + 60) as admin:
        key = PersonalAPIKey.objects.filter(user__email=project.owner).get()
        for path in (ADD, f"{LIST}{key.pk}/roll/", f"{LIST}{key.pk}/remove/", "/admin/core/user/add/"):
            for response in (admin.http.get(path), admin.send(path, confirmed="1")):
                assert response.status_code == 302
                assert response.headers["location"].startswith("/login?next=%2Fadmin%2F")
        asked = admin.http.get(admin.http.get(ADD).headers["location"])
        assert "takes a fresh login" in words(asked)
        assert admin.http.get(LIST).status_code == 200
    assert PersonalAPIKey.objects.get(pk=key.pk).secure_value == key.secure_value
