"""A small project of its own in the stack's ClickHouse: events, persons and overrides put straight into the
tables.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID, uuid4

import orjson

from core.clickhouse import client
from core.events.event import Event
from core.identity.ids import person_uuid
from core.outbox.lines import event_line, group_line, override_line, person_line, received_event_line
from core.sql.text import Sql
from insights.filters.funnel import FunnelPersons, read_funnel_persons
from insights.filters.funnel_result import FunnelResult, read_funnel_result
from insights.filters.project import ProjectFacts
from insights.queries import funnel, funnel_groups

NOON = datetime(2026, 1, 10, 12, tzinfo=UTC)
#: Far from the ids that PostgreSQL gives out.
_project_ids = count(10**12 + uuid4().int % 10**11 * 1000)


@dataclass
class World:
    """Times of events are seconds after ``NOON``."""

    project_id: int = field(default_factory=lambda: next(_project_ids))
    zone: str = "UTC"
    test_account_filters: list[Any] = field(default_factory=list)
    #: Names of the cohorts that there are.
    cohorts: dict[int, str] = field(default_factory=dict)

    @property
    def project_facts(self) -> ProjectFacts:
        names = {str(cohort_id): name for cohort_id, name in self.cohorts.items()}
        return ProjectFacts(
            self.project_id, self.zone, test_account_filters=self.test_account_filters, cohorts=names
        )

    def person_id(self, distinct_id: str) -> UUID:
        """The id of the person that ``distinct_id`` makes."""
        return person_uuid(self.project_id, distinct_id)

    def event_line(
        self,
        name: str,
        distinct_id: str,
        at: float,
        properties: Mapping[str, Any] | None = None,
        *,
        person: str | None = None,
        uuid: UUID | None = None,
        groups: Mapping[int, str] | None = None,
    ) -> str:
        """``person`` is the distinct id that made the person the event was captured with; ``groups`` are keys by
        type.
        """
        timestamp = NOON + timedelta(seconds=at)
        event = Event(uuid or uuid4(), name, distinct_id, timestamp, dict(properties or {}), None, False)
        line = event_line(
            event,
            project_id=self.project_id,
            person_uuid=self.person_id(person or distinct_id),
            mode="full",
            group_keys=groups or {},
        )
        return received_event_line(line, timestamp)

    def person_line(
        self,
        distinct_id: str,
        properties: Mapping[str, Any] | None = None,
        *,
        version: int = 0,
        is_deleted: bool = False,
    ) -> str:
        return person_line(
            project_id=self.project_id,
            uuid=self.person_id(distinct_id),
            created_at=NOON,
            properties=properties or {},
            is_identified=True,
            version=version,
            is_deleted=is_deleted,
        )

    def group_line(
        self, type_index: int, key: str, properties: Mapping[str, Any] | None = None, *, version: int = 0
    ) -> str:
        return group_line(
            project_id=self.project_id,
            type_index=type_index,
            key=key,
            created_at=NOON,
            properties=properties or {},
            version=version,
        )

    def override_line(self, distinct_id: str, person: str, *, version: int = 1) -> str:
        return override_line(
            project_id=self.project_id,
            distinct_id=distinct_id,
            person_uuid=self.person_id(person),
            version=version,
        )

    def join(self, cohort_id: int, *names: str, version: int = 1, is_deleted: bool = False) -> None:
        """Make persons members of a cohort, or take them out."""
        row = {
            "project_id": self.project_id,
            "cohort_id": cohort_id,
            "version": version,
            "is_deleted": int(is_deleted),
            "person_ids": [self.person_id(name) for name in names],
            "person_versions": [0] * len(names),
        }
        self.insert("cohort_member_changes", [orjson.dumps(row).decode()])

    def insert(self, table: str, lines: Sequence[str]) -> None:
        if lines:
            client.insert_lines(table, "\n".join(lines).encode(), token=str(uuid4()))

    def events(self, *lines: str) -> None:
        self.insert("events", lines)

    def persons(self, *distinct_ids: str, properties: Mapping[str, Any] | None = None) -> None:
        self.insert("person", [self.person_line(distinct_id, properties) for distinct_id in distinct_ids])

    def question(self, **given: Any) -> FunnelPersons:
        return read_funnel_persons(
            {"funnel_step": 1, "limit": 1000, **given}, project=self.project_facts, now=NOON
        )

    def result_question(self, **given: Any) -> FunnelResult:
        return read_funnel_result(given, project=self.project_facts, now=NOON)

    def ask(self, query: Sql) -> Sequence[Sequence[Any]]:
        text, parameters = query.rendered()
        return client.query(text, project_id=self.project_id, parameters=parameters)

    def found(self, names: Sequence[str], *, overridden: bool = False, **given: Any) -> list[str]:
        """Those of ``names``, distinct ids that made persons, that a funnel question finds, sorted."""
        rows = self.ask(funnel.persons(self.question(**given), overridden=overridden))
        by_id = {self.person_id(name): name for name in names}
        return sorted(by_id[row[0]] for row in rows)

    def found_groups(self, type_index: int, *, overridden: bool = False, **given: Any) -> list[str]:
        """The keys of the groups of a type that a funnel question finds, in the order of the answer."""
        question = self.question(aggregation_group_type_index=type_index, **given)
        return [row[0] for row in self.ask(funnel_groups.groups(question, overridden=overridden))]
