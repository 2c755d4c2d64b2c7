"""What benchmarks share: results, the best of several runs, and the machine that they hold for."""

import os
import platform
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import psutil

PACKAGES = ("chdb", "clickhouse-connect", "django", "celery", "granian", "psycopg")


@dataclass(frozen=True, slots=True)
class Result:
    """One figure. ``aim`` says in words what it should be."""

    name: str
    value: float
    unit: str
    aim: str = ""


def best_of(times: int, run: Callable[[], object]) -> float:
    """Seconds of the fastest of so many runs: what the code needs when nothing else disturbs it."""
    return min(_timed(run) for _ in range(times))


def _timed(run: Callable[[], object]) -> float:
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def machine() -> dict[str, str]:
    """The machine and the versions that figures hold for."""
    memory = psutil.virtual_memory().total / 2**30
    return {
        "processor": f"{os.cpu_count()} cores, {_processor()}",
        "memory": f"{memory:.0f} GiB",
        "system": f"{platform.system()} {platform.release()}",
        "Python": platform.python_version(),
        **{package: version(package) for package in PACKAGES},
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def table(results: Iterable[Result]) -> str:
    """Results as a Markdown table."""
    rows = [(result.name, _figure(result.value), result.unit, result.aim) for result in results]
    lines = [f"| {name} | {value} | {unit} | {aim} |" for name, value, unit, aim in rows]
    return "\n".join(["| what | figure | unit | aim |", "|---|---:|---|---|", *lines])


def _figure(value: float) -> str:
    """Three digits that count."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
