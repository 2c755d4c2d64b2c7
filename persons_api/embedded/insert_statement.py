"""Where an INSERT statement ends and its data begin, when both arrive in one body."""

import re
from dataclasses import dataclass

#: Comments and quoted text, in which a keyword means nothing; then the words that decide about the statement.
_TOKEN = re.compile(
    rb"""
      --[^\n]*  |  /\*.*?\*/                                            # comments
    | '(?:[^'\\]|\\.)*'  |  "(?:[^"\\]|\\.)*"  |  `(?:[^`\\]|\\.)*`     # strings and quoted names
    | \b(?P<format>FORMAT)\s+(?P<name>\w+)[ \t]*(?:\r?\n|;)?
    | \b(?P<other>SELECT|VALUES|WITH|WATCH|INFILE)\b                    # rows come from the statement itself
    """,
    re.IGNORECASE | re.DOTALL | re.VERBOSE,
)
_INSERT = re.compile(rb"(?:\s|--[^\n]*\n|/\*.*?\*/)*INSERT\b", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True)
class InsertWithData:
    """``INSERT INTO … FORMAT name`` followed by data in that format."""

    statement: str  # without the FORMAT clause
    format: str
    data: bytes


def split_insert(text: bytes) -> InsertWithData | None:
    """The parts of an INSERT with data; None for every other statement.

    Data can be binary and large, so that nothing behind the FORMAT clause is looked at.
    """
    start = _INSERT.match(text)
    if not start:
        return None
    for token in _TOKEN.finditer(text, start.end()):
        if token["other"]:
            return None
        if token["format"]:
            statement = text[: token.start()].decode()
            return InsertWithData(statement, token["name"].decode(), text[token.end() :])
    return None
