"""What tests of ``persons-api import-posthog`` have in common: running it in this process, and reading what it says."""

import json
from typing import Any

from typer.testing import CliRunner, Result

from persons_api import cli, cli_import_posthog
from tests.clients import ProjectClient
from tests.fake_posthog import KEY, Posthog


def run(
    project: ProjectClient, posthog: Posthog | str, *options: str, key: str | None = KEY, typed: str = ""
) -> Result:
    """The command in this process."""
    assert cli_import_posthog  # adds the command
    host = posthog if isinstance(posthog, str) else posthog.url
    arguments = ["import-posthog", "--host", host, "--project", str(project.id), *options]
    return CliRunner().invoke(cli.app, arguments, env={"PERSONS_API_POSTHOG_KEY": key}, input=typed)


def copied(project: ProjectClient, posthog: Posthog | str, *options: str) -> dict[str, tuple[Any, Any]]:
    """What was there and what is here, by what it is; all must be equal."""
    result = run(project, posthog, "--json", *options)
    assert result.exit_code == 0, result.output
    return numbers(result)


def numbers(result: Result) -> dict[str, tuple[Any, Any]]:
    return {one["what"]: (one["there"], one["here"]) for one in json.loads(result.stdout)["comparison"]}


def reasons(result: Result) -> list[str]:
    return [reason for one in json.loads(result.stdout)["comparison"] for reason in one["reasons"]]


def refused(project: ProjectClient, posthog: Posthog | str, *options: str, **more: Any) -> str:
    """The one line of an import that fails."""
    result = run(project, posthog, *options, **more)
    assert (result.exit_code, result.stdout) == (1, ""), result.output
    return result.stderr.splitlines()[-1].removeprefix("error: ")
