"""``persons-api create-admin``: the first admin, and making somebody one."""

import json
import secrets
import subprocess
import sys

import pytest

from core.exceptions import InvalidInput
from core.models import Membership, User
from core.services.administrators import can_log_in, create_admin
from tests.clients import ProjectClient
from tests.stack import Stack

PASSWORD = "once upon a time"


def command(stack: Stack, email: str, *options: str, password: str) -> subprocess.CompletedProcess[str]:
    whole = [sys.executable, "-m", "persons_api", "create-admin", "--email", email, *options]
    return subprocess.run(
        [*whole, "--data-dir", str(stack.folder)], input=f"{password}\n", capture_output=True, text=True
    )


def test_a_new_admin_can_log_in_and_doing_it_again_changes_nothing(stack: Stack) -> None:
    email = f"{secrets.token_hex(6)}@example.org"

    made = command(stack, email, "--json", password=PASSWORD)
    again = command(stack, email.upper(), password="another password")

    assert made.returncode == 0, made.stderr
    user = User.objects.get(email=email)
    assert json.loads(made.stdout) == {"id": user.pk, "email": email, "is_new": True, "password_set": True}
    assert again.stdout == f"admin {user.pk}  {email}  with the password that was there\n"
    assert user.is_staff
    assert user.memberships.get().level == Membership.Level.OWNER
    assert user.check_password(PASSWORD)


def test_somebody_without_a_password_gets_one_and_keeps_all_else(project: ProjectClient) -> None:
    assert not can_log_in(project.owner)
    with pytest.raises(InvalidInput) as refused:
        create_admin(email=project.owner, password=None)
    assert refused.value.attr == "password"

    admin = create_admin(email=project.owner, password=PASSWORD)

    assert (admin.is_new, admin.has_new_password) == (False, True)
    user = User.objects.get(email=project.owner)
    assert user.is_staff
    assert user.has_usable_password()
    assert user.memberships.count() == 1


@pytest.mark.parametrize(
    ("email", "password", "attr"),
    [("x", PASSWORD, "email"), ("new@example.org", "short", "password")],
    ids=["address", "password"],
)
def test_who_cannot_be_a_user_is_no_admin(email: str, password: str, attr: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        create_admin(email=email, password=password)

    assert refused.value.attr == attr
    assert not User.objects.filter(email=email).exists()
