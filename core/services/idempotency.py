"""Requests that are made once however often they are sent: the answer is kept in the transaction of the change."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

import orjson
from django.db import connection
from django.db.backends.utils import CursorWrapper

from core.exceptions import RequestError


class RequestDiffers(RequestError):
    """Another request was made under this ``Idempotency-Key`` within the last 24 hours."""

    status = 409
    type = "invalid_request"
    code = "idempotency_key_reused"

    def __init__(self) -> None:
        super().__init__((self.__doc__ or "").strip())


@dataclass(frozen=True, slots=True)
class RequestName:
    """Under which name which key made the request. ``caller`` is the id of the key."""

    project_id: int
    caller: str
    name: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What the first request was answered: JSON text."""

    status: int
    body: str


#: What stands in for an answer that held somebody who is erased: the request must not be carried out again.
ERASED = Answer(
    410,
    orjson.dumps(
        {
            "type": "invalid_request",
            "code": "answer_erased",
            "detail": "This request was carried out. Its answer told of a person who has been erased since.",
            "attr": None,
        }
    ).decode(),
)

# Forgets a few others on the way, so that the table stays small by itself.
_FORGET = """
DELETE FROM core_idempotentrequest WHERE id IN (
    SELECT id FROM core_idempotentrequest WHERE created_at < now() - interval '24 hours'
    ORDER BY created_at LIMIT 20 FOR UPDATE SKIP LOCKED
) OR (project_id = %(project_id)s AND caller = %(caller)s AND name = %(name)s
    AND created_at < now() - interval '24 hours')
"""

# A twin that is under way is waited for: its row is there, not yet committed.
_CLAIM = """
INSERT INTO core_idempotentrequest (project_id, caller, name, digest, answer)
VALUES (%(project_id)s, %(caller)s, %(name)s, %(digest)s, 'null')
ON CONFLICT (project_id, caller, name) DO NOTHING
"""

_FIND = """
SELECT digest, status, answer FROM core_idempotentrequest
WHERE project_id = %(project_id)s AND caller = %(caller)s AND name = %(name)s
"""

_KEEP = """
UPDATE core_idempotentrequest SET status = %(status)s, answer = %(answer)s
WHERE project_id = %(project_id)s AND caller = %(caller)s AND name = %(name)s
"""


def first_answer(request: RequestName, *, digest: bytes) -> Answer | None:
    """What was answered to this request before; null when it is the first, which is noted.

    Runs in the transaction of the change. Raises ``RequestDiffers``.
    """
    parameters = {**asdict(request), "digest": digest}
    with connection.cursor() as cursor:
        cursor.execute(_FORGET, parameters)
        cursor.execute(_CLAIM, parameters)
        if cursor.rowcount:
            return None
        cursor.execute(_FIND, parameters)
        known, status, answer = cursor.fetchone()
    if bytes(known) != digest:
        raise RequestDiffers
    return Answer(status, answer)


# By the index idempotent_answers_by_name, which holds every string of an answer: additions of nothing keep PostgreSQL
# from walking the whole project instead.
_NAMES = """
project_id + 0 = %(project_id)s AND created_at + interval '0' <= %(until)s
    AND jsonb_path_query_array(answer::jsonb, 'strict $.** ? (@.type() == "string")') ?| %(names)s
"""
_FORGET_NAMED = f"UPDATE core_idempotentrequest SET status = %(status)s, answer = %(answer)s WHERE {_NAMES}"  # noqa: S608 - a constant
_COUNT_NAMED = f"SELECT count(*) FROM core_idempotentrequest WHERE {_NAMES}"  # noqa: S608 - a constant


def forget_answers_naming(
    cursor: CursorWrapper, project_id: int, names: Sequence[str], *, until: datetime
) -> None:
    """Forget answers to requests made up to ``until`` that have one of these texts in them, uuids or distinct ids."""
    cursor.execute(
        _FORGET_NAMED,
        {
            "project_id": project_id,
            "names": list(names),
            "until": until,
            "status": ERASED.status,
            "answer": ERASED.body,
        },
    )


def count_answers_naming(
    cursor: CursorWrapper, project_id: int, names: Sequence[str], *, until: datetime
) -> int:
    """How many there are."""
    cursor.execute(_COUNT_NAMED, {"project_id": project_id, "names": list(names), "until": until})
    return int(cursor.fetchone()[0])


def keep_answer(request: RequestName, answer: Answer) -> None:
    """Note the answer of the first request, in the transaction of its change."""
    with connection.cursor() as cursor:
        cursor.execute(_KEEP, {**asdict(request), "status": answer.status, "answer": answer.body})
