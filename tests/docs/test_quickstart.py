"""Somebody who never met us: a clone, ``make up``, the commands of ``docs/quickstart.md``, and a person is erased."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.commands import ROOT, blocks, run
from tests.stack import free_port

PATIENCE = 120


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """The files of the repository, and nothing that lies beside them."""
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("this is no clone, or git is missing")
    listed = subprocess.run([git, "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    for name in filter(None, listed.decode().split("\0")):
        if (ROOT / name).exists():
            (tmp_path / "clone" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, tmp_path / "clone" / name)
    return tmp_path / "clone"


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def started(clone: Path, port: int) -> Iterator[str]:
    """What the first start tells. It takes the environment of the tests for its own, for that is installed already."""
    environment = Path(sys.executable).parent.parent
    arguments = f"ARGS=--port {port} --data-dir {clone / 'data'}"
    told = clone / "told"
    make = [
        shutil.which("make") or "make",
        "-o",
        f"{environment}/.installed",
        "up",
        f"VENV={environment}",
        arguments,
    ]
    variables = {**os.environ, "PYTHONPATH": str(clone)}
    with told.open("w") as messages:
        process = subprocess.Popen(make, cwd=clone, stdout=messages, stderr=messages, env=variables)
    try:
        deadline = time.monotonic() + PATIENCE
        while "\nready " not in told.read_text():
            assert process.poll() is None, told.read_text()
            assert time.monotonic() < deadline, told.read_text()
            time.sleep(0.1)
        yield told.read_text()
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE)


_UNTIL_COMPLETED = """
until curl -s localhost:8000/api/projects/1/persons/deletion_status/ -H "Authorization: Bearer $KEY" > receipts.json
    grep -q '"completed"' receipts.json
do sleep 0.1; done
"""


def test_the_first_ten_minutes(clone: Path, port: int, started: str) -> None:
    token, key = re.findall(r"\bph[cx]_\w+", started)[:2]
    script = "\n".join(blocks(ROOT / "docs" / "quickstart.md"))
    variables = {"TOKEN": token, "KEY": key, "PERSONS_API_DATA_DIR": str(clone / "data"), "DATABASE_URL": ""}

    run(script + _UNTIL_COMPLETED, clone, {"localhost:8000": f"localhost:{port}"}, variables)

    (receipt,) = json.loads((clone / "receipts.json").read_text())["results"]
    # Three were sent, and one notes what the API has changed.
    assert receipt["counts_before"]["clickhouse_events"] == 4
    assert set(receipt["counts_after"].values()) == {0}
