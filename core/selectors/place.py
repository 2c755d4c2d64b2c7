"""A place in the list of persons, newest first."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Place:
    """A row in the order of the list."""

    created_at: datetime
    uuid: UUID

    def text(self) -> str:
        return f"{self.created_at.isoformat()} {self.uuid}"

    @classmethod
    def read(cls, text: str) -> "Place":
        created_at, _, uuid = text.partition(" ")
        return cls(datetime.fromisoformat(created_at), UUID(uuid))

    @classmethod
    def of_row(cls, row: Mapping[str, Any]) -> "Place":
        return cls(row["created_at"], UUID(row["uuid"]))
