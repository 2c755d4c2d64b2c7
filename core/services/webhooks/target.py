"""Which addresses webhooks may be sent to.

A URL comes from a user of the API, the request from inside the network of the server. So addresses that only the inside
reaches are refused unless ``settings.WEBHOOK_ALLOWED_NETWORKS`` has them. What decides is the address that is connected
to: a name is resolved once, and that very address is used, so a name cannot point elsewhere after it was checked.
"""

import re
import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

from django.conf import settings

Address = IPv4Address | IPv6Address

#: Where an IPv6 address has an IPv4 address inside, at its end: translation (NAT64) and an old form.
_EMBEDDING = (IPv6Network("64:ff9b::/96"), IPv6Network("::/96"))
_PORTS = {"http": 80, "https": 443}
#: Printable ASCII without spaces.
_PLAIN = re.compile(r"[!-~]+")


class TargetRefused(Exception):
    """The URL leads where nothing may be sent, or cannot be one."""


@dataclass(frozen=True, slots=True)
class Target:
    """A URL in parts. ``path`` includes the query."""

    scheme: str
    host: str
    port: int
    path: str


def read_target(url: str) -> Target:
    """The parts of a URL of ours. Raises ``TargetRefused``."""
    if not _PLAIN.fullmatch(url):
        raise TargetRefused("Enter a valid URL: without spaces, other characters than ASCII percent-encoded.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise TargetRefused("Enter a valid URL.") from None
    if parts.scheme not in _PORTS or not parts.hostname:
        raise TargetRefused("Enter a valid URL that starts with https:// or http://.")
    if parts.username is not None:
        raise TargetRefused("The URL may not hold a user name or password: requests are signed instead.")
    if ":" in parts.hostname:
        _check_literal(parts.hostname)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, parts.hostname, _PORTS[parts.scheme] if port is None else port, path)


def _check_literal(host: str) -> None:
    try:
        # The name of an interface, behind a percent sign, goes with addresses of its link alone.
        IPv6Address(host.partition("%")[0])
    except ValueError:
        raise TargetRefused("Enter a valid URL.") from None
    if "%" in host:
        raise TargetRefused("The address of the URL is not a public one.")


def check_target(url: str) -> Target:
    """What can be told without asking a name server: the URL is one, and its host is no refused address. Raises
    ``TargetRefused``.
    """
    target = read_target(url)
    addresses: list[Address]
    if f".{target.host.rstrip('.')}".endswith(".localhost"):
        addresses = [IPv4Address("127.0.0.1")]
    else:
        addresses = _addresses(target, flags=socket.AI_NUMERICHOST)
    for address in addresses:
        _check(address)
    return target


def resolve(target: Target) -> list[str]:
    """The addresses of the host that may be connected to, best first. Raises ``TargetRefused`` when none may, or when
    there are none.
    """
    addresses = _addresses(target, flags=0)
    if not addresses:
        raise TargetRefused(f"The host {target.host} is not known.")
    allowed = [address for address in addresses if is_allowed(address)]
    if not allowed:
        _check(addresses[0])
    return [str(address) for address in allowed]


def is_allowed(address: Address) -> bool:
    """Whether the whole world may reach the address, or the settings allow it."""
    inner = _inner(address)
    is_public = inner.is_global and not (inner.is_multicast or inner.is_reserved or _is_of_a_site(inner))
    return is_public or any(
        inner in network or address in network for network in settings.WEBHOOK_ALLOWED_NETWORKS
    )


def _check(address: Address) -> None:
    if not is_allowed(address):
        raise TargetRefused(
            f"The address {address} is not a public one. Whoever runs the server can allow it with "
            "PERSONS_API_WEBHOOK_ALLOWED_NETWORKS."
        )


def _inner(address: Address) -> Address:
    """The IPv4 address that an IPv6 address leads to, if it does."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if any(address in network for network in _EMBEDDING) and int(address) > 1:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def _is_of_a_site(address: Address) -> bool:
    """Of an old kind of private networks."""
    return isinstance(address, IPv6Address) and address.is_site_local


def _addresses(target: Target, *, flags: int) -> list[Address]:
    """None for a name that is not known, or, with ``AI_NUMERICHOST``, for any name."""
    try:
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM, flags=flags)
    except (OSError, UnicodeError):
        return []
    # An address of a link has its interface behind a percent sign.
    return [ip_address(str(sockaddr[0]).partition("%")[0]) for *_, sockaddr in found]
