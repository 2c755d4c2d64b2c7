"""The tables of PostgreSQL, one concept a module."""

from core.models.activity import ActivityEntry
from core.models.cohort import Cohort, CohortCalculation, CohortMember
from core.models.cohort_upload import CohortUploadPart
from core.models.data_version import DataVersion
from core.models.deletion import DeletionId, DeletionRequest
from core.models.event_import import EventImport
from core.models.group import Group, GroupType
from core.models.idempotency import IdempotentRequest
from core.models.journal import IdentityChange
from core.models.key import PersonalAPIKey
from core.models.outbox import DeliveryBatch, EventBuffer, Outbox, Undeliverable
from core.models.person import DistinctIdTombstone, Person, PersonDistinctId, PersonTombstone
from core.models.posthog_import import ImportedPerson, PosthogImport
from core.models.project import Membership, Organization, Project
from core.models.project_deletion import ProjectDeletion
from core.models.user import User
from core.models.webhook import Webhook, WebhookDelivery

__all__ = [
    "ActivityEntry",
    "Cohort",
    "CohortCalculation",
    "CohortMember",
    "CohortUploadPart",
    "DataVersion",
    "DeletionId",
    "DeletionRequest",
    "DeliveryBatch",
    "DistinctIdTombstone",
    "EventBuffer",
    "EventImport",
    "Group",
    "GroupType",
    "IdempotentRequest",
    "IdentityChange",
    "ImportedPerson",
    "Membership",
    "Organization",
    "Outbox",
    "Person",
    "PersonDistinctId",
    "PersonTombstone",
    "PersonalAPIKey",
    "PosthogImport",
    "Project",
    "ProjectDeletion",
    "Undeliverable",
    "User",
    "Webhook",
    "WebhookDelivery",
]
