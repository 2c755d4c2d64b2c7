"""Free TCP ports."""

import errno
import socket

from persons_api.embedded.errors import CannotStart

LOOPBACK = "127.0.0.1"


def is_free(port: int, host: str = LOOPBACK) -> bool:
    """Whether a server can listen on ``port``. Raises ``CannotStart`` when ``host`` is not ours."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (socket.gaierror, OverflowError) as error:
        raise CannotStart(f"Cannot listen on {host}:{port}: {error}") from None
    with socket.socket(family, kind, protocol) as probe:
        # As servers do: connections that are still closing do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise CannotStart(f"Cannot listen on {host}:{port}: {error.strerror}") from None
    return True


def any_free(host: str = LOOPBACK) -> int:
    with socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        port: int = probe.getsockname()[1]
        return port


def keep_or_choose(port: int, *, taken: set[int]) -> int:
    """The port of the last start when it is still free, so that noted addresses stay right; else another."""
    while not port or port in taken or not is_free(port):
        port = any_free()
    return port
