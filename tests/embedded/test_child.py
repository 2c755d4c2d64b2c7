"""A child is kept alive, and ends with all that it started."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from persons_api.embedded import process
from persons_api.embedded.children import Children
from persons_api.embedded.errors import CannotStart
from persons_api.embedded.part import Part
from persons_api.embedded.process import Child, Command
from tests.embedded.run import ROOT, children, is_alive, wait_until

SLEEP = "import time; time.sleep(60)"
#: Starts another process in its group and says which.
PARENT = f"""
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", {SLEEP!r}])
print(child.pid, flush=True)
time.sleep(60)
"""
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('set', flush=True); {SLEEP}"


def command(tmp_path: Path, code: str, name: str = "child") -> Command:
    return Command(name, [sys.executable, "-c", code], {}, tmp_path / f"{name}.log")


def written(tmp_path: Path, name: str = "child") -> str:
    return (tmp_path / f"{name}.log").read_text()


class Clock:
    """Time that moves when told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(process, "time", clock)
    return clock


def die(child: Child) -> str:
    """End the child; what it says about that."""
    assert child.pid
    os.kill(child.pid, signal.SIGKILL)
    wait_until(lambda: not child.is_alive())
    line = child.revive()
    assert line
    return line


def test_a_dead_child_is_started_again_later_each_time(tmp_path: Path, clock: Clock) -> None:
    child = Child(command(tmp_path, SLEEP))
    child.start()
    delays = []
    for _ in range(8):
        delays.append(float(die(child).split(" in ")[1].split(" s")[0]))
        clock.now += delays[-1] - 0.01
        child.revive()
        assert not child.is_alive()
        clock.now += 0.01
        child.revive()
        assert child.is_alive()
    child.kill()

    assert delays == [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10, 10]


def test_a_child_that_lived_long_is_started_again_at_once(tmp_path: Path, clock: Clock) -> None:
    child = Child(command(tmp_path, SLEEP))
    child.start()
    die(child)
    clock.now += 0.2
    child.revive()
    clock.now += 30

    line = die(child)

    assert line == (
        f"child ended (signal SIGKILL), starting it again in 0.2 s; log: {tmp_path / 'child.log'}"
    )


def test_what_a_dead_child_started_is_ended_too(tmp_path: Path) -> None:
    child = Child(command(tmp_path, PARENT))
    child.start()
    wait_until(lambda: written(tmp_path) != "")
    grandchild = psutil.Process(int(written(tmp_path)))

    die(child)

    wait_until(lambda: not is_alive(grandchild))


def test_a_child_that_will_not_stop_is_killed(tmp_path: Path) -> None:
    said: list[str] = []
    running = Children(pause=lambda _: None, tell=said.append)
    running.start([Part(command(tmp_path, STUBBORN), is_ready=lambda: written(tmp_path) == "set\n")])

    running.stop(patience=0.2, hurry=lambda: False)

    assert said == ["child does not stop, killing it"]
    assert running.records() == []


def test_a_stop_in_a_hurry_does_not_wait(tmp_path: Path) -> None:
    running = Children(pause=lambda _: None, tell=lambda _: None)
    running.start([Part(command(tmp_path, STUBBORN), is_ready=lambda: written(tmp_path) == "set\n")])

    running.stop(patience=1e9, hurry=lambda: True)

    assert running.records() == []


def test_a_part_that_ends_at_once_is_reported_with_its_log(tmp_path: Path) -> None:
    part = Part(command(tmp_path, "raise SystemExit('no such luck')"), is_ready=lambda: False)

    with children() as running, pytest.raises(CannotStart) as refusal:
        running.start([part])

    assert str(tmp_path / "child.log") in str(refusal.value)
    assert "no such luck" in str(refusal.value)


def test_a_part_that_never_answers_is_reported_with_its_log(tmp_path: Path) -> None:
    part = Part(command(tmp_path, SLEEP), is_ready=lambda: False, patience=0.1)

    with children() as running, pytest.raises(CannotStart, match=r"does not answer after 0\.1 s.*child\.log"):
        running.start([part])


def test_a_large_log_is_set_aside_at_a_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "LOG_MAX_BYTES", 5)
    (tmp_path / "child.log").write_text("old lines")

    with children() as running:
        running.start([Part(command(tmp_path, "print('new')"), is_ready=lambda: True)])
        wait_until(lambda: written(tmp_path) == "new\n")

    assert (tmp_path / "child.log.1").read_text() == "old lines"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children of the death of their parent")
def test_a_child_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    parent = f"""
import sys, time
from pathlib import Path
from persons_api.embedded.process import Child, Command
child = Child(Command("child", [sys.executable, "-c", {SLEEP!r}], {{}}, Path({str(tmp_path / "log")!r})))
child.start()
print(child.pid, flush=True)
time.sleep(60)
"""
    with subprocess.Popen(
        [sys.executable, "-c", parent], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as killed:
        assert killed.stdout
        child = psutil.Process(int(killed.stdout.readline()))
        killed.kill()

    wait_until(lambda: not is_alive(child))
