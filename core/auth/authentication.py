"""Who is asking: the personal API key of a request.

Only the first place that holds a candidate is tried: the Authorization header, then the body, then the query string.

The look-up is plain SQL: every request makes it, and putting it together anew by the ORM costs more than running it.
It brings along the project of the path, whatever the key may do there; ``core.auth.access`` judges that.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from core.auth.keys import LEGACY_ITERATIONS, LEGACY_PREFIX, hash_key, legacy_hash_key
from core.database import fetch_prepared
from core.models import Membership, PersonalAPIKey, Project

if TYPE_CHECKING:
    from rest_framework.views import APIView  # which imports this module by its settings

_BEARER = re.compile(r"Bearer\s+(\S.*)$")
FIELD = "personal_api_key"
#: What a path says for the caller's current project.
CURRENT = "@current"
#: What the old roots without a project, as ``/api/person/``, have in place of its id. No segment of a path can be this.
LEGACY_ROOT = "/"
_NO_PROJECT = "0"
#: The largest id that PostgreSQL's bigint holds.
LARGEST_ID = 2**63 - 1
#: ``last_used_at`` is written at most this often.
_USE_NOTED_EVERY = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Caller:
    """A key that authenticated. Empty restrictions mean that there are none."""

    key_id: str
    user_id: int
    scopes: Sequence[str]
    scoped_projects: Sequence[int]
    scoped_organizations: Sequence[UUID]
    last_used_at: datetime | None
    #: Whether the key's user is a member of the organization of ``project``.
    is_member: bool
    #: The name of that organization if it takes no keys of such a member.
    refused_by: str | None
    #: The project that the path names, out of reach or not.
    project: Project | None


#: Columns of ``_FIND_BY`` before those of the project.
_OF_CALLER = 8
_PROJECT = [field.attname for field in Project._meta.concrete_fields]
_FIND_BY = f"""
SELECT k.id, k.user_id, k.scopes, k.scoped_projects, k.scoped_organizations, k.last_used_at,
    m.id IS NOT NULL,
    CASE WHEN m.level < {Membership.Level.ADMIN} AND NOT o.members_can_use_personal_api_keys THEN o.name END,
    {", ".join(f"p.{name}" for name in _PROJECT)}
FROM core_personalapikey k JOIN core_user u ON u.id = k.user_id
LEFT JOIN core_project p ON p.id = CASE
    WHEN NOT %(is_current)s THEN %(project_id)s
    WHEN cardinality(k.scoped_projects) = 1 THEN k.scoped_projects[1]
    ELSE u.current_project_id
END AND p.deleted_at IS NULL
LEFT JOIN core_organization o ON o.id = p.organization_id
LEFT JOIN core_membership m ON m.user_id = k.user_id AND m.organization_id = p.organization_id
WHERE k.{{column}} = %(value)s AND u.is_active
"""  # noqa: S608 - names of columns
_BY_SECRET = _FIND_BY.format(column="secure_value")
_BY_ID = _FIND_BY.format(column="id")


def find_caller(key: str, project_id: str) -> Caller | None:
    """Whose key this is, with the project that ``project_id`` names; null when it is unknown, its user is inactive, or
    it is kept by an older hash.
    """
    return _find(_BY_SECRET, hash_key(key), project_id)


def bearer_key(header: str) -> str | None:
    """The key in an ``Authorization`` header; null when there is none."""
    found = _BEARER.match(header.strip())
    return found.group(1).strip() if found else None


def with_project(caller: Caller, project_id: str) -> Caller:
    """The same key with the project that ``project_id`` names. Raises ``AuthenticationFailed`` for one that was
    deleted meanwhile.
    """
    found = _find(_BY_ID, caller.key_id, project_id)
    if found is None:
        raise AuthenticationFailed
    return found


def _find(statement: str, value: str, project_id: str) -> Caller | None:
    number = 0 if project_id == CURRENT else read_project_number(project_id)
    parameters = {"value": value, "project_id": number, "is_current": project_id == CURRENT}
    rows = fetch_prepared(statement, parameters)
    if not rows:
        return None
    of_caller, of_project = rows[0][:_OF_CALLER], rows[0][_OF_CALLER:]
    project = None if of_project[0] is None else Project.from_db(None, _PROJECT, of_project)
    values: tuple[Any, ...] = (*of_caller, project)
    return Caller(*values)


def read_project_number(project_id: str) -> int:
    """The number that the path means; 0, which no project has, when it is none."""
    if not (project_id.isascii() and project_id.isdigit() and len(project_id) <= len(str(LARGEST_ID))):
        return 0
    return min(int(project_id), LARGEST_ID)


class PersonalAPIKeyAuthentication(BaseAuthentication):
    """``Authorization: Bearer phx_…``"""

    def authenticate(self, request: Request) -> tuple[None, Caller] | None:
        """``request.auth`` becomes the ``Caller``. Raises ``AuthenticationFailed`` for a key that is unknown or whose
        user is inactive.
        """
        found = _candidate(request)
        if found is None:
            return None
        value, place = found
        project_id = project_asked_for(request)
        caller = find_caller(value, project_id) or _find_by_legacy_hash(value, project_id)
        if caller is None:
            raise AuthenticationFailed(f"Personal API key found in request {place} is invalid.")
        check_legacy_root(request, caller)
        if is_use_unnoted(caller):
            PersonalAPIKey.objects.filter(pk=caller.key_id).update(last_used_at=timezone.now())
        return None, caller

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class HasKey(BasePermission):
    """Some key authenticated; what it may do is decided with the project (``core.auth.access``)."""

    def has_permission(self, request: Request, view: "APIView") -> bool:
        return isinstance(request.auth, Caller)


def project_asked_for(request: Request) -> str:
    """What the path says about the project; on the old roots the project of the parameter ``token``, or else the
    current one.
    """
    project_id: str = request.parser_context["kwargs"].get("project_id", CURRENT)
    if project_id != LEGACY_ROOT:
        return project_id
    token = request.query_params.get("token")
    if token is None:
        return CURRENT
    found = None if "\0" in token else Project.objects.filter(api_token=token).first()
    return _NO_PROJECT if found is None else str(found.pk)


def check_legacy_root(request: Request, caller: Caller) -> None:
    """The old roots need a project to be current, or the token of one. Raises ``AuthenticationFailed``."""
    if caller.project is None and request.parser_context["kwargs"].get("project_id") == LEGACY_ROOT:
        if "token" in request.query_params:
            raise AuthenticationFailed("The project token is unknown.")
        raise AuthenticationFailed("This endpoint requires a current project to be set on your account.")


def _find_by_legacy_hash(value: str, project_id: str) -> Caller | None:
    """The key, if it is kept by an older hash; from now on it is kept by the usual one. Hashing takes a while, so
    nothing is hashed where there are no such keys.
    """
    if not PersonalAPIKey.objects.filter(secure_value__startswith=LEGACY_PREFIX).exists():
        return None
    for iterations in LEGACY_ITERATIONS:
        hashed = legacy_hash_key(value, iterations)
        found = _find(_BY_SECRET, hashed, project_id)
        if found is not None:
            # Unless it was rolled meanwhile.
            stored = PersonalAPIKey.objects.filter(pk=found.key_id, secure_value=hashed)
            stored.update(secure_value=hash_key(value))
            return found
    return None


def _candidate(request: Request) -> tuple[str, str] | None:
    key = bearer_key(request.META.get("HTTP_AUTHORIZATION", ""))
    if key is not None:
        return key, "Authorization header"
    body: Any = request.data
    if isinstance(body, dict) and body.get(FIELD):
        return str(body[FIELD]), "body"
    if request.query_params.get(FIELD):
        return request.query_params[FIELD], "query string"
    return None


def is_use_unnoted(caller: Caller) -> bool:
    """Whether ``last_used_at`` of the key is to be written."""
    return caller.last_used_at is None or timezone.now() - caller.last_used_at >= _USE_NOTED_EVERY


class PersonalAPIKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = PersonalAPIKeyAuthentication
    name = "PersonalAPIKeyAuth"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer"}
