"""Reads a file of persons for a static cohort: which column names them, and what it says. Knows no database."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import chain
from typing import IO, Any

from core.exceptions import InvalidInput

#: Rows of one file: they are held in memory until all were seen.
MOST_ROWS = 200_000
#: Characters of a value that are kept; no id is longer.
_LONGEST = 500


class Naming(StrEnum):
    """How a file names persons."""

    PERSON = "person_id"
    DISTINCT_ID = "distinct_id"
    EMAIL = "email"


_HEADERS = {
    "person_id": Naming.PERSON,
    "person-id": Naming.PERSON,
    "person .id": Naming.PERSON,
    "distinct_id": Naming.DISTINCT_ID,
    "distinct-id": Naming.DISTINCT_ID,
    "email": Naming.EMAIL,
    "e-mail": Naming.EMAIL,
}
#: The line on which a row ends, and its cells.
Row = tuple[int, list[str]]

#: Best first.
_BEST = (Naming.PERSON, Naming.DISTINCT_ID, Naming.EMAIL)


@dataclass(slots=True)
class NamedPersons:
    """``values`` are what names persons, ``lines`` where each stands in the file, from 1."""

    naming: Naming
    values: list[str] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)


def read_csv(file: IO[bytes]) -> NamedPersons:
    """Raises ``InvalidInput`` whose attr is ``csv``."""
    text = io.TextIOWrapper(file, "utf-8-sig", newline="")
    try:
        return _read(csv.reader(text))
    except UnicodeDecodeError:
        raise _wrong("The file is not UTF-8.") from None
    except csv.Error as error:
        raise _wrong(f"The file is not CSV: {error}.") from None
    finally:
        text.detach()


def _read(reader: Any) -> NamedPersons:
    rows: Iterator[Row] = ((reader.line_num, row) for row in reader)
    head = next(((line, row) for line, row in rows if any(cell.strip() for cell in row)), None)
    if head is None:
        raise _wrong("The file is empty.")
    cells = [cell.strip() for cell in head[1]]
    is_alone = sum(map(bool, cells)) == 1
    found = _one_column(cells, head, rows) if is_alone else _many_columns(cells, rows)
    if not found.values:
        raise _wrong("The file has no valid person IDs, distinct IDs, or email addresses.")
    return found


def _one_column(cells: list[str], head: Row, rows: Iterator[Row]) -> NamedPersons:
    """The first row is data too, unless it says what the column holds."""
    place, name = next((place, cell) for place, cell in enumerate(cells) if cell)
    naming = _HEADERS.get(name.lower())
    if naming in (Naming.PERSON, Naming.EMAIL):
        return _column(naming, place, rows)
    return _column(Naming.DISTINCT_ID, place, chain([head], rows))


def _many_columns(cells: list[str], rows: Iterator[Row]) -> NamedPersons:
    named: dict[Naming, int] = {}
    for place, cell in enumerate(cells):
        if cell.lower() in _HEADERS:
            named.setdefault(_HEADERS[cell.lower()], place)
    naming = next((one for one in _BEST if one in named), None)
    if naming is None:
        raise _wrong(
            "The file has several columns and needs at least one column with a supported ID header: "
            f"person_id, distinct_id or email. Found: {', '.join(cells)}"
        )
    return _column(naming, named[naming], rows)


def _column(naming: Naming, place: int, rows: Iterator[Row]) -> NamedPersons:
    found = NamedPersons(naming)
    for line, row in rows:
        value = row[place].strip() if place < len(row) else ""
        if not value:
            continue
        if len(found.values) >= MOST_ROWS:
            raise _wrong(f"The file has more than {MOST_ROWS} rows; send it in parts.")
        found.values.append(value[:_LONGEST].replace("\0", "\N{REPLACEMENT CHARACTER}"))
        found.lines.append(line)
    return found


def _wrong(detail: str) -> InvalidInput:
    return InvalidInput(detail, attr="csv")
