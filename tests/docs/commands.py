"""The commands of a document: its blocks marked ``sh``. Blocks of any other kind are there to be read."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
_BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(document: Path) -> list[str]:
    return _BLOCK.findall(document.read_text())


def run(script: str, folder: Path, replaced: Mapping[str, str], variables: Mapping[str, str]) -> str:
    """What ``script`` prints, run by bash in ``folder``, which is also its home.

    ``replaced`` turns what a document says of a first stack into what is so here. It stops at the first command that
    fails, and curl fails with a status of 400 or above.
    """
    for said, here in replaced.items():
        script = script.replace(said, here)
    (folder / ".curlrc").write_text("fail-with-body\nshow-error\n")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [shutil.which("bash") or "bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **variables, "HOME": str(folder), "PATH": path},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
    return done.stdout
