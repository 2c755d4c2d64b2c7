"""Rows as CSV, in UTF-8 with lines that end in CR LF.

The header names every column that any row has, so nothing can be sent before all rows were seen. They wait in a
temporary file meanwhile, and not in a transaction: a client that reads slowly holds up nobody but itself.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from tempfile import SpooledTemporaryFile
from typing import Any

import orjson
from django.utils.cache import add_never_cache_headers
from rest_framework.renderers import BaseRenderer

from core.api.renderers import JSONRenderer
from core.exceptions import InvalidInput
from core.json import dumps

CONTENT_TYPE = "text/csv; charset=utf-8"

#: Bytes of waiting rows that stay in memory; more go to the disk.
_IN_MEMORY = 1024 * 1024
#: Every row has a cell for every column.
MOST_COLUMNS = 20_000
#: Bytes of rows that may wait on the disk.
MOST_BYTES = 8 * 1024**3
_CHUNK = 64 * 1024
_QUOTED = re.compile(r'[",\r\n]')


class CSVTable:
    """Takes rows, then gives bytes. Nested values become columns of their own: ``properties.tags.1.name``."""

    def __init__(self) -> None:
        #: Columns by the order in which they were first seen; the file names them by this number.
        self._columns: dict[str, int] = {}
        self._file = SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - closed by ``close``

    def add(self, rows: Iterable[Mapping[str, Any]]) -> None:
        columns = self._columns
        # As JSON shows them: times as text, and what is in fragments.
        for row in orjson.loads(dumps(list(rows))):
            cells = {columns.setdefault(path, len(columns)): _cell(value) for path, value in _flattened(row)}
            self._file.write(orjson.dumps(cells, option=_ONE_LINE))

    def check_size(self) -> None:
        """Raises ``InvalidInput`` when there are more columns or bytes than a long table may have."""
        if len(self._columns) > MOST_COLUMNS:
            raise InvalidInput(f"The table has more than {MOST_COLUMNS} columns; ask for fewer rows.")
        if self._file.tell() > MOST_BYTES:
            raise InvalidInput("The table is too large; ask for fewer rows.")

    def __iter__(self) -> Iterator[bytes]:
        """The table in chunks; without rows nothing at all, not even a header."""
        chunk: list[str] = []
        size = 0
        for line in self._lines():
            chunk.append(line)
            size += len(line)
            if size >= _CHUNK:
                yield "".join(chunk).encode()
                chunk, size = [], 0
        if chunk:
            yield "".join(chunk).encode()

    def close(self) -> None:
        """Frees the disk; the rows are gone."""
        self._file.close()

    def _lines(self) -> Iterator[str]:
        columns = sorted(self._columns)
        place = {str(self._columns[column]): place for place, column in enumerate(columns)}
        rows = self._file.tell()
        self._file.seek(0)
        if rows:
            yield _line(enumerate(map(_cell, columns)), len(columns))
        for row in self._file:
            cells = orjson.loads(row)
            yield _line(sorted((place[number], cell) for number, cell in cells.items()), len(columns))


_ONE_LINE = orjson.OPT_NON_STR_KEYS | orjson.OPT_APPEND_NEWLINE


def _flattened(row: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Each value with the way to it. A stack and not a recursion: values may be nested as deep as JSON may be."""
    stack: list[tuple[str, Any]] = list(row.items())
    while stack:
        path, value = stack.pop()
        if isinstance(value, dict):
            stack.extend([(f"{path}.{key}", member) for key, member in value.items()])
        elif isinstance(value, list):
            stack.extend([(f"{path}.{index}", member) for index, member in enumerate(value)])
        else:
            yield path, value


def _cell(value: Any) -> str:
    text = "" if value is None else str(value)
    return '"' + text.replace('"', '""') + '"' if _QUOTED.search(text) else text


def _line(cells: Iterable[tuple[int, str]], width: int) -> str:
    """``cells`` with their places, in order; the places between are empty."""
    pieces: list[str] = []
    reached = 0
    for place, cell in cells:
        pieces.append("," * (place - reached))
        pieces.append(cell)
        reached = place
    pieces.append("," * (width - 1 - reached))
    line = "".join(pieces)
    # A line without anything would be no row.
    return f"{line or _EMPTY}\r\n"


_EMPTY = '""'


class CSVRenderer(BaseRenderer):
    """A page becomes its rows, a single object one row. Errors stay JSON."""

    media_type = "text/csv"
    format = "csv"
    charset = "utf-8"

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes | str:
        response = (renderer_context or {}).get("response")
        if response is not None and response.exception:
            response["Content-Type"] = JSONRenderer.media_type
            return JSONRenderer().render(data)
        if response is not None:
            add_never_cache_headers(response)
        table = CSVTable()
        try:
            table.add(_rows(data))
            # Text keeps the content type also when there is none of it; the framework drops that of no bytes.
            return b"".join(table) or ""
        finally:
            table.close()


#: ``renderer_classes`` of a view that answers in both forms.
JSON_OR_CSV = (JSONRenderer, CSVRenderer)


def _rows(data: Any) -> Iterable[Mapping[str, Any]]:
    if isinstance(data, Mapping):
        results = data.get("results")
        return results if isinstance(results, list) else [data]
    return data or []
