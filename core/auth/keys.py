"""Making and hashing personal API keys and project tokens."""

import hashlib
import secrets
from dataclasses import dataclass

#: Letters and digits without look-alikes (0 O 1 l I).
_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
#: 48 of 57 symbols carry 35 bytes of entropy.
_SYMBOLS = 48


@dataclass(frozen=True, slots=True)
class NewSecret:
    """A key in clear, shown once, and what is kept of it."""

    value: str
    hashed: str
    mask: str


def new_key() -> NewSecret:
    value = "phx_" + _random(_SYMBOLS)
    return NewSecret(value=value, hashed=hash_key(value), mask=f"{value[:4]}...{value[-4:]}")


def new_key_id() -> str:
    return _random(16)


def new_project_token() -> str:
    return "phc_" + _random(43)


def hash_key(value: str) -> str:
    """What is stored of a key. No salt: a key has 280 random bits, and it is looked up by its hash."""
    return "sha256$" + hashlib.sha256(value.encode()).hexdigest()


def _random(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))
