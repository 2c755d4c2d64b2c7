"""How much memory a running stack takes."""

from dataclasses import dataclass

import psutil

from persons_api.embedded.state import StackState

STORES = ("postgres", "valkey", "clickhouse")


@dataclass(frozen=True)
class Memory:
    """Bytes; memory that processes share is counted once."""

    program: int
    stores: int

    @property
    def total(self) -> int:
        return self.program + self.stores


def memory_of(state: StackState) -> Memory:
    """Memory of the supervisor and everything below it. Raises ``psutil.NoSuchProcess`` when it is gone."""
    supervisor = psutil.Process(state.supervisor_pid)
    stores: set[int] = set()
    for record in state.processes:
        if record.name in STORES and psutil.pid_exists(record.pid):
            process = psutil.Process(record.pid)
            stores |= {process.pid, *(child.pid for child in process.children(recursive=True))}
    sizes = {process.pid: _size(process) for process in (supervisor, *supervisor.children(recursive=True))}
    in_stores = sum(size for pid, size in sizes.items() if pid in stores)
    return Memory(program=sum(sizes.values()) - in_stores, stores=in_stores)


def _size(process: psutil.Process) -> int:
    try:
        # The proportional set size counts shared pages once; only Linux knows it.
        full = process.memory_full_info()
        return int(getattr(full, "pss", 0) or full.rss)
    except psutil.AccessDenied:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0
