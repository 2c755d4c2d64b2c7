"""Users in the admin: the list, making one, what they may, and one's own password."""

import secrets

import pytest

from core.models import User
from tests.admin.staff import Admin, staff, words
from tests.browser import logged_in
from tests.clients import ProjectClient, new_project
from tests.stack import Stack

LIST = "/admin/core/user/"
PASSWORD = "once upon a time"


def page_of(user: User) -> str:
    return f"{LIST}{user.pk}/change/"


def test_a_new_user_can_log_in(admin: Admin) -> None:
    email = f"{secrets.token_hex(6)}@example.org"

    said = admin.done(f"{LIST}add/", email=email, password=PASSWORD, level="8")

    assert f"{email} can log in." in said
    user = User.objects.get(email=email)
    assert (user.is_staff, user.memberships.get().level) == (False, 8)
    body = {"email": email, "password": PASSWORD}
    assert admin.project.http.post("/api/login/", json=body).status_code == 200
    assert email in admin.page(LIST, q=email)


@pytest.mark.parametrize(
    ("typed", "complaint"),
    [
        ({"email": "x"}, "Enter a valid email address."),
        ({"email": "{owner}"}, "There is already a user with this address."),
        ({"password": "short"}, "at least 8 characters"),
        ({"level": "9"}, "Select a valid choice."),
    ],
    ids=["address", "taken", "password", "level"],
)
def test_a_user_that_cannot_be_is_not_made(admin: Admin, typed: dict[str, str], complaint: str) -> None:
    form = {"email": "new@example.org", "password": PASSWORD, "level": "1"} | typed
    form["email"] = form["email"].format(owner=admin.project.owner)

    response = admin.send(f"{LIST}add/", **form)

    assert response.status_code == 400
    assert complaint in words(response)


def test_who_is_shut_out_is_out_at_once_and_comes_back(admin: Admin, stack: Stack) -> None:
    with new_project(stack) as theirs, logged_in(theirs) as browser:
        user = User.objects.get(email=theirs.owner)
        assert browser.get(theirs.persons_url).status_code == 200

        admin.done(page_of(user))
        assert browser.get(theirs.persons_url).status_code == 401
        assert theirs.get(theirs.persons_url).status_code == 401
        assert "shut out" in admin.page(LIST, q=theirs.owner)

        admin.done(page_of(user), is_active="on", is_staff="on", password=PASSWORD)
        user.refresh_from_db()
        assert (user.is_active, user.is_staff, user.has_usable_password()) == (True, True, True)


def test_nobody_takes_the_admin_from_themselves(admin: Admin) -> None:
    user = User.objects.get(email=admin.project.owner)
    for form in ({"is_active": "on"}, {"is_staff": "on"}, {}):
        response = admin.send(page_of(user), **form)

        assert response.status_code == 400
        assert "You cannot take this from yourself" in words(response)
    user.refresh_from_db()
    assert (user.is_active, user.is_staff) == (True, True)


def test_ones_own_password_takes_the_present_one_and_ends_other_sessions(project: ProjectClient) -> None:
    user = User.objects.get(email=project.owner)
    user.set_password(PASSWORD)
    user.save()
    form = {"present": PASSWORD, "password": "another time", "repeated": "another time"}
    with staff(project) as admin, staff(project) as elsewhere:
        for wrong, complaint in (
            ({"present": "x"}, "This is not your password."),
            ({"repeated": "x"}, "This is not the same."),
            ({"password": "short", "repeated": "short"}, "at least 8 characters"),
        ):
            refused = admin.send("/admin/password_change/", **(form | wrong))
            assert refused.status_code == 400
            assert complaint in words(refused)

        assert "Your password was changed." in admin.done("/admin/password_change/", **form)

        assert admin.http.get(LIST).status_code == 200
        assert elsewhere.http.get(LIST).status_code == 302
    before = user.password
    user.refresh_from_db()
    assert user.password != before
