"""Fields of JSON bodies that take what the document says and nothing like it: no number for a text, no word for a
boolean or a number.
"""

from typing import Any

from rest_framework import serializers

from core.exceptions import InvalidInput

#: PostgreSQL writes a large number out as an integer, whatever its form was; no JSON of ours has larger ones.
_LARGEST = 2.0**63


class Text(serializers.CharField):
    """A string."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class Flag(serializers.BooleanField):
    """``true`` or ``false``."""

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class Choice(serializers.ChoiceField):
    """One of the numbers that are named."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, str):
            self.fail("invalid_choice", input=data)
        return super().to_internal_value(data)


def check_numbers(value: Any, *, attr: str) -> None:
    """Raises ``InvalidInput`` when a number somewhere in ``value``, which is kept as JSON, could not be read again."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            waiting.extend(one.values())
        elif isinstance(one, list):
            waiting.extend(one)
        elif isinstance(one, float) and abs(one) >= _LARGEST:
            raise InvalidInput("Numbers of more than 63 bits are not supported.", attr=attr)
