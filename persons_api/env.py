"""The only reader of environment variables.

Each reader refuses a value that it cannot understand with the name and the value, so that a wrong setting
stops the start instead of showing up later as strange behaviour.
"""

import os
from urllib.parse import SplitResult, unquote, urlsplit


class BadEnvironment(Exception):
    """An environment variable has a value that cannot be used."""

    def __init__(self, name: str, value: str, wanted: str) -> None:
        super().__init__(f"{name}={value!r}: expected {wanted}")


def text(name: str, default: str) -> str:
    """The value of ``name``, or ``default`` when it is missing or empty."""
    return os.environ.get(name) or default


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


def boolean(name: str, default: bool) -> bool:
    value = (os.environ.get(name) or str(default)).strip().lower()
    if value in ("1", "true", "yes", "on"):
        return True
    if value in ("0", "false", "no", "off"):
        return False
    raise BadEnvironment(name, value, "true or false")


def words(name: str, default: list[str]) -> list[str]:
    """A list separated by commas."""
    value = os.environ.get(name)
    return [word.strip() for word in value.split(",") if word.strip()] if value else default


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
