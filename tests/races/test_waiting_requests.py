"""A request that has read who is who, has to wait for a person, and finds it changed: it reads again.

The races of ``test_identity_races`` meet these moments by chance, these tests at will: a transaction of the test holds
the person until the request waits for it, changes it, and commits. The request must then end as if it had come later.
"""

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from time import monotonic

import pytest
from django.db import OperationalError, connection, transaction
from django.utils import timezone

from core.clickhouse.compare import compare
from core.events.read import read_event
from core.services.capture import capture
from core.services.delete_persons import delete_persons
from core.services.split_person import Move, split_person
from tests.clients import ProjectClient, settle
from tests.races.arena import FILLER, identify, look, merge
from tests.stateful.model import Model, Said
from tests.stateful.world import Delete, Ready, Send, SplitOff, World, ready


@dataclass(frozen=True)
class Wait:
    """``request`` waits for the person of ``held`` while ``meanwhile`` happens."""

    title: str
    before: list[Said]
    held: str
    meanwhile: Send | SplitOff | Delete
    request: Send | SplitOff | Delete


WAITS = [
    Wait(
        "E8: the source of a merge changes when it is gone",
        [look("a"), look("x", of="x")],
        "x",
        Send([identify("a", "x")]),
        Send([look("x", plan="team")]),
    ),
    Wait(
        "E8: a source that has changed is merged",
        [look("a"), look("x", of="x")],
        "x",
        Send([look("x", plan="team")]),
        Send([identify("a", "x")]),
    ),
    Wait(
        "E9: a source that has got an id is merged",
        [look("a"), identify("x", "y")],
        "x",
        Send([identify("x", "new")]),
        Send([merge("a", "x")]),
    ),
    Wait(
        "E9: an id is tied to a source that is gone",
        [look("a"), identify("x", "y")],
        "x",
        Send([merge("a", "x")]),
        Send([identify("new", "x")]),
    ),
    Wait(
        "E10: the source of a merge is gone",
        [look("a"), look("x", of="x")],
        "x",
        Delete("x"),
        Send([identify("a", "x")]),
    ),
    Wait(
        "E10: the target of a merge is gone",
        [look("a", of="a"), look("x", of="x")],
        "a",
        Delete("a"),
        Send([identify("a", "x", plan="team")]),
    ),
    Wait(
        "E11: a person changes who is gone",
        [look("a", of="a")],
        "a",
        Delete("a"),
        Send([look("a", plan="team")]),
    ),
    Wait("a person is deleted who is gone", [look("a")], "a", Delete("a"), Delete("a")),
    Wait(
        "an id is tied to one that has moved away",
        [identify("a", "b")],
        "a",
        SplitOff("a", move=["b"]),
        Send([identify("new", "b")]),
    ),
    Wait(
        "an id is split off that has moved away",
        [identify("a", "b"), look("c")],
        "a",
        SplitOff("a", move=["b"]),
        SplitOff("a", move=["b"]),
    ),
    Wait(
        "all but one id are split off when one more has come",
        [identify("a", "b")],
        "a",
        Send([identify("a", "new")]),
        SplitOff("a", keep="a"),
    ),
]


@pytest.mark.parametrize("wait", WAITS, ids=lambda wait: wait.title)
def test_who_had_to_wait_ends_as_if_it_had_come_later(project: ProjectClient, wait: Wait) -> None:
    world = World(project)
    world.play([Send(wait.before)])
    meanwhile, request = (ready(world.model, one) for one in (wait.meanwhile, wait.request))

    with ThreadPoolExecutor(1) as threads:
        with transaction.atomic():
            _hold(world.model, wait.held)
            answer = threads.submit(request.ask, project, FILLER)
            _wait_until_held_up(answer)
            _do(project.id, meanwhile)
        status = answer.result(20)

    meanwhile.tell(world.model)
    assert status == request.tell(world.model)
    world.play([])
    settle()
    assert [one for one in compare(project.id) if not one.is_equal] == []


def test_a_deadlock_is_tried_again(project: ProjectClient) -> None:
    world = World(project)
    world.play([Send([look("a"), look("b")])])

    for attempt in range(10):
        value = str(attempt)
        request = ready(world.model, Send([look("a", plan=value), look("b", plan=value)]))
        was_slow = False
        with ThreadPoolExecutor(1) as threads:
            try:
                with transaction.atomic():
                    _hold(world.model, "b")
                    answer = threads.submit(request.ask, project, FILLER)
                    _wait_until_held_up(answer)
                    # The request has the first person and wants the second.
                    _hold(world.model, "a")
            except OperationalError:
                # PostgreSQL looks for a deadlock once a wait, after a second: this came later and was given up itself.
                was_slow = True
            status = answer.result(20)
        assert status == request.tell(world.model)
        if not was_slow:
            break

    assert not was_slow
    world.play([])


def _hold(model: Model, distinct_id: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 1 FROM core_person WHERE project_id = %s AND uuid = %s FOR UPDATE",
            [model.project_id, model.owner[distinct_id].uuid],
        )


_HELD_UP = "SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"


def _wait_until_held_up(answer: Future[int]) -> None:
    deadline = monotonic() + 20
    with connection.cursor() as cursor:
        while True:
            cursor.execute(_HELD_UP)
            if cursor.fetchone() != (0,):
                return
            assert not answer.done(), "the request did not wait"
            assert monotonic() < deadline


def _do(project_id: int, request: Ready) -> None:
    """What the server does with the request, in the transaction of the test."""
    match request.operation:
        case Send():
            now = timezone.now()
            events = [read_event(body, index=0, sent_at=None, received=now) for body in request.bodies()]
            capture(project_id=project_id, events=events)
        case SplitOff(move=move):
            assert request.target is not None
            assert move is not None
            split_person(project_id=project_id, key=request.target, choice=Move(move), user_id=None)
        case Delete():
            assert request.target is not None
            delete_persons(project_id=project_id, uuids=[request.target], user_id=None)
