"""An SDK in a program of its own: which calls to make, and what came of them."""

import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: A method of the SDK's client and what it is called with.
Call = Sequence[Any]
#: Seconds for a program to make its calls.
PATIENCE = 60


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the calls answered, and the warnings and errors that the SDK or its runtime wrote."""

    answers: list[Any]
    complaints: list[str]


def run_program(
    command: Sequence[str | Path],
    *,
    folder: Path,
    token: str,
    host: str,
    calls: Sequence[Call],
    **options: Any,
) -> Outcome:
    """Have a program make ``calls``: it reads them as JSON and writes an ``Outcome``."""
    done = subprocess.run(
        command,
        cwd=folder,
        input=json.dumps({"token": token, "host": host, "options": options, "calls": calls}),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        env={**os.environ, "NO_PROXY": "127.0.0.1"},
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return Outcome(**json.loads(done.stdout))
