"""Several things done at the same time: for one that keeps stores busy, and small ones that mostly wait."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

First = TypeVar("First")
Other = TypeVar("Other")

#: They stay, for each has connections of its own, and do nothing while there is nothing to do. A call may itself do
#: several things at once, but none of those may.
_threads = ThreadPoolExecutor(4, thread_name_prefix="at-once")


def at_once(first: Callable[[], First], others: Iterable[Callable[[], Other]]) -> tuple[First, list[Other]]:
    """The results of ``first``, which runs in this thread, and of ``others``, which must not use PostgreSQL: nobody
    would close their connections. Nothing runs any more when this returns, or raises what one of them raised.
    """
    beside = [_threads.submit(other) for other in others]
    try:
        result = first()
    finally:
        wait(beside)
    return result, [other.result() for other in beside]
