"""Log lines, for people or for programs. Both name the request that they are about."""

import logging
from datetime import UTC, datetime

from core import request_id
from core.json import dumps


class Line(logging.Formatter):
    """One line for people; of an exception, its traceback below."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s%(request)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the name is the base class's
        name = request_id.current.get()
        record.request = f" [{name}]" if name else ""
        return super().formatMessage(record)


class JSON(logging.Formatter):
    """One object a line: ``time``, ``level``, ``logger``, ``message``, and ``request_id`` and ``exception`` if any."""

    def format(self, record: logging.LogRecord) -> str:
        told = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if name := request_id.current.get():
            told["request_id"] = name
        if record.exc_info:
            told["exception"] = self.formatException(record.exc_info)
        return dumps(told).decode()
