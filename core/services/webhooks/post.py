"""One request to a receiver, within a time that nothing extends."""

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache

from core.services.webhooks.target import Target, TargetRefused, read_target, resolve

#: Bytes of an answer that are read; nothing depends on what they are.
MOST_READ = 4096


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a request. ``error`` is null when the receiver took it; ``status`` is null when it did not answer;
    ``body`` is the start of its answer.
    """

    status: int | None
    error: str | None
    body: str
    seconds: float

    @property
    def is_taken(self) -> bool:
        return self.error is None


def post(url: str, body: bytes, headers: Mapping[str, str], *, timeout: float) -> Answer:
    """Send ``body`` and read the answer, all in ``timeout`` seconds. A redirect is not followed: it would lead to an
    address that nobody has looked at. Proxies of the environment are not used.
    """
    started = time.monotonic()
    try:
        status, text = _exchange(read_target(url), body, headers, deadline=started + timeout)
    except (TargetRefused, OSError, http.client.HTTPException, ValueError) as error:
        is_late = time.monotonic() >= started + timeout
        told = f"No answer within {timeout:g} s." if is_late else _describe(error)
        return Answer(None, told, "", time.monotonic() - started)
    return Answer(status, _refusal(status), text, time.monotonic() - started)


def _refusal(status: int) -> str | None:
    if 200 <= status < 300:
        return None
    if 300 <= status < 400:
        return f"The receiver answered {status}; redirects are not followed."
    return f"The receiver answered {status}."


def _describe(error: Exception) -> str:
    if isinstance(error, TargetRefused):
        return str(error)
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"The certificate of the receiver is not valid: {error.verify_message.rstrip('.')}."
    if isinstance(error, http.client.HTTPException):
        return f"The receiver gave no HTTP answer ({type(error).__name__})."
    return f"The receiver cannot be reached: {getattr(error, 'strerror', None) or error}."


def _exchange(target: Target, body: bytes, headers: Mapping[str, str], *, deadline: float) -> tuple[int, str]:
    connection = _connection(target)
    with _connected(target, deadline=deadline) as plain:
        connection.sock = plain
        if target.scheme == "https":
            connection.sock = _tls().wrap_socket(plain, server_hostname=target.host)
        try:
            connection.request("POST", target.path, body, {**headers, "Connection": "close"})
            answer = connection.getresponse()
            text = answer.read(MOST_READ).decode(errors="replace").replace("\0", "")
            if time.monotonic() >= deadline:
                # It was broken off, and what looks like the end of the answer is none.
                raise TimeoutError("no time is left")
            return answer.status, text
        finally:
            connection.close()


def _connection(target: Target) -> http.client.HTTPConnection:
    """It knows the names of host and port; the socket is brought along."""
    kind = http.client.HTTPSConnection if target.scheme == "https" else http.client.HTTPConnection
    connection = kind(target.host, target.port)
    # It would resolve the name again, and ask nobody about the address.
    connection.auto_open = 0
    return connection


@contextmanager
def _connected(target: Target, *, deadline: float) -> Iterator[socket.socket]:
    """A connection that breaks off at the deadline, whatever it is used for: a time-out of a socket starts anew with
    every byte that drips in.
    """
    plain = _connect(target, deadline=deadline)
    # TLS takes the descriptor over, so the watch has one of its own.
    watched = plain.dup()
    watch = threading.Timer(max(0.0, deadline - time.monotonic()), _break_off, [watched])
    watch.daemon = True
    watch.start()
    try:
        yield plain
    finally:
        watch.cancel()
        watched.close()
        plain.close()


def _break_off(connection: socket.socket) -> None:
    # It may be over already.
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def _connect(target: Target, *, deadline: float) -> socket.socket:
    """To the first of the addresses that answers."""
    addresses = resolve(target)
    failure: OSError = TimeoutError("no time is left")
    for address in addresses:
        left = deadline - time.monotonic()
        if left <= 0:
            break
        try:
            connection = socket.create_connection((address, target.port), timeout=left)
        except OSError as error:
            failure = error
        else:
            connection.settimeout(max(0.001, deadline - time.monotonic()))
            return connection
    raise failure


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()
