"""Every command of the how-to pages does what it says, on a project with somebody in it."""

from pathlib import Path

import pytest

from tests.clients import ProjectClient, event, settle
from tests.docs.commands import ROOT, blocks, run
from tests.stack import Stack

PAGES = [page for page in sorted((ROOT / "docs" / "howto").glob("*.md")) if blocks(page)]


@pytest.fixture
def person(project: ProjectClient) -> str:
    """The uuid of somebody with two distinct ids beside an e-mail address."""
    project.capture(
        event("$pageview", "ada@example.org", properties={"$set": {"email": "ada@example.org"}}),
        event("$identify", "ada@example.org", properties={"$anon_distinct_id": "a"}),
        event("$identify", "ada@example.org", properties={"$anon_distinct_id": "b"}),
        event("order placed", "ada@example.org", properties={"amount": 12.5}),
        event("$pageview", "ada-on-her-phone"),
    )
    settle()
    row = project.person("ada@example.org")
    assert row is not None
    return str(row["uuid"])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_its_commands_can_be_carried_out(
    stack: Stack, project: ProjectClient, person: str, page: Path, tmp_path: Path
) -> None:
    replaced = {
        "localhost:8000": stack.url.removeprefix("http://"),
        "projects/1/": f"projects/{project.id}/",
        "--project 1": f"--project {project.id}",
    }
    variables = {"KEY": project.key, "TOKEN": project.token, "UUID": person}
    script = "\n".join(blocks(page))

    printed = run(script, tmp_path, replaced, variables)

    assert "Traceback" not in printed
