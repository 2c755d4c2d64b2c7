"""Files of events: JSON lines, plain or compressed, or Parquet, told apart by their first bytes.

Rows come as JSON text with their numbers, whatever the format; memory does not grow with the file.
"""

import gzip
import hashlib
import io
import os
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pyarrow as pa

from core.events import parquet
from core.events.body import GZIP
from core.events.file_row import LONGEST_ROW
from core.exceptions import RequestError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_ZSTD = b"\x28\xb5\x2f\xfd"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_CHUNK = 1024 * 1024


class UnreadableFile(RequestError):
    """The file cannot be read, whatever its rows are."""


@dataclass(frozen=True, slots=True)
class EventFile:
    """A file that can be imported. ``fingerprint`` names its content, before compression."""

    path: Path
    is_parquet: bool
    rows: int
    fingerprint: str
    #: Size and time of change, as they were when the fingerprint was taken.
    state: tuple[int, int]

    @property
    def row_word(self) -> str:
        """What people call a row of it."""
        return "row" if self.is_parquet else "line"

    def json_rows(self, *, after: int) -> Iterator[tuple[int, bytes]]:
        """Numbers, from 1, and JSON texts of the rows beyond the first ``after``. Raises ``UnreadableFile``."""
        with _told(self.path):
            if self.is_parquet:
                yield from enumerate(parquet.json_rows(self.path, after=after), after + 1)
                return
            for number, line in enumerate(_lines(self.path), 1):
                if number > after:
                    yield number, line

    def check_unchanged(self) -> None:
        """Raises ``UnreadableFile`` when the file is not what its fingerprint says any more."""
        with _told(self.path):
            state = _state(self.path)
        if state != self.state:
            raise UnreadableFile(
                "The file changed while it was read. Run the import again.", attr=str(self.path)
            )


def open_file(path: Path) -> EventFile:
    """Read the file once for its format, rows and fingerprint. Raises ``UnreadableFile``."""
    with _told(path):
        state = _state(path)
        is_parquet = _starts_with(path, parquet.MAGIC)
        with path.open("rb") if is_parquet else _inflated(path) as stream:
            lines, fingerprint = _measured(stream)
        rows = _parquet_rows(path) if is_parquet else lines
    return EventFile(path, is_parquet, rows, fingerprint, state)


def _parquet_rows(path: Path) -> int:
    rows, columns = parquet.shape(path)
    if "event" not in columns:
        raise UnreadableFile(
            f"There is no column event, only {', '.join(columns)}. Rename the columns to event, distinct_id, "
            "timestamp, uuid and properties.",
            attr=str(path),
        )
    return rows


def _measured(stream: IO[bytes]) -> tuple[int, str]:
    """The number of lines, and the hash of the content."""
    digest = hashlib.sha256()
    lines, last = 0, b"\n"
    while chunk := stream.read(_CHUNK):
        digest.update(chunk)
        lines += chunk.count(b"\n")
        last = chunk[-1:]
    return lines + (last != b"\n"), digest.hexdigest()


def _lines(path: Path) -> Iterator[bytes]:
    """One that is too long is cut off where that shows."""
    with _inflated(path) as stream:
        line = stream.readline(LONGEST_ROW + 1).removeprefix(_BYTE_ORDER_MARK)
        while line:
            yield line
            while len(line) > LONGEST_ROW and not line.endswith(b"\n"):
                line = stream.readline(LONGEST_ROW + 1)
            line = stream.readline(LONGEST_ROW + 1)


def _inflated(path: Path) -> IO[bytes]:
    if _starts_with(path, GZIP):
        return io.BufferedReader(gzip.open(path), _CHUNK)
    if _starts_with(path, _ZSTD):
        return io.BufferedReader(zstd.open(path), _CHUNK)
    return path.open("rb", buffering=_CHUNK)


def _starts_with(path: Path, magic: bytes) -> bool:
    with path.open("rb") as file:
        return file.read(len(magic)) == magic


def _state(path: Path) -> tuple[int, int]:
    found = os.stat(path)
    return found.st_size, found.st_mtime_ns


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Every way in which a file cannot be read, as one kind of error that names the file."""
    try:
        yield
    except (gzip.BadGzipFile, EOFError, zlib.error, zstd.ZstdError):
        raise UnreadableFile("The compressed data is damaged or cut off.", attr=str(path)) from None
    except pa.ArrowException as error:
        reason = str(error).splitlines()[0]
        raise UnreadableFile(f"The Parquet data cannot be read: {reason}", attr=str(path)) from None
    except UnicodeDecodeError:
        raise UnreadableFile("A text column holds bytes that are not UTF-8.", attr=str(path)) from None
    except OSError as error:
        raise UnreadableFile(f"{error.strerror or error}.", attr=str(path)) from None
