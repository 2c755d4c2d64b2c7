"""Fields of a request that changes something: from the body, else from the query string, where older clients
put them.
"""

from typing import Any

from rest_framework.request import Request

from core.exceptions import InvalidInput

_TRUE = frozenset(["", "true", "1", "yes"])
_FALSE = frozenset(["false", "0", "no"])


class Fields:
    """The fields of one request. Each reader raises ``InvalidInput`` that names the field."""

    def __init__(self, request: Request) -> None:
        body: Any = request.data
        if not isinstance(body, dict):
            raise InvalidInput("The body must be a JSON object.")
        self._body = body
        self._query = request.query_params

    def __contains__(self, name: str) -> bool:
        return name in self._body or name in self._query

    def value(self, name: str) -> Any:
        """The JSON value of the body, or the text of the query string; null when absent."""
        return self._body[name] if name in self._body else self._query.get(name)

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
        value = self._body[name] if name in self._body else (self._query.getlist(name) or None)
        if value is None:
            return None
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise InvalidInput("Expected a list of strings.", attr=name)
        return value
