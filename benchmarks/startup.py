"""Claim: the whole stack starts in seconds and idles in about a gigabyte."""

import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.harness import Result
from tests.stack import start


def run() -> Iterator[Result]:
    folder = Path(tempfile.mkdtemp(prefix="persons-api-bench-")) / "data"
    try:
        for name in ("first start, empty folder, without demo data", "second start"):
            started = time.perf_counter()
            stack = start(folder)
            try:
                yield Result(name, time.perf_counter() - started, "s")
                if name == "second start":
                    for part, megabytes in _memory(folder).items():
                        yield Result(f"idle memory, {part}", megabytes, "MB")
            finally:
                started = time.perf_counter()
                stack.stop()
            yield Result(
                f"stop after {name.split(',')[0]}", time.perf_counter() - started, "s", aim="at most 10"
            )
    finally:
        shutil.rmtree(folder.parent, ignore_errors=True)


def _memory(folder: Path) -> dict[str, float]:
    """What ``persons-api doctor`` says: pages that processes share are divided among them."""
    command = [sys.executable, "-m", "persons_api", "doctor", "--data-dir", str(folder)]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found = re.search(r"(\d+) MB \(supervisor, web, workers, beat (\d+) MB; stores (\d+) MB\)", output)
    assert found is not None, output
    whole, own, stores = map(float, found.groups())
    return {
        "whole stack": whole,
        "supervisor, web, workers, beat": own,
        "PostgreSQL, ClickHouse and Valkey": stores,
    }
