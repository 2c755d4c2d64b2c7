"""Who is asking: the personal API key of a request.

Only the first place that holds a candidate is tried: the Authorization header, then the body, then the query
string.
"""

import re
from datetime import timedelta
from typing import Any

from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from core.auth.keys import hash_key
from core.models import PersonalAPIKey, User

_BEARER = re.compile(r"Bearer\s+(\S.*)$")
FIELD = "personal_api_key"
#: ``last_used_at`` is written at most this often.
_USE_NOTED_EVERY = timedelta(hours=1)


class PersonalAPIKeyAuthentication(BaseAuthentication):
    """``Authorization: Bearer phx_…``"""

    def authenticate(self, request: Request) -> tuple[User, PersonalAPIKey] | None:
        """The key and its user. Raises ``AuthenticationFailed`` for a key that is unknown or whose user is
        inactive.
        """
        found = _candidate(request)
        if found is None:
            return None
        value, place = found
        key = (
            PersonalAPIKey.objects.select_related("user")
            .filter(secure_value=hash_key(value), user__is_active=True)
            .first()
        )
        if key is None:
            raise AuthenticationFailed(f"Personal API key found in request {place} is invalid.")
        _note_use(key)
        return key.user, key

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


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


def _note_use(key: PersonalAPIKey) -> None:
    now = timezone.now()
    if key.last_used_at is None or now - key.last_used_at >= _USE_NOTED_EVERY:
        PersonalAPIKey.objects.filter(pk=key.pk).update(last_used_at=now)


class PersonalAPIKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = PersonalAPIKeyAuthentication
    name = "PersonalAPIKeyAuth"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer"}
