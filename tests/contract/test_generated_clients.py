"""Clients generated from the document list, split, ask for a funnel and delete; type checkers know every value.

``openapi-python-client`` for Python, ``openapi-typescript`` with ``openapi-fetch`` for TypeScript, in exact versions.
"""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.clients import ProjectClient, event, settle
from tests.contract.installed import node_modules, python_with
from tests.persons import make_person

HERE = Path(__file__).parent
DOCUMENT = HERE.parents[1] / "docs" / "openapi.yaml"
#: Seconds for a step with a generator or a compiler.
PATIENCE = 180
#: What is any JSON: what clients made up themselves, and answers that are told elsewhere. Properties of persons are
#: objects of any members; a filter may compare them with anything, which the two languages tell in different places.
FREE = {
    "ActivityChange.after",
    "ActivityChange.before",
    "CohortTableRow.email",
    "PersonUpdatePropertyRequest.value",
    "QueryStatus.results",
    # Legacy criteria, which are kept as they came.
    *(f"{name}.groups" for name in ("Cohort", "CohortRequest", "CohortRow", "PatchedCohort")),
}


def run(*command: str | Path, folder: Path, **environment: str) -> str:
    """What a program prints; it must succeed."""
    found = subprocess.run(
        command,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        env={**os.environ, **environment},
    )
    assert found.returncode == 0, found.stdout + found.stderr
    return found.stdout


@pytest.fixture(scope="module")
def python_client(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the generated client and the program that uses it."""
    folder = tmp_path_factory.mktemp("generated-python")
    # It formats what it made, by the ruff of the tests.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    run(
        python_with(HERE / "generated_python/requirements.txt"),
        *"-m openapi_python_client generate --meta none --fail-on-warning".split(),
        *("--output-path", "persons_client"),
        "--path",
        DOCUMENT,
        folder=folder,
        PATH=path,
    )
    shutil.copy(HERE / "generated_python/use.py", folder)
    return folder


@pytest.fixture(scope="module")
def typescript_client(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same for TypeScript."""
    if shutil.which("npm") is None or shutil.which("node") is None:
        pytest.skip("node or npm is not installed")
    folder = tmp_path_factory.mktemp("generated-typescript") / "client"
    shutil.copytree(HERE / "generated_typescript", folder)
    (folder / "node_modules").symlink_to(node_modules(folder))
    run(
        folder / "node_modules/.bin/openapi-typescript",
        DOCUMENT,
        "--output",
        "persons.d.ts",
        # What has a default may be left out of a request.
        "--default-non-nullable",
        "false",
        folder=folder,
    )
    return folder


@pytest.fixture
def arguments(project: ProjectClient) -> list[str]:
    """Two persons who signed up, one of them with two ids and an order."""
    make_person(project, "ines", "phone", plan="team")
    make_person(project, "ada", plan="team")
    project.capture(event("signed up", "ines"), event("signed up", "ada"))
    project.capture(event("ordered", "phone"))
    settle()
    server = str(project.http.base_url).rstrip("/")
    return [server, str(project.id), project.key, "signed up", "ordered", "phone"]


def assert_done(project: ProjectClient, printed: str) -> None:
    """The program saw what there was, and what it did is done."""
    assert json.loads(printed) == {
        "distinct_ids": ["ines", "phone"],
        "plan": "team",
        "funnel": [2, 1],
        "finishers": ["ines", "phone"],
        "split": True,
        "after split": [["ines"], ["phone"]],
        "deleted": 1,
        "unmatched": ["nobody"],
    }
    left: list[dict[str, Any]] = project.get(project.persons_url).json()["results"]
    assert sorted(one["distinct_ids"] for one in left) == [["ada"], ["ines"]]


def test_the_python_client_is_typed_and_works(
    project: ProjectClient, python_client: Path, arguments: list[str]
) -> None:
    run(
        sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", "--config-file=", "use.py",
        folder=python_client,
    )  # fmt: skip

    assert_done(project, run(sys.executable, "use.py", *arguments, folder=python_client))


def test_the_typescript_client_is_typed_and_works(
    project: ProjectClient, typescript_client: Path, arguments: list[str]
) -> None:
    # Strict, and nothing is written when anything is wrong.
    run(typescript_client / "node_modules/.bin/tsc", "--project", ".", folder=typescript_client)

    assert_done(project, run("node", "built/use.js", *arguments, folder=typescript_client))


def test_only_free_json_is_of_any_type_in_python(python_client: Path) -> None:
    found = set()
    for path in (python_client / "persons_client/models").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                found |= {f"{node.name}.{name}" for name in _of_any_type(node)}

    assert found == FREE | {"CohortCriterion.value", "PropertyFilter.value"}


def _of_any_type(model: ast.ClassDef) -> list[str]:
    """Attributes of the model whose type is not known."""
    return [
        node.target.id
        for node in model.body
        if isinstance(node, ast.AnnAssign)
        and isinstance(node.target, ast.Name)
        # Each model keeps what it does not know.
        and node.target.id != "additional_properties"
        and re.search(r"\bAny\b", ast.unparse(node.annotation))
    ]


def test_only_free_json_is_unknown_in_typescript(typescript_client: Path) -> None:
    text = (typescript_client / "persons.d.ts").read_text()
    schemas = text[text.index("    schemas: {\n") : text.index("    responses: {\n")]
    found, model = set(), ""
    for line in schemas.splitlines():
        if name := re.fullmatch(r" {8}(\w+): \{", line):
            model = name.group(1)
        elif alias := re.fullmatch(r" {8}(\w+): \w.*\bunknown\b.*", line):
            found.add(alias.group(1))
        elif field := re.fullmatch(r" +(\w+)\??: .*\bunknown\b.*;", line):
            found.add(f"{model}.{field.group(1)}")

    assert found == FREE | {"PropertyFilterValue"}
