"""Requests that are made once however often they are sent: the answer is kept in the transaction of the change."""

from dataclasses import asdict, dataclass

from django.db import connection

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
VALUES (%(project_id)s, %(caller)s, %(name)s, %(digest)s, '')
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


def keep_answer(request: RequestName, answer: Answer) -> None:
    """Note the answer of the first request, in the transaction of its change."""
    with connection.cursor() as cursor:
        cursor.execute(_KEEP, {**asdict(request), "status": answer.status, "answer": answer.body})
