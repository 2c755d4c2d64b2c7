"""Which sockets may be those of a client that waits."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from insights.api.connection import ClientConnection


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


@contextmanager
def connected(listening: socket.socket) -> Iterator[tuple[socket.socket, socket.socket]]:
    """A client, which talks to itself from an address that nobody else here has, and its server."""
    with socket.create_connection(listening.getsockname(), source_address=("127.0.0.77", 0)) as client:
        server, _ = listening.accept()
        with server:
            yield client, server


def of(listening: socket.socket, address: str = "127.0.0.77", **more: Any) -> ClientConnection:
    port = str(listening.getsockname()[1])
    here = {"REMOTE_ADDR": address, "SERVER_PORT": port, "SERVER_PROTOCOL": "HTTP/1.1"}
    return ClientConnection({**here, **more})


def ask(client: socket.socket, server: socket.socket) -> None:
    client.sendall(b"GET /")
    assert server.recv(100) == b"GET /"


@pytest.mark.parametrize("address", ["127.0.0.77", "::ffff:127.0.0.77"])
def test_a_client_is_gone_when_its_socket_is_closed(listening: socket.socket, address: str) -> None:
    with connected(listening) as (client, server):
        ask(client, server)
        connection = of(listening, address)
        assert not connection.is_gone()

        server.close()

        assert connection.is_gone()


@pytest.mark.parametrize("address", ["127.0.0.78", "", "unknown", "::1"])
def test_nobody_is_gone_who_was_never_seen(listening: socket.socket, address: str) -> None:
    with connected(listening) as (client, server):
        ask(client, server)
        connection = of(listening, address)
        assert not connection.is_gone()

        server.close()

        assert not connection.is_gone()


@pytest.mark.parametrize("more", [{"SERVER_PROTOCOL": "HTTP/2.0"}, {"HTTP_EXPECT": "100-continue"}])
def test_where_it_cannot_be_told_nobody_is_gone(listening: socket.socket, more: dict[str, str]) -> None:
    with connected(listening) as (client, server):
        ask(client, server)
        connection = of(listening, **more)
        assert not connection.is_gone()

        server.close()

        assert not connection.is_gone()


def test_another_connection_that_waits_may_be_the_one(listening: socket.socket) -> None:
    with connected(listening) as (client, server), connected(listening) as (other_client, other_server):
        ask(client, server)
        ask(other_client, other_server)
        connection = of(listening)
        assert not connection.is_gone()

        server.close()

        assert not connection.is_gone()
        other_server.close()
        assert connection.is_gone()


def test_one_that_was_answered_meanwhile_is_another(listening: socket.socket) -> None:
    with connected(listening) as (client, server), connected(listening) as (other_client, other_server):
        ask(client, server)
        ask(other_client, other_server)
        connection = of(listening)
        assert not connection.is_gone()
        other_server.sendall(b"200 OK")
        assert not connection.is_gone()

        server.close()

        assert connection.is_gone()


def test_one_that_has_asked_nothing_is_another(listening: socket.socket) -> None:
    with connected(listening) as (client, server), connected(listening):
        ask(client, server)
        connection = of(listening)
        assert not connection.is_gone()

        server.close()

        assert connection.is_gone()
