"""The only reader of environment variables.

Each reader refuses a value that it cannot understand with the name and the value, so that a wrong setting
stops the start instead of showing up later as strange behaviour.
"""

import os
import re
from datetime import UTC, datetime
from ipaddress import IPv4Network, IPv6Network, ip_network
from urllib.parse import SplitResult, unquote, urlsplit


class BadEnvironment(Exception):
    """An environment variable has a value that cannot be used."""

    def __init__(self, name: str, value: str, wanted: str) -> None:
        super().__init__(f"{name}={value!r}: expected {wanted}")


def text(name: str, default: str) -> str:
    """The value of ``name``, or ``default`` when it is missing or empty."""
    return os.environ.get(name) or default


def choice(name: str, default: str, *, among: tuple[str, ...]) -> str:
    value = os.environ.get(name) or default
    if value not in among:
        raise BadEnvironment(name, value, f"one of {', '.join(among)}")
    return value


def identifier(name: str) -> str:
    """A name that needs no quotes in SQL; empty without the variable."""
    value = os.environ.get(name) or ""
    if value and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,62}", value):
        raise BadEnvironment(name, value, "a name of letters, digits and underscores")
    return value


def secret(name: str) -> str | None:
    """Like ``text`` without a default; kept apart so that secrets are easy to find."""
    return os.environ.get(name) or None


def integer(name: str, default: int, *, least: int = 0) -> int:
    value = os.environ.get(name) or str(default)
    try:
        number = int(value)
    except ValueError:
        raise BadEnvironment(name, value, "a whole number") from None
    if number < least:
        raise BadEnvironment(name, value, f"a whole number of at least {least}")
    return number


#: Seconds of the spans that a rate may name.
SPANS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}


def rate(name: str, default: str) -> tuple[int, int] | None:
    """Requests and the seconds in which they may come, as in ``480/minute``; ``off`` is no limit."""
    value = (os.environ.get(name) or default).strip().lower()
    if value == "off":
        return None
    count, _, span = value.partition("/")
    if not (count.isascii() and count.isdigit() and 0 < int(count) <= 1_000_000 and span in SPANS):
        raise BadEnvironment(name, value, f"off, or 1 to 1000000 a span, as 480/minute ({', '.join(SPANS)})")
    return int(count), SPANS[span]


def boolean(name: str, default: bool) -> bool:
    value = (os.environ.get(name) or str(default)).strip().lower()
    if value in ("1", "true", "yes", "on"):
        return True
    if value in ("0", "false", "no", "off"):
        return False
    raise BadEnvironment(name, value, "true or false")


def integers(name: str) -> list[int]:
    """Whole numbers separated by commas; none without the variable."""
    try:
        return [int(word) for word in words(name, [])]
    except ValueError:
        raise BadEnvironment(name, os.environ[name], "whole numbers separated by commas") from None


def day(name: str) -> datetime | None:
    """Midnight in UTC at the start of a day; null without the variable."""
    value = os.environ.get(name)
    if not value:
        return None
    try:
        return datetime.strptime(value, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise BadEnvironment(name, value, "a day as 2027-12-31") from None


def words(name: str, default: list[str]) -> list[str]:
    """A list separated by commas."""
    value = os.environ.get(name)
    return [word.strip() for word in value.split(",") if word.strip()] if value else default


def networks(name: str) -> list[IPv4Network | IPv6Network]:
    """Networks separated by commas, as ``10.1.0.0/16``; none without the variable."""
    try:
        return [ip_network(word) for word in words(name, [])]
    except ValueError:
        raise BadEnvironment(name, os.environ[name], "networks as 10.1.0.0/16, separated by commas") from None


def url(name: str, default: str, *, schemes: tuple[str, ...]) -> SplitResult:
    """A URL of one of ``schemes``; user and password may be percent-encoded (see ``credentials``)."""
    value = os.environ.get(name) or default
    parts = urlsplit(value)
    if parts.scheme not in schemes or not parts.hostname:
        raise BadEnvironment(
            name, value, f"a URL starting {' or '.join(f'{scheme}://' for scheme in schemes)}"
        )
    try:
        parts.port  # noqa: B018 - reading it is the check
    except ValueError:
        raise BadEnvironment(name, value, "a URL with a port between 0 and 65535") from None
    return parts


def credentials(parts: SplitResult) -> tuple[str, str]:
    """User and password of a URL, decoded."""
    return unquote(parts.username or ""), unquote(parts.password or "")
