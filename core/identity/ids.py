"""Ids of persons, and distinct ids that name nobody.

Rules: a person's uuid follows from the project and the distinct id that made the person, so clients can
compute it, and events captured before there is a person already carry it.
"""

import uuid

_NAMESPACE = uuid.UUID("932979b4-65c3-4424-8467-0b66ec27bc22")

#: Code points of a distinct id that are kept.
DISTINCT_ID_LENGTH = 200
#: Code points of an id that may take part in a merge: the width of the column.
MERGEABLE_LENGTH = 400

_BROKEN = frozenset("\0\ufffd")

#: Ids that clients send when they do not know who it is; compared without regard to case.
_NOBODY_ANY_CASE = frozenset(
    [
        "anonymous",
        "guest",
        "distinctid",
        "distinct_id",
        "id",
        "not_authenticated",
        "email",
        "undefined",
        "true",
        "false",
    ]
)
#: The same, but only in this spelling.
_NOBODY_EXACT = frozenset(["[object Object]", "NaN", "None", "none", "null", "0"])


def person_uuid(project_id: int, distinct_id: str) -> uuid.UUID:
    """The uuid of the person that ``distinct_id`` makes in this project."""
    return uuid.uuid5(_NAMESPACE, f"{project_id}:{distinct_id}")


def split_uuid(project_id: int, distinct_id: str) -> uuid.UUID:
    """The uuid for ``distinct_id`` when the person it once made is alive without it."""
    return uuid.uuid5(_NAMESPACE, f"{project_id}:{distinct_id}:split")


def can_merge(distinct_id: str) -> bool:
    """Whether the id names somebody: an id that half of all visitors share would merge them into one person."""
    # A NUL has become U+FFFD when a request was read.
    if not distinct_id.strip() or len(distinct_id) > MERGEABLE_LENGTH or not _BROKEN.isdisjoint(distinct_id):
        return False
    bare = distinct_id
    if len(bare) > 1 and bare[0] == bare[-1] and bare[0] in "'\"":
        bare = bare[1:-1]
    return bare not in _NOBODY_EXACT and bare.lower() not in _NOBODY_ANY_CASE
