"""Commands on a stack, running or stopped: the stores of a stopped one are started for the command."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from persons_api.embedded import clickhouse, orphans, postgres, stores
from persons_api.embedded.children import Children
from persons_api.embedded.errors import CannotStart
from persons_api.embedded.folder import DataFolder, FolderTaken
from persons_api.embedded.state import StackState, load

#: Seconds that a command waits for another one on the same folder, or for a stack that is starting.
PATIENCE = 60.0
STOP_PATIENCE = 5.0
LOOK_EVERY = 0.1


@contextmanager
def visit(folder: DataFolder, *, with_clickhouse: bool = False) -> Iterator[StackState]:
    """The state of a stack whose Postgres (and ClickHouse, when asked for) answers inside the block."""
    if not folder.state_file.exists():
        raise CannotStart(
            f"There is no stack in {folder.path}. Start one: persons-api up --data-dir {folder.path}"
        )
    with ExitStack() as held:
        if _is_ours(folder, held):
            yield held.enter_context(_stopped(folder, with_clickhouse=with_clickhouse))
        else:
            yield _running(folder)


def _is_ours(folder: DataFolder, held: ExitStack) -> bool:
    """Take the lock of a stopped stack; False when ``up`` has it."""
    try:
        held.enter_context(folder.locked("command", patience=PATIENCE))
    except FolderTaken as taken:
        if taken.holder.purpose != "up":
            raise
        return False
    return True


def _running(folder: DataFolder) -> StackState:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and folder.is_running():
        state = load(folder)
        if state and state.prepared:
            return state
        time.sleep(LOOK_EVERY)
    raise CannotStart(f"The stack in {folder.path} does not come up. See {folder.path / 'logs'}")


@contextmanager
def _stopped(folder: DataFolder, *, with_clickhouse: bool) -> Iterator[StackState]:
    state = load(folder) or StackState()
    orphans.end_orphans(folder, state)
    stores.choose_ports(state)
    state.save(folder)
    needed = [postgres.part(folder, state)]
    if with_clickhouse:
        needed.append(clickhouse.part(folder, state))
    children = Children(pause=time.sleep, tell=lambda _: None)
    try:
        children.start(needed)
        state.processes = children.records()
        state.save(folder)
        yield state
    finally:
        children.stop(patience=STOP_PATIENCE, hurry=lambda: False)
        state.processes = []
        state.save(folder)
