"""The answer of both batch routes."""

from collections.abc import Mapping, Sequence
from typing import Any

from rest_framework.response import Response

#: Entries of a request that are looked at.
MOST = 200


def batch_response(persons: Mapping[str, Any], asked: Sequence[Any]) -> Response:
    """``truncated`` is there only when entries were not looked at."""
    cut = {"truncated": True} if len(asked) > MOST else {}
    return Response({"results": persons, **cut})
