"""Asks another server that speaks PostHog's API: patiently, within bounds, and nobody else.

The key goes to the host that was named and nowhere else: no redirect is followed, and of a link to the next page only
the query is used.
"""

import random
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

from urllib3 import BaseHTTPResponse, PoolManager, Timeout
from urllib3.exceptions import (
    DecodeError,
    HTTPError,
    LocationParseError,
    NameResolutionError,
    NewConnectionError,
    ProtocolError,
    SSLError,
)
from urllib3.exceptions import TimeoutError as TooSlow

from core.events.body import UnreadableBody, decode
from core.exceptions import InvalidInput, RequestError

#: Bytes of an answer, after decompression.
LARGEST = 32 * 1024 * 1024
#: Seconds for a connection, for the next bytes of an answer, and for all of them.
CONNECT_SECONDS, READ_SECONDS, ANSWER_SECONDS = 10.0, 60.0, 180.0
#: Failures in a row after which the server counts as away; fewer before it has answered once.
TRIES, FIRST_TRIES = 8, 2
#: Seconds before the second try; each further one waits twice as long, up to the second number.
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
#: Seconds that the server may ask to wait, and how often in a row.
LONGEST_ASKED, MOST_WAITS = 3_700.0, 20
_CHUNK = 64 * 1024
_PORTS = {"http": 80, "https": 443}
#: Characters of what the server says that are shown.
_SHOWN = 300

#: Hears how many seconds will be waited, and why.
Wait = Callable[[float, str], None]


class SourceRefused(RequestError):
    """The other server does not give what is asked for; asking again changes nothing."""


class RouteMissing(SourceRefused):
    """The other server has no such route, or no such project."""


class AnswerTooLarge(SourceRefused):
    """An answer is larger than this program reads."""


class SourceAway(RequestError):
    """The other server does not answer, or not with success."""


class _Failed(Exception):
    """This try failed; another one may not. ``seconds`` is how long the server asks to wait, if it does."""

    def __init__(self, reason: str, seconds: float | None = None, *, is_throttled: bool = False) -> None:
        super().__init__(reason)
        self.seconds = seconds
        self.is_throttled = is_throttled


def read_host(text: str) -> str:
    """The root of the server, without a slash at the end. Raises ``InvalidInput``."""
    text = text.strip().rstrip("/")
    url = text if "://" in text else f"https://{text}"
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - reading it is the check
    except ValueError:
        raise InvalidInput("Enter a URL, as https://eu.posthog.com.", attr="host") from None
    if parts.scheme not in _PORTS or not parts.hostname or parts.query or parts.fragment or not url.isascii():
        raise InvalidInput("Enter a URL, as https://eu.posthog.com.", attr="host")
    if parts.username is not None:
        raise InvalidInput("The URL may not hold a user name or password.", attr="host")
    return url


def read_key(text: str) -> str:
    """The personal API key without white space around it. Raises ``InvalidInput``."""
    key = text.strip()
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        raise InvalidInput("This is no personal API key (phx_…).", attr="key")
    if key.startswith("phc_"):
        raise InvalidInput("This is a project token. A personal API key (phx_…) is needed.", attr="key")
    return key


def _silently(seconds: float, reason: str) -> None:
    """Nobody wants to hear."""


@dataclass(slots=True)
class Source:
    """A server and the key for it. ``wait`` hears of every pause, before it."""

    host: str
    key: str = field(repr=False)
    wait: Wait = _silently
    sleep: Callable[[float], None] = time.sleep
    has_answered: bool = False
    _pool: PoolManager = field(init=False, repr=False)

    def __post_init__(self) -> None:
        # Without retries of its own, redirects, or proxies of the environment.
        self._pool = PoolManager(
            num_pools=1,
            maxsize=1,
            retries=False,
            timeout=Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS),
            ssl_context=ssl.create_default_context(),
        )

    def get(self, path: str, query: Mapping[str, str] | None = None) -> dict[str, Any]:
        """The JSON object that ``path`` answers.

        What passes is waited for: rate limits as long as the server asks, failures with growing pauses. Raises
        ``SourceRefused`` and ``SourceAway``.
        """
        failures = waits = 0
        while True:
            try:
                answer = self._try(path, query)
            except _Failed as failure:
                failures, waits = (failures, waits + 1) if failure.is_throttled else (failures + 1, waits)
                self._give_up(failure, failures, waits)
                self._pause(failure, failures + waits)
            else:
                self.has_answered = True
                return answer

    def _give_up(self, failure: _Failed, failures: int, waits: int) -> None:
        """Raises ``SourceAway`` when it was tried often enough."""
        if failures < (TRIES if self.has_answered else FIRST_TRIES) and waits <= MOST_WAITS:
            return
        again = " Run the same command again later: it goes on where it was." if self.has_answered else ""
        raise SourceAway(f"{self.host} does not answer: {failure}.{again}") from None

    def _pause(self, failure: _Failed, number: int) -> None:
        longest = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (number - 1))
        # What the server asks for is the least; a little more keeps two clients apart.
        seconds = min(failure.seconds or 0.0, LONGEST_ASKED) or longest / 2
        seconds += random.uniform(0, min(longest / 2, 1.0))  # noqa: S311 - spreads retries, keeps no secret
        self.wait(seconds, str(failure))
        self.sleep(seconds)

    def _try(self, path: str, query: Mapping[str, str] | None) -> dict[str, Any]:
        """Raises ``_Failed`` and ``SourceRefused``."""
        url = f"{self.host}/{path}" + (f"?{urlencode(query)}" if query else "")
        headers = {
            "Authorization": f"Bearer {self.key}",
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
            "User-Agent": "persons-api import-posthog",
        }
        try:
            response = self._pool.request(
                "GET", url, headers=headers, redirect=False, preload_content=False, decode_content=True
            )
            try:
                body = _read(response)
            except BaseException:
                response.close()
                raise
            response.release_conn()
        except LocationParseError:
            raise SourceRefused(f"{self.host} is no URL that can be reached.", attr="host") from None
        except (HTTPError, OSError) as error:
            self._refuse_certificate(error)
            raise _Failed(_describe(error)) from None
        return self._judge(response, body, path)

    def _refuse_certificate(self, error: Exception) -> None:
        reason = error.args[0] if isinstance(error, SSLError) and error.args else None
        if isinstance(reason, ssl.SSLCertVerificationError):
            raise SourceRefused(
                f"The certificate of {self.host} is not valid: {reason.verify_message.rstrip('.')}."
            ) from None

    def _judge(self, response: BaseHTTPResponse, body: bytes, path: str) -> dict[str, Any]:
        status, told = response.status, _detail(body)
        if status == 200:
            return self._object(body)
        if status == 429 or status == 408 or status >= 500:
            raise _Failed(
                "it limits how often it may be asked" if status == 429 else f"it answered {status}",
                _asked(response.headers.get("Retry-After")),
                is_throttled=status == 429,
            )
        if 300 <= status < 400:
            raise SourceRefused(f"{self.host} redirects{_leads_to(response)}; the key was not sent there.")
        if status == 401:
            raise SourceRefused(f"{self.host} does not know the key: {told or '401'}", attr="key")
        if status == 403:
            raise SourceRefused(f"The key may not read {path}: {told or '403'}", attr="key")
        if status == 404:
            raise RouteMissing(f"{self.host}/{path} is not there: {told or '404'}")
        raise SourceRefused(f"{self.host}/{path} answered {status}: {told or 'without a reason'}")

    def _object(self, body: bytes) -> dict[str, Any]:
        try:
            answer = decode(body, largest=LARGEST)
        except UnreadableBody:
            answer = None
        if not isinstance(answer, dict):
            raise SourceRefused(f"{self.host} does not answer as PostHog does: this is no JSON object.")
        return answer


def _read(response: BaseHTTPResponse) -> bytes:
    """The whole body. Raises ``AnswerTooLarge`` and ``_Failed``."""
    deadline = time.monotonic() + ANSWER_SECONDS
    body = bytearray()
    for chunk in response.stream(_CHUNK, decode_content=True):
        body += chunk
        if len(body) > LARGEST:
            raise AnswerTooLarge(f"An answer is larger than {LARGEST} bytes.")
        if time.monotonic() > deadline:
            # A time-out of a socket starts anew with every byte that drips in.
            raise _Failed(f"no whole answer within {ANSWER_SECONDS:g} s")
    return bytes(body)


def _detail(body: bytes) -> str:
    """What an error says, if it is one of the API's."""
    try:
        answer = decode(body, largest=LARGEST)
    except UnreadableBody:
        return ""
    detail = answer.get("detail") if isinstance(answer, dict) else None
    return "".join(filter(str.isprintable, detail))[:_SHOWN] if isinstance(detail, str) else ""


def _asked(retry_after: str | None) -> float | None:
    """Seconds in a ``Retry-After``, which may also be a date."""
    if not retry_after:
        return None
    try:
        return max(0.0, float(retry_after))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(retry_after).timestamp() - time.time())
    except (ValueError, TypeError):
        return None


def _leads_to(response: BaseHTTPResponse) -> str:
    """Where to, without what else may stand in the URL."""
    try:
        parts = urlsplit(response.headers.get("Location", ""))
        place = f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "")
    except ValueError:
        return ""
    is_plain = bool(parts.scheme and parts.hostname) and place.isascii() and place.isprintable()
    return f" to {place}" if is_plain else ""


#: What went wrong below HTTP, for people.
_WORDS: tuple[tuple[type[Exception], str], ...] = (
    (NameResolutionError, "the host is not known"),
    (NewConnectionError, "nobody takes the connection"),
    (TooSlow, "no answer in time"),
    (SSLError, "TLS cannot be agreed on"),
    (DecodeError, "the compressed data is damaged"),
    (ProtocolError, "the connection broke off"),
)


def _describe(error: Exception) -> str:
    return next((words for kind, words in _WORDS if isinstance(error, kind)), type(error).__name__)
