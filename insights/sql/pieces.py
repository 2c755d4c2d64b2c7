"""Which piece of a range an event ``e`` falls into.

The bounds come from Python, where they are made by the calendar of the project's time zone, so that a query and the
links and labels of its answer can never mean different hours or days.
"""

from collections.abc import Sequence
from datetime import datetime

from core.sql.text import Sql, integers, sql, trusted


def piece_of(starts: Sequence[datetime], moment: Sql | None = None) -> Sql:
    """The place, from 0 on, of the piece that holds ``moment`` (of the event, unless another one is given), where
    ``starts`` are those of the pieces in their order. What is earlier falls into the first one, what is later into the
    last.
    """
    return sql(
        "transform(roundDown(toInt64(toUnixTimestamp64Second({moment})), {starts}), {starts}, {places}, 0)",
        moment=moment or sql("e.timestamp"),
        starts=integers(int(start.timestamp()) for start in starts),
        places=trusted(f"range(toInt64({len(starts)}))"),
    )
