"""Regular expressions of a request are tried before they are used: a query in which no row meets a bad one
would not notice it.
"""

from collections.abc import Iterable

from core.clickhouse import client
from core.exceptions import ClickHouseRefused, InvalidInput
from core.filters.properties import PropertyFilter, TextMatch, TextTest

_CANNOT_COMPILE_REGEXP = 427


def check_patterns(filters: Iterable[PropertyFilter]) -> None:
    """Raises ``InvalidInput`` that names the first filter whose pattern RE2 does not take."""
    for item in filters:
        if isinstance(item.test, TextTest) and item.test.match is TextMatch.PATTERN:
            for pattern in item.test.values:
                _check(pattern, item)


def _check(pattern: str, item: PropertyFilter) -> None:
    try:
        client.inspect("SELECT match('', {pattern:String})", parameters={"pattern": pattern})
    except ClickHouseRefused as error:
        if error.code != _CANNOT_COMPILE_REGEXP:
            raise
        raise InvalidInput(f"{pattern!r} is not a valid regular expression (RE2).", attr=item.attr) from None
