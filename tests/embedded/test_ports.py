"""Ports are kept when free and replaced when not."""

import socket

import pytest

from persons_api.embedded.errors import CannotStart
from persons_api.embedded.ports import any_free, is_free, keep_or_choose


def test_a_port_with_a_listener_is_not_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert not is_free(server.getsockname()[1])


def test_a_free_port_is_kept() -> None:
    port = any_free()

    assert keep_or_choose(port, taken=set()) == port


def test_a_taken_port_is_replaced() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        assert keep_or_choose(port, taken=set()) != port


def test_two_parts_never_get_one_port() -> None:
    port = any_free()

    assert keep_or_choose(port, taken={port}) != port


@pytest.mark.parametrize("host", ["192.0.2.1", "no such host"])
def test_an_address_of_another_machine_is_refused(host: str) -> None:
    with pytest.raises(CannotStart, match=host):
        is_free(0, host)
