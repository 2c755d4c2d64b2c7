"""Commands say in one line what is wrong, and work on a stopped stack."""

import json
from pathlib import Path

import pytest

from persons_api.banner import examples
from persons_api.cli import main
from persons_api.embedded.supervisor import FirstProject
from tests.embedded.run import run


def test_a_folder_without_a_stack_is_named(tmp_path: Path) -> None:
    result = run("create-project", "--name", "N", "--data-dir", str(tmp_path))

    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == (
        f"error: There is no stack in {tmp_path}. Start one: persons-api up --data-dir {tmp_path}\n"
    )


def test_a_database_that_does_not_answer_is_named() -> None:
    result = run("create-project", "--name", "N", DATABASE_URL="postgres://nobody@127.0.0.1:1/none")

    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith("error: PostgreSQL at 127.0.0.1:1 does not answer: ")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "variable", "value"),
    [
        (["create-project", "--name", "N"], "DATABASE_URL", "mysql://x"),
        (["up", "--port", "0"], "PERSONS_API_WEB_WORKERS", "many"),
    ],
)
def test_a_bad_variable_is_named(tmp_path: Path, arguments: list[str], variable: str, value: str) -> None:
    result = run(*arguments, **{"PERSONS_API_DATA_DIR": str(tmp_path / "data"), variable: value})

    assert (result.returncode, result.stdout) == (1, "")
    assert f"error: {variable}='{value}': expected " in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    "command",
    [
        *(
            "up",
            "create-project",
            "create-key",
            "import",
            "import-posthog",
            "drain",
            "doctor",
            "backup",
            "restore",
        ),
        *("web", "worker", "beat", "migrate"),
    ],
)
def test_help_has_an_example(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["persons-api", command, "--help"])

    with pytest.raises(SystemExit) as ended:
        main()

    assert ended.value.code == 0
    assert f"persons-api {command} " in capsys.readouterr().out


def test_examples_to_paste_survive_a_shell() -> None:
    import shlex

    project = FirstProject(project_id=7, api_token="phc_x", personal_api_key="phx_y")

    commands = {title: shlex.split(command) for title, command in examples("http://127.0.0.1:1", project)}

    assert json.loads(commands["capture an event"][-1])["event"] == "$pageview"
    assert commands["list persons"] == [
        "curl",
        "-s",
        "http://127.0.0.1:1/api/projects/7/persons/?limit=3",
        "-H",
        "Authorization: Bearer phx_y",
    ]
    assert "funnel_step=1" in commands["who entered the funnel"]
