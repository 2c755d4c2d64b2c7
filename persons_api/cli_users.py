"""Commands about people who log in, and the document that programs are generated from."""

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from persons_api.cli import AsJson, StackDir, app, django, errors_in_one_line, fail, tell

PANEL = "People and programs"
Level = StrEnum("Level", ["member", "admin", "owner"])
Email = Annotated[str, typer.Option(help="Address to log in with.")]


@app.command(rich_help_panel=PANEL)
def create_user(
    email: Email,
    level: Annotated[Level, typer.Option(help="What they may do: administrators change projects.")] = Level[
        "member"
    ],
    as_json: AsJson = False,
    data_dir: StackDir = None,
) -> None:
    """Make somebody who can log in. The password is asked for, or read from standard input.

    **Examples**

    - `persons-api create-user --email kim@example.org --level admin`
    - `persons-api create-user --email kim@example.org --json < password.txt`
    """
    with errors_in_one_line(), django(data_dir):
        from core.models import Membership
        from core.services.create_user import create_user as create

        user = create(email=email, password=_password(), level=Membership.Level[level.name.upper()])
        if as_json:
            typer.echo(json.dumps({"id": user.pk, "email": user.email, "level": level.value}))
        else:
            typer.echo(f"user {user.pk}  {user.email}")


@app.command(rich_help_panel=PANEL)
def create_admin(email: Email, as_json: AsJson = False, data_dir: StackDir = None) -> None:
    """Make somebody an admin of the installation, who may use the pages under /admin/.

    Somebody new, or without a password, gets the one that is asked for, or read from standard input. Whoever has one
    keeps it (`set-password` gives another). Doing it again changes nothing.

    **Examples**

    - `persons-api create-admin --email kim@example.org`
    - `persons-api create-admin --email kim@example.org --json < password.txt`
    """
    with errors_in_one_line(), django(data_dir):
        from core.services import administrators

        password = None if administrators.can_log_in(email) else _password()
        admin = administrators.create_admin(email=email, password=password)
        if as_json:
            made = {"id": admin.user.pk, "email": admin.user.email, "is_new": admin.is_new}
            typer.echo(json.dumps({**made, "password_set": admin.has_new_password}))
        else:
            kept = "" if admin.has_new_password else "  with the password that was there"
            typer.echo(f"admin {admin.user.pk}  {admin.user.email}{kept}")


@app.command(rich_help_panel=PANEL)
def set_password(email: Email, data_dir: StackDir = None) -> None:
    """Give somebody another password and end their sessions. It is asked for, or read from standard input.

    **Example**

    - `persons-api set-password --email admin@localhost`
    """
    with errors_in_one_line(), django(data_dir):
        from core.services.create_user import set_password as set_it

        set_it(email=email, password=_password())
    tell("done; whoever was logged in no longer is")


@app.command(rich_help_panel=PANEL)
def schema(
    output: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Where to write it. Default: standard output.", show_default=False),
    ] = None,
) -> None:
    """Write the OpenAPI document, which clients are generated from. Needs no running stack.

    **Example**

    - `persons-api schema --output openapi.yaml`
    """
    from persons_api import openapi

    text = openapi.document()
    if output is None:
        typer.echo(text, nl=False)
        return
    try:
        output.write_text(text)
    except OSError as error:
        fail(f"{output}: {error.strerror}")


def _password() -> str:
    if sys.stdin.isatty():
        answer: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
        return answer
    return sys.stdin.readline().rstrip("\r\n")
