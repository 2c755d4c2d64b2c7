"""Web processes of another configuration, beside those of the stack and on the same stores."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

from persons_api import roles
from persons_api.embedded.http_probe import answers
from tests.stack import PATIENCE, Stack, free_port


@contextmanager
def web(stack: Stack, **environment: str) -> Iterator[str]:
    """The URL at which they answer."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    process = subprocess.Popen(
        roles.web(host="127.0.0.1", port=port, stop_seconds=3),
        env={**os.environ, **stack.environment, "PERSONS_API_WEB_WORKERS": "1", **environment},
    )
    try:
        _wait_for(url)
        yield url
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE)


def _wait_for(url: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not answers(f"{url}/_health"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
