"""Conditions on rows of ``person_newest_first``, whose indexes know ``pairs`` and ``searched``
(``core/clickhouse/schema/0008_person_newest_first.sql``).
"""

from dataclasses import dataclass

from core.clickhouse.escape import property_path, property_text
from core.filters.properties import PropertyFilter, Source, TextMatch, TextTest
from core.sql.conditions import OnPersons
from core.sql.text import Sql, sql, text, texts, trusted

#: Bytes of the longest pair that the schema keeps.
_LONGEST_PAIR = 200
#: What the search looks at of a person, besides distinct ids: an expression for rows of ``person``, and the column
#: that holds the same.
SEARCHED_OF_PERSON = trusted(
    f"lowerUTF8(concat(ifNull({property_text('properties', 'email')}, ''), '\\0',"
    f" ifNull({property_text('properties', 'name')}, ''), '\\0', toString(id)))"
)
SEARCHED = trusted("searched")


@dataclass(frozen=True, slots=True)
class OnNewestFirst(OnPersons):
    """The same as on rows of ``person``, said in a way that the index of pairs understands where it can help."""

    def condition(self, item: PropertyFilter) -> Sql:
        pairs = _pairs(item)
        if pairs is None:
            # No ``super()``: a dataclass with slots is another class than the one that it was written as.
            return OnPersons.condition(self, item)
        return sql("hasAny(pairs, {pairs})", pairs=texts(pairs))


def _pairs(item: PropertyFilter) -> list[str] | None:
    """The pairs of which one is there exactly when the filter passes; null when pairs do not tell, as for the empty
    text, which stands for a missing key, too.
    """
    test = item.test
    if (
        item.source is not Source.PERSON
        or not isinstance(test, TextTest)
        or test.match is not TextMatch.EXACT
    ):
        return None
    pairs = [f"{property_path(item.key)}={value}" for value in test.values]
    if item.negated or "" in test.values or any(len(pair.encode()) > _LONGEST_PAIR for pair in pairs):
        return None
    return pairs


_LIKE_ESCAPES = str.maketrans({sign: f"\\{sign}" for sign in "\\%_"})


def contains(place: Sql, wanted: str) -> Sql:
    """Whether ``place``, a text in lower case, contains ``wanted``, whatever the case. A form that indexes of parts of
    a text understand.
    """
    return sql(
        "{place} LIKE lowerUTF8({pattern})", place=place, pattern=text(f"%{wanted.translate(_LIKE_ESCAPES)}%")
    )
