"""The tables of PostgreSQL, one concept a module."""

from core.models.key import PersonalAPIKey
from core.models.outbox import DeliveryBatch, EventBuffer, Outbox, Undeliverable
from core.models.person import Person, PersonDistinctId, PersonTombstone
from core.models.project import Membership, Organization, Project
from core.models.user import User

__all__ = [
    "DeliveryBatch",
    "EventBuffer",
    "Membership",
    "Organization",
    "Outbox",
    "Person",
    "PersonDistinctId",
    "PersonTombstone",
    "PersonalAPIKey",
    "Project",
    "Undeliverable",
    "User",
]
