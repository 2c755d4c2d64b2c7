"""One stack for all tests that kill its parts; each begins when what the one before it killed is there again."""

import time
from collections.abc import Callable, Iterator

import httpx
import pytest

from persons_api import roles
from persons_api.embedded.memory import STORES
from tests.clients import NO_TLS
from tests.stack import Stack, temporary_stack

PATIENCE = 90
PARTS = {*STORES, "workers", *roles.NAMES}


@pytest.fixture(scope="session")
def mortal_stack() -> Iterator[Stack]:
    # Small batches, so that there is a middle to be killed in.
    with temporary_stack(PERSONS_API_DELIVERY_BATCH_ROWS="700") as running:
        yield running


@pytest.fixture
def stack(mortal_stack: Stack) -> Stack:
    eventually(lambda: set(mortal_stack.pids()) == PARTS and is_ready(mortal_stack))
    return mortal_stack


def is_ready(stack: Stack) -> bool:
    try:
        answer = httpx.get(f"{stack.url}/_ready", timeout=10, verify=NO_TLS)
    except httpx.HTTPError:
        return False
    return answer.is_success and answer.json()["status"] == "ready"


def eventually(is_true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not is_true():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.02)
