"""Random small projects around clock changes, and the plain way to see what happened in them: nothing of SQL, and
nothing of the calendar of ``insights.filters``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from core.outbox.lines import person_line
from insights.filters.project import ProjectFacts
from tests.insights.world import NOON, World

#: Zones with a local noon around which something happens to their clocks; the first one is for comparison.
PLACES = {
    "UTC": "2026-01-15",
    "Asia/Kolkata": "2026-02-28",
    "Europe/Berlin": "2026-03-29",
    "America/New_York": "2025-11-02",
    # The clocks change at midnight: one that is left out, and a last hour that comes twice.
    "America/Havana": "2026-03-08",
    "Africa/Cairo": "2025-10-31",
    # The clocks change by half an hour.
    "Australia/Lord_Howe": "2026-04-05",
    # A day is left out.
    "Pacific/Apia": "2011-12-31",
}
NAMES = ["look", "buy"]
INTERVALS = ["hour", "day", "week", "month"]
QUARTER = timedelta(minutes=15)
COHORT = 7


@dataclass(frozen=True)
class Happening:
    """An event so many minutes after the noon of the place."""

    name: str
    minutes: int
    texts: dict[str, str]
    #: The event arrived under a second distinct id, of a person that was merged later.
    under_second_id: bool
    group: str
    is_stored_twice: bool


@dataclass(frozen=True)
class Actor:
    happenings: list[Happening]
    #: Minutes after the noon of the place.
    created: int
    #: Whether the person still exists.
    is_live: bool
    plan: str
    #: Of the cohort ``COHORT``, as long as the person exists.
    is_member: bool = False


@dataclass(frozen=True)
class Seen:
    """An event as a question meets it: when, whose, and what it bears."""

    name: str
    at: datetime
    texts: dict[str, str]
    actor: str
    group: str
    #: Whether the actor is a member of the cohort now.
    by_member: bool = False


minutes = st.one_of(
    # Close to the change of the clocks, and further away.
    st.integers(-24 * 60, 24 * 60),
    st.integers(-12 * 24 * 60, 12 * 24 * 60),
    # Just when periods begin, and a minute before.
    st.tuples(st.integers(-30, 30), st.integers(-1, 0)).map(lambda pair: pair[0] * 60 + pair[1]),
    st.tuples(st.integers(-4, 4), st.integers(-1, 0)).map(lambda pair: (pair[0] * 24 - 12) * 60 + pair[1]),
)
happenings = st.builds(
    Happening,
    name=st.sampled_from(NAMES),
    minutes=minutes,
    texts=st.dictionaries(
        st.sampled_from(["price", "colour", "$session_id"]),
        st.sampled_from(["1", "2", "5", "10", "red", ""]),
        max_size=3,
    ),
    under_second_id=st.integers(0, 4).map(lambda number: number == 0),
    group=st.sampled_from(["", "acme", "umbrella"]),
    is_stored_twice=st.integers(0, 5).map(lambda number: number == 0),
)
actors = st.builds(
    Actor,
    happenings=st.lists(happenings, min_size=1, max_size=8),
    created=minutes,
    is_live=st.integers(0, 7).map(bool),
    plan=st.sampled_from(["free", "team"]),
    is_member=st.booleans(),
)
crowds = st.lists(actors, min_size=1, max_size=8)
places = st.sampled_from(sorted(PLACES))
#: Days before and after the noon of the place.
ranges = st.tuples(st.integers(-9, 2), st.integers(0, 9)).map(lambda pair: (pair[0], pair[0] + pair[1]))


@dataclass
class Place(World):
    """A project in a zone, with a crowd in it. Times are minutes after the noon of the place."""

    week_start_day: int = 0
    overridden: bool = False

    @property
    def noon(self) -> datetime:
        return datetime.fromisoformat(f"{PLACES[self.zone]}T12:00").replace(tzinfo=ZoneInfo(self.zone))

    @property
    def now(self) -> datetime:
        """Long after everything."""
        return self.noon + timedelta(days=60)

    @property
    def facts(self) -> ProjectFacts:
        return ProjectFacts(
            self.project_id, self.zone, self.week_start_day, cohorts={str(COHORT): "the members"}
        )

    def moment(self, after_noon: int) -> datetime:
        """UTC, as minutes pass and not as clocks show them."""
        return self.noon.astimezone(UTC) + timedelta(minutes=after_noon)

    def moment_of(self, text: str) -> datetime:
        """UTC of a local time."""
        return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(self.zone)).astimezone(UTC)

    def last_second(self, date_to: str) -> datetime:
        """UTC of the end of a range: of the day, unless there is a time."""
        local = datetime.fromisoformat(date_to)
        if ":" in date_to:
            return self.moment_of(date_to)
        return self.moment_of(f"{local + timedelta(days=1)}") - timedelta(seconds=1)

    def dates(self, days: tuple[int, int], interval: str) -> dict[str, str]:
        """The parameters of a range of days, or of hours in them."""
        first, last = (self.noon + timedelta(days=day) for day in days)
        if interval == "hour":
            return {"date_from": f"{first:%Y-%m-%d 07:30}", "date_to": f"{last:%Y-%m-%d 21:45}"}
        return {"date_from": f"{first:%Y-%m-%d}", "date_to": f"{last:%Y-%m-%d}"}

    def fill(self, crowd: Sequence[Actor]) -> list[Seen]:
        """Put the crowd into the tables; the events, each once, with the persons whose they are now."""
        events, persons, overrides, seen = [], [], [], []
        for index, actor in enumerate(crowd):
            first, second = name_of(index), f"second-{index}"
            persons.append(self.person_created(first, actor))
            if not actor.is_live:
                persons.append(self.person_line(first, version=100, is_deleted=True))
            if any(item.under_second_id for item in actor.happenings):
                overrides.append(self.override_line(second, first))
            for item in actor.happenings:
                at = self.moment(item.minutes)
                line = self.event_line(
                    item.name,
                    second if item.under_second_id else first,
                    (at - NOON).total_seconds(),
                    item.texts,
                    uuid=uuid4(),
                    groups={2: item.group} if item.group else None,
                )
                events.extend([line] * (2 if item.is_stored_twice else 1))
                by_member = actor.is_member and actor.is_live
                seen.append(Seen(item.name, at, item.texts, first, item.group, by_member))
        # Rows that are in one insert are merged at once: what is stored twice comes twice.
        self.insert("events", list(dict.fromkeys(events)))
        self.insert("events", [line for line in dict.fromkeys(events) if events.count(line) > 1])
        self.insert("person", persons)
        self.insert("person_distinct_id_overrides", overrides)
        members = {name_of(index): actor.is_live for index, actor in enumerate(crowd) if actor.is_member}
        if members:
            self.join(COHORT, *members)
            self.join(COHORT, *(name for name in members if not members[name]), version=2, is_deleted=True)
        self.overridden = bool(overrides)
        return seen

    def person_created(self, name: str, actor: Actor) -> str:
        return person_line(
            project_id=self.project_id,
            uuid=self.person_id(name),
            created_at=self.moment(actor.created),
            properties={"plan": actor.plan, "email": f"{name}@example.org"},
            is_identified=True,
            version=0,
            is_deleted=False,
        )

    def names(self, found: Sequence[UUID], crowd: Sequence[Actor]) -> list[str]:
        """The names of the persons with these ids."""
        by_id = {self.person_id(name_of(index)): name_of(index) for index in range(len(crowd))}
        return [by_id[uuid] for uuid in found]


def name_of(index: int) -> str:
    return f"p{index}"


def living(crowd: Sequence[Actor]) -> set[str]:
    return {name_of(index) for index, actor in enumerate(crowd) if actor.is_live}


def period(moment: datetime, interval: str, zone: str, week_start_day: int) -> Any:
    """What tells the period of a moment from all others, by what clock and calendar show."""
    local = moment.astimezone(ZoneInfo(zone))
    if interval == "hour":
        return f"{local:%Y-%m-%d %H}", local.utcoffset()
    if interval == "day":
        return local.date()
    if interval == "week":
        return local.date() - timedelta(days=(local.isoweekday() - week_start_day) % 7)
    return local.year, local.month


def periods(first: datetime, last: datetime, interval: str, zone: str, week_start_day: int) -> list[Any]:
    """The periods of all moments from ``first`` to ``last``, in their order. There are none in a day that was left out:
    it begins when it is over.
    """
    if first > last:
        return []
    moments, at = [], first
    while at < last:
        moments.append(at)
        at += QUARTER
    return list(dict.fromkeys(period(one, interval, zone, week_start_day) for one in [*moments, last]))


def matching(seen: Sequence[Seen], first: datetime, last: datetime, series: dict[str, Any]) -> list[Seen]:
    """The events of a series between two times, to the whole second."""
    return [
        event
        for event in seen
        if event.name == series["id"]
        and first <= event.at < last + timedelta(seconds=1)
        and all(passes(event, item) for item in series.get("properties", []))
    ]


def passes(event: Seen, item: dict[str, Any]) -> bool:
    """Whether an event passes an ``exact`` filter, or one by the cohort."""
    if item.get("type") == "cohort":
        wanted: bool = item["operator"] == "in"
        return event.by_member == wanted
    return event.texts.get(item["key"], "") in item["value"]
