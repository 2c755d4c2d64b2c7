"""Failures of a question on their way from the worker to the request that waits."""

import logging
from typing import Any

from core.exceptions import ClickHouseUnavailable, InvalidInput, QueryTooHeavy

logger = logging.getLogger(__name__)

_PASSING = {failure.__name__: failure for failure in (ClickHouseUnavailable, QueryTooHeavy)}


class QuestionFailed(Exception):
    """The worker met a defect of ours while it answered; its log has the traceback."""


def to_wire(error: Exception) -> dict[str, Any]:
    """``error`` as JSON. What nobody foresaw is logged here, where its traceback is."""
    if isinstance(error, InvalidInput):
        return {"kind": "InvalidInput", "detail": error.detail, "attr": error.attr}
    for name, failure in _PASSING.items():
        if isinstance(error, failure):
            return {"kind": name}
    logger.error("a question failed", exc_info=error)
    return {"kind": "QuestionFailed"}


def from_wire(wire: dict[str, Any]) -> Exception:
    """The failure to raise in the request."""
    kind = wire["kind"]
    if kind == "InvalidInput":
        return InvalidInput(wire["detail"], attr=wire["attr"])
    return _PASSING[kind]() if kind in _PASSING else QuestionFailed()
