"""Secrets of webhooks and what is signed with them, by the rules of https://www.standardwebhooks.com.

No secret is stored: it is the HMAC-SHA256 of random bytes of the webhook under the secret key of the server. A copy of
the database is not enough to sign, and a server with another secret key says so instead of signing wrongly.
"""

import base64
import hmac
import os
from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings

PREFIX = "whsec_"
SALT_BYTES = 16
#: What keeps these apart from whatever else is derived from the secret key.
_PURPOSE = b"persons-api webhook secret\0"
#: Characters of the secret that are shown.
_SHOWN = 4


class SecretLost(Exception):
    """The server has another PERSONS_API_SECRET_KEY than when this secret was made: rotate it."""

    def __str__(self) -> str:
        return (self.__doc__ or "").strip()


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret in clear, and what is kept of it."""

    value: str
    salt: bytes
    mask: str


def new_secret() -> Secret:
    """A secret that nobody has seen."""
    return secret_of(os.urandom(SALT_BYTES))


def secret_of(salt: bytes) -> Secret:
    """The secret that follows from ``salt``."""
    value = PREFIX + base64.b64encode(_key(salt)).decode()
    return Secret(value, salt, f"{PREFIX}...{value[-_SHOWN - 1 : -1]}")


def signature(salts: Sequence[bytes], mask: str, *, event_id: str, timestamp: int, body: bytes) -> str:
    """The header ``Webhook-Signature``: a signature by each of the secrets, the newest first. Raises ``SecretLost``
    when the newest is not the one that ``mask`` was made of.
    """
    if secret_of(salts[0]).mask != mask:
        raise SecretLost
    signed = f"{event_id}.{timestamp}.".encode() + body
    return " ".join(
        f"v1,{base64.b64encode(hmac.digest(_key(salt), signed, 'sha256')).decode()}" for salt in salts
    )


def _key(salt: bytes) -> bytes:
    return hmac.digest(settings.SECRET_KEY.encode(), _PURPOSE + salt, "sha256")
