"""Fields of a request that changes something: from the body, else from the query string, where older clients
put them.
"""

from typing import Any

from rest_framework.request import Request

from core.events.body import UnreadableBody, decode
from core.exceptions import InvalidInput

_TRUE = frozenset(["", "true", "1", "yes"])
_FALSE = frozenset(["false", "0", "no"])


def required(name: str) -> InvalidInput:
    """The error for a field that has to be there."""
    return InvalidInput("This field is required.", attr=name, code="required")


class Fields:
    """The fields of one request. Each reader raises ``InvalidInput`` that names the field.

    NUL, which PostgreSQL cannot hold, is U+FFFD in both places.
    """

    def __init__(self, request: Request) -> None:
        body: Any = request.data
        if not isinstance(body, dict):
            raise InvalidInput(f"Invalid data. Expected a dictionary, but got {type(body).__name__}.")
        self._body = body
        self._query = request.query_params

    def __contains__(self, name: str) -> bool:
        return name in self._body or name in self._query

    def value(self, name: str) -> Any:
        """The JSON value of the body, or the text of the query string; null when absent."""
        if name in self._body:
            return self._body[name]
        text = self._query.get(name)
        return None if text is None else _without_nul(text)

    def flag(self, name: str) -> bool:
        """A boolean in the body; in the query string also ``1`` and ``yes``, and a bare name is true. Absent is
        false.
        """
        if name in self._body:
            value = self._body[name]
            if not isinstance(value, bool):
                raise InvalidInput("Must be a valid boolean.", attr=name)
            return value
        text = self._query.get(name)
        if text is None or text.strip().lower() in _FALSE:
            return False
        if text.strip().lower() not in _TRUE:
            raise InvalidInput("Must be a valid boolean.", attr=name)
        return True

    def text(self, name: str) -> str | None:
        """A string; null when absent or null."""
        value = self.value(name)
        if value is not None and not isinstance(value, str):
            raise InvalidInput("Not a valid string.", attr=name)
        return value

    def texts(self, name: str) -> list[str] | None:
        """A list of strings, in the query string by repeating the name; null when absent or null."""
        value = self._list(name)
        if value is None:
            return None
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise InvalidInput("Expected a list of strings.", attr=name)
        return value

    def text_or_texts(self, name: str) -> list[str] | None:
        """One string or a list of them, in the query string by repeating the name; null when absent or null."""
        value = self._list(name)
        return [value] if isinstance(value, str) else self.texts(name)

    def members(self, name: str) -> list[Any]:
        """The members of a list, of whatever type; none when the field is absent or no list."""
        value = self._list(name)
        return value if isinstance(value, list) else []

    def object(self, name: str) -> dict[str, Any] | None:
        """A JSON object, in the query string as text; null when absent or null."""
        value = self.value(name)
        if name not in self._body and value is not None:
            value = _parsed(value, name)
        if value is not None and not isinstance(value, dict):
            raise InvalidInput("Expected a JSON object.", attr=name)
        return value

    def _list(self, name: str) -> Any:
        if name in self._body:
            return self._body[name]
        return [_without_nul(text) for text in self._query.getlist(name)] or None


def _parsed(text: str, name: str) -> Any:
    body = text.encode()
    try:
        return decode(body, largest=len(body))
    except UnreadableBody as error:
        raise InvalidInput(error.detail, attr=name) from None


def _without_nul(text: str) -> str:
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")
