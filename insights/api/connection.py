"""Whether the client of a request that waits is gone. The server in front (granian) closes the socket of a client that
hangs up, and tells the application nothing, nor which socket is whose; but the kernel knows what the sockets are at.
"""

import os
import socket
import struct
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import Any

_FOLDER = "/proc/self/fd"
#: Seconds that a request may have waited for a thread.
_QUEUED = 1.0


class ClientConnection:
    """The connection of the request with this environment, as far as it can be told from others. Made when the request
    comes.

    It is among those of this process, from the client's address to the server's port, at which something came in since
    something last went out. When all that were so at the first look are closed, or have sent something, the client is
    gone for certain.
    """

    def __init__(self, environment: Mapping[str, Any]) -> None:
        self._address = _address(str(environment.get("REMOTE_ADDR", "")))
        # Where one connection has many requests, or something went out before the answer, it cannot be told.
        if (
            not str(environment.get("SERVER_PROTOCOL", "")).startswith("HTTP/1")
            or "HTTP_EXPECT" in environment
        ):
            self._address = None
        self._port = str(environment.get("SERVER_PORT", ""))
        self._since = time.monotonic()
        #: Data segments sent, by socket.
        self._candidates: dict[int, int] | None = None

    def is_gone(self) -> bool:
        """Whether the client has hung up since this was first asked. False as well where nobody can tell."""
        if self._address is None or self._candidates == {}:
            return False
        there = {
            one.inode: one
            for one in _sockets()
            if one.address == self._address and str(one.port) == self._port
        }
        if self._candidates is None:
            longest = time.monotonic() - self._since + _QUEUED
            self._candidates = {one.inode: one.sent for one in there.values() if one.waits(longest)}
            return False
        return all(
            inode not in there or there[inode].sent != sent for inode, sent in self._candidates.items()
        )


@dataclass(frozen=True, slots=True)
class _Socket:
    """A connection: the other side's address and our port, bytes received and data segments sent, the seconds since the
    last of each, and since the other side last acknowledged something.
    """

    inode: int
    address: str
    port: int
    received: int
    sent: int
    since_received: float
    since_sent: float
    since_acknowledged: float

    def waits(self, longest: float) -> bool:
        """Whether the client may be waiting for an answer.

        The kernel's clock has ticks of some milliseconds. What came and went within one was a question and its answer
        if the client has acknowledged something since, or if it was ``longest`` ago; else it may have been the answer
        to the question before this one.
        """
        if not self.received or self.since_sent < self.since_received:
            return False
        was_answered = self.since_acknowledged < self.since_received or self.since_received > longest
        return self.since_sent > self.since_received or not was_answered


def _address(text: str) -> str | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(mapped or address)


def _sockets() -> Iterator[_Socket]:
    """The TCP connections of this process."""
    try:
        names = os.listdir(_FOLDER)
    except OSError:  # no Linux
        return
    for name in names:
        try:
            if not os.readlink(f"{_FOLDER}/{name}").startswith("socket:"):
                continue
            # A descriptor of our own: another thread may close this one at any time, and a third one get its number.
            with socket.socket(fileno=os.dup(int(name))) as connection:
                found = _looked_at(connection)
        except OSError:  # closed meanwhile, or not connected
            continue
        if found is not None:
            yield found


def _looked_at(connection: socket.socket) -> _Socket | None:
    if connection.family not in (socket.AF_INET, socket.AF_INET6) or connection.type != socket.SOCK_STREAM:
        return None
    address = _address(connection.getpeername()[0])
    # ``struct tcp_info`` of Linux; an old one ends before what is asked for.
    facts = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    if address is None or len(facts) < 160:
        return None
    since_sent, _, since_received, since_acknowledged = struct.unpack_from("=4I", facts, 44)
    (received,), (sent,) = struct.unpack_from("=Q", facts, 128), struct.unpack_from("=I", facts, 156)
    return _Socket(
        inode=os.fstat(connection.fileno()).st_ino,
        address=address,
        port=connection.getsockname()[1],
        received=received,
        sent=sent,
        since_received=since_received / 1000,
        since_sent=since_sent / 1000,
        since_acknowledged=since_acknowledged / 1000,
    )
