"""Processes of an earlier start that was killed before it could stop them.

The kernel ends children with their parent on Linux; this is for what slipped through, and for other systems.
"""

import os
import signal
from contextlib import suppress

import psutil

from persons_api.embedded import postgres
from persons_api.embedded.folder import DataFolder
from persons_api.embedded.state import ProcessRecord, StackState

#: Seconds by which two readings of one start time may differ.
CLOCK_TOLERANCE = 2.0
#: Seconds that orphans get to stop by themselves.
PATIENCE = 5.0


def end_orphans(folder: DataFolder, state: StackState) -> int:
    """End them all; how many there were."""
    found = {process.pid: process for process in (*_recorded(state), *postgres.processes(folder.postgres))}
    signals = {record.pid: record.stop_signal for record in state.processes}
    for process in found.values():
        with suppress(psutil.NoSuchProcess):
            process.send_signal(signals.get(process.pid, signal.SIGTERM))
    _, left = psutil.wait_procs(list(found.values()), timeout=PATIENCE)
    for process in left:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(left, timeout=PATIENCE)
    return len(found)


def _recorded(state: StackState) -> list[psutil.Process]:
    records = {record.pid: record for record in state.processes}
    return [process for process in psutil.process_iter() if _belongs_to(process, records, state)]


def _belongs_to(process: psutil.Process, records: dict[int, ProcessRecord], state: StackState) -> bool:
    """Whether a process is a child of the stack, or was started by one.

    Its number alone proves nothing: it may have been given to another process since.
    """
    with suppress(psutil.Error, ProcessLookupError, PermissionError):
        record = records.get(os.getsid(process.pid))
        # A zombie has ended; only its parent has not looked yet.
        if not record or process.status() == psutil.STATUS_ZOMBIE:
            return False
        if process.pid == record.pid and abs(process.create_time() - record.started) <= CLOCK_TOLERANCE:
            return True
        # A web worker outlives its parent in the parent's session; only our children know the password.
        return process.environ().get("DATABASE_URL") == state.environment()["DATABASE_URL"]
    return False
