"""Making and hashing personal API keys and project tokens."""

import base64
import hashlib
import secrets
from dataclasses import dataclass

#: Letters and digits without look-alikes (0 O 1 l I).
_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_SHA256 = "sha256$"
LEGACY_PREFIX = "pbkdf2_sha256$"
LEGACY_SALT = "posthog_personal_api_key"
#: That older servers used, the most usual first.
LEGACY_ITERATIONS = (260_000, 390_000)
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


def legacy_hash_key(value: str, iterations: int) -> str:
    """What older servers stored: PBKDF2 with one salt for all, so that keys can be looked up as well."""
    digest = hashlib.pbkdf2_hmac("sha256", value.encode(), LEGACY_SALT.encode(), iterations)
    return f"{LEGACY_PREFIX}{iterations}${LEGACY_SALT}${base64.b64encode(digest).decode()}"


def hash_key(value: str) -> str:
    """What is stored of a key. No salt: a key has 280 random bits, and it is looked up by its hash."""
    return _SHA256 + hashlib.sha256(value.encode()).hexdigest()


def is_legacy_hash(hashed: str) -> bool:
    """Whether a stored hash is of the older, slow form."""
    return hashed.startswith(LEGACY_PREFIX)


def _random(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))
