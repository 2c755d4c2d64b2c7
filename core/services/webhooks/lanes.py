"""Which waiting events can be sent now, and which only one after the other: pure rules.

An event waits for every earlier one about a person of its own: the next is sent when the one before was delivered or
given up. So what may go at once is put into lanes, each of which is sent in order, beside the others.
"""

from collections.abc import Iterable, Set
from dataclasses import dataclass, field
from uuid import UUID

#: Events of one lane.
LONGEST = 20


@dataclass(frozen=True, slots=True)
class Waiting:
    """An event that waits for its delivery; ``is_due`` is false until the time of its next attempt."""

    id: int
    persons: frozenset[UUID]
    is_due: bool


@dataclass(slots=True)
class Lane:
    """Events of one webhook that are sent in this order."""

    ids: list[int] = field(default_factory=list)
    persons: set[UUID] = field(default_factory=set)


class Planner:
    """Puts events, which come in their order, into at most ``most`` lanes. ``busy`` are persons of events that are
    under way already.
    """

    def __init__(self, *, most: int, longest: int = LONGEST, busy: Set[UUID] = frozenset()) -> None:
        self.lanes: list[Lane] = []
        self._most, self._longest = most, longest
        self._held = set(busy)

    @property
    def is_full(self) -> bool:
        """Whether no further event finds room."""
        return len(self.lanes) == self._most and all(len(one.ids) >= self._longest for one in self.lanes)

    def take(self, events: Iterable[Waiting]) -> None:
        for event in events:
            lane = self._lane_for(event)
            if lane is None:
                # Later ones about the same persons wait, too.
                self._held |= event.persons
            else:
                lane.ids.append(event.id)
                lane.persons |= event.persons

    def _lane_for(self, event: Waiting) -> Lane | None:
        if not event.is_due or event.persons & self._held:
            return None
        behind = [lane for lane in self.lanes if lane.persons & event.persons]
        if len(behind) > 1:
            return None
        if behind:
            return behind[0] if len(behind[0].ids) < self._longest else None
        if len(self.lanes) < self._most:
            self.lanes.append(Lane())
            return self.lanes[-1]
        shortest = min(self.lanes, key=lambda lane: len(lane.ids), default=None)
        return shortest if shortest is not None and len(shortest.ids) < self._longest else None
