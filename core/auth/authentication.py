"""Who is asking: the personal API key of a request.

Only the first place that holds a candidate is tried: the Authorization header, then the body, then the query string.

The look-up is plain SQL: every request makes it, and putting it together anew by the ORM costs more than running it.
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

from core.auth.keys import hash_key
from core.database import fetch_prepared
from core.models import PersonalAPIKey

if TYPE_CHECKING:
    from rest_framework.views import APIView  # which imports this module by its settings

_BEARER = re.compile(r"Bearer\s+(\S.*)$")
FIELD = "personal_api_key"
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
    current_project_id: int | None


_FIND = """
SELECT k.id, k.user_id, k.scopes, k.scoped_projects, k.scoped_organizations, k.last_used_at, u.current_project_id
FROM core_personalapikey k JOIN core_user u ON u.id = k.user_id
WHERE k.secure_value = %s AND u.is_active
"""


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
        rows = fetch_prepared(_FIND, [hash_key(value)])
        if not rows:
            raise AuthenticationFailed(f"Personal API key found in request {place} is invalid.")
        caller = Caller(*rows[0])
        _note_use(caller)
        return None, caller

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class HasKey(BasePermission):
    """Some key authenticated; what it may do is decided with the project (``core.auth.access``)."""

    def has_permission(self, request: Request, view: "APIView") -> bool:
        return isinstance(request.auth, Caller)


def _candidate(request: Request) -> tuple[str, str] | None:
    header = _BEARER.match(request.headers.get("Authorization", "").strip())
    if header:
        return header.group(1).strip(), "Authorization header"
    body: Any = request.data
    if isinstance(body, dict) and body.get(FIELD):
        return str(body[FIELD]), "body"
    if request.query_params.get(FIELD):
        return request.query_params[FIELD], "query string"
    return None


def _note_use(caller: Caller) -> None:
    now = timezone.now()
    if caller.last_used_at is None or now - caller.last_used_at >= _USE_NOTED_EVERY:
        PersonalAPIKey.objects.filter(pk=caller.key_id).update(last_used_at=now)


class PersonalAPIKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = PersonalAPIKeyAuthentication
    name = "PersonalAPIKeyAuth"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer"}
