"""A new folder gets its first project once."""

import os
import signal
import sys
import threading
from collections.abc import Iterator

import pytest

from persons_api import roles
from persons_api.embedded.errors import CannotStart, StopRequested
from persons_api.embedded.folder import DataFolder
from persons_api.embedded.signals import Signals
from persons_api.embedded.state import StackState
from persons_api.embedded.supervisor import FirstProject, Options, Supervisor

MADE = """print('words'); print('{"project_id": 1, "api_token": "phc_x", "personal_api_key": "phx_y"}')"""
FAILS = "raise SystemExit(3)"
ENDLESS = "import time; time.sleep(60)"


@pytest.fixture
def signals() -> Iterator[Signals]:
    with Signals() as signals:
        yield signals


@pytest.fixture
def state() -> StackState:
    return StackState()


def supervisor(folder: DataFolder, state: StackState, signals: Signals, *, demo: bool = True) -> Supervisor:
    options = Options(folder, "127.0.0.1", 0, demo)
    return Supervisor(options, state, signals, tell=lambda _: None)


def command_is(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    monkeypatch.setattr(roles, "django", lambda *_: [sys.executable, "-c", code])


def test_the_first_start_makes_a_project_and_later_ones_do_not(
    folder: DataFolder, state: StackState, signals: Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    command_is(monkeypatch, MADE)

    first = supervisor(folder, state, signals).first_start()
    second = supervisor(folder, state, signals).first_start()

    assert first == FirstProject(project_id=1, api_token="phc_x", personal_api_key="phx_y")
    assert second is None


def test_without_demo_no_project_is_made_then_or_later(
    folder: DataFolder, state: StackState, signals: Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    command_is(monkeypatch, MADE)

    assert supervisor(folder, state, signals, demo=False).first_start() is None
    assert supervisor(folder, state, signals).first_start() is None


def test_a_first_start_that_failed_is_tried_again(
    folder: DataFolder, state: StackState, signals: Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    command_is(monkeypatch, FAILS)

    with pytest.raises(CannotStart, match="first_start failed"):
        supervisor(folder, state, signals).first_start()

    assert not state.first_start_done


def test_a_stop_does_not_wait_for_the_first_start(
    folder: DataFolder, state: StackState, signals: Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    command_is(monkeypatch, ENDLESS)
    threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGTERM)).start()

    with pytest.raises(StopRequested):
        supervisor(folder, state, signals).first_start()

    assert not state.first_start_done
