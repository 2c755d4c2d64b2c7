"""How the ``{id}`` of a person is read."""

import re
from uuid import UUID

from core.auth.authentication import LARGEST_ID
from core.exceptions import InvalidInput, PersonNotFound

_INTEGER = re.compile(r"\s*[+-]?\d+\s*")
#: Characters that are enough to tell that a number is beyond every row; Python reads no more than some thousand digits.
_LONGEST = 100


def read_person_id(text: str, *, attr: str | None = None) -> UUID | int:
    """A uuid in any spelling, else a pk. A distinct id is never taken for either: the error says where to
    look it up, and names ``attr`` when the id is a parameter.

    Raises ``InvalidInput``, or ``PersonNotFound`` for a number that no row can have.
    """
    try:
        return UUID(text)
    except ValueError:
        pass
    if not _INTEGER.fullmatch(text):
        raise InvalidInput(
            f"{text!r} is not a person id: it is neither a UUID nor an integer. "
            f"To find a person by distinct id use the list: ?distinct_id={text}",
            attr=attr,
        )
    pk = int(text.strip()[:_LONGEST])
    if abs(pk) > LARGEST_ID:
        raise PersonNotFound
    return pk
