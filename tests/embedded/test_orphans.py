"""What a killed stack left running is ended at the next start; nothing else is."""

import subprocess
import sys
from collections.abc import Iterator

import psutil
import pytest

from persons_api.embedded.folder import DataFolder
from persons_api.embedded.orphans import end_orphans
from persons_api.embedded.state import ProcessRecord, StackState
from tests.embedded.run import is_alive

#: The child says itself that it runs: a process that is just being started has no environment yet.
PARENT = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import os, time; print(os.getpid(), flush=True); time.sleep(60)"])
sys.stdin.read()
"""


@pytest.fixture
def leader(state: StackState) -> Iterator["subprocess.Popen[str]"]:
    """A process of a stack, with a child; only its session and its environment tell."""
    with subprocess.Popen(
        [sys.executable, "-c", PARENT],
        env=state.environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        yield process
        process.kill()


@pytest.fixture
def child(leader: "subprocess.Popen[str]") -> Iterator[psutil.Process]:
    assert leader.stdout
    process = psutil.Process(int(leader.stdout.readline()))
    yield process
    if is_alive(process):
        process.kill()


@pytest.fixture
def state() -> StackState:
    return StackState()


def record(process: "subprocess.Popen[str]", *, later: float = 0.0) -> ProcessRecord:
    return ProcessRecord("web", process.pid, psutil.Process(process.pid).create_time() + later, 15)


def test_a_recorded_process_and_its_children_are_ended(
    folder: DataFolder, state: StackState, leader: "subprocess.Popen[str]", child: psutil.Process
) -> None:
    state.processes = [record(leader)]

    assert end_orphans(folder, state) == 2

    assert leader.poll() is not None
    assert not is_alive(child)


def test_a_child_is_ended_when_its_parent_is_gone_already(
    folder: DataFolder, state: StackState, leader: "subprocess.Popen[str]", child: psutil.Process
) -> None:
    state.processes = [record(leader)]
    leader.kill()
    leader.wait()

    assert end_orphans(folder, state) == 1

    assert not is_alive(child)


def test_a_later_process_with_the_same_number_is_left_alone(
    folder: DataFolder, leader: "subprocess.Popen[str]", child: psutil.Process
) -> None:
    another = StackState(processes=[record(leader, later=-100)])

    assert end_orphans(folder, another) == 0

    assert leader.poll() is None
    assert is_alive(child)
