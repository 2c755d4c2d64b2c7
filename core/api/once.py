"""The ``Idempotency-Key`` header: a POST that changes something happens once, however often it is sent."""

import hashlib
from collections.abc import Callable

import orjson
from django.db import transaction
from rest_framework.request import Request
from rest_framework.response import Response

from core.exceptions import InvalidInput
from core.json import dumps
from core.services.idempotency import Answer, RequestName, first_answer, keep_answer

HEADER = "Idempotency-Key"
LONGEST = 255


def once(handler: Callable[[], Response], request: Request, *, project_id: int, caller: str) -> Response:
    """The answer of ``handler``, or the one it gave the first time. An answer that is an error is not kept, for
    nothing was changed. ``caller`` is the id of the key.

    Raises ``InvalidInput`` for a name that cannot be one, ``RequestDiffers`` for one that was used otherwise.
    """
    name = request.headers[HEADER].strip()
    if not name or len(name) > LONGEST or not name.isprintable():
        raise InvalidInput(f"{HEADER} must be 1 to {LONGEST} printable characters.", attr=HEADER)
    this = RequestName(project_id, caller, name)
    with transaction.atomic():
        before = first_answer(this, digest=_digest(request))
        if before is not None:
            return Response(
                orjson.loads(before.body), status=before.status, headers={"Idempotency-Replayed": "true"}
            )
        response = handler()
        keep_answer(this, Answer(response.status_code, dumps(response.data).decode()))
    return response


def _digest(request: Request) -> bytes:
    """Of the method, the path and what was sent, whatever the order of keys."""
    asked = [request.method, request.get_full_path(), request.data]
    return hashlib.sha256(orjson.dumps(asked, option=orjson.OPT_SORT_KEYS)).digest()
