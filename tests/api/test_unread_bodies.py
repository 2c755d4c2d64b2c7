"""A connection stays usable after an answer that did not need the request's body."""

import socket
from contextlib import closing
from http.client import HTTPConnection

import pytest

from tests.stack import Stack

#: Answered from the head alone: no body is asked for, no such route, no key.
REQUESTS = {
    "read": "GET /_health",
    "no such route": "POST /nowhere/",
    "not allowed": "DELETE /batch/",
    "no key": "POST /api/projects/1/persons/1/split/",
}


@pytest.mark.parametrize("request_line", REQUESTS.values(), ids=REQUESTS)
@pytest.mark.parametrize("size", [20, 2_000_000])
def test_a_body_that_comes_late_leaves_the_connection_open(
    stack: Stack, request_line: str, size: int
) -> None:
    method, path = request_line.split()
    with closing(HTTPConnection("127.0.0.1", stack.port, timeout=20)) as connection:
        connection.putrequest(method, path)
        connection.putheader("Content-Type", "application/json")
        connection.putheader("Content-Length", str(size))
        connection.endheaders()
        # The answer comes after the body: a client may send all of it before it listens.
        connection.sock.settimeout(0.3)
        with pytest.raises(TimeoutError):
            connection.sock.recv(1, socket.MSG_PEEK)
        connection.sock.settimeout(20)
        connection.send(b"{" + b" " * (size - 2) + b"}")
        connection.getresponse().read()

        # Without this, http.client would connect anew when the server has hung up.
        connection.auto_open = False
        connection.request("GET", "/_health")
        assert connection.getresponse().status == 200
