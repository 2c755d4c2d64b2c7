"""``/api/personal_api_keys/``: users look after their own keys, logged in. A key may only look at itself."""

from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.account import AccountViewSet
from core.api.account_serializers import PersonalAPIKeyRequestSerializer, PersonalAPIKeySerializer
from core.api.persons.documents import ERRORS
from core.auth.authentication import CURRENT
from core.auth.sessions import SessionCaller
from core.exceptions import KeyNotFound
from core.selectors.keys import get_key, list_keys, show_key
from core.services.change_key import change_key, delete_key, roll_key
from core.services.create_key import create_own_key

ID = OpenApiParameter(
    "id", str, OpenApiParameter.PATH, description="The id of the key; `@current` is the key of the request."
)
#: Names of fields here and in the tables.
_NAMES = {"scoped_teams": "scoped_projects"}


class PersonalAPIKeyViewSet(AccountViewSet):
    """Personal API keys of the user who asks."""

    sensitive: ClassVar = frozenset(["create", "partial_update", "roll", "destroy"])

    def check_key(self) -> None:
        """A key needs no scope to look at itself, and may do nothing else."""
        if self.action != "retrieve" or self.kwargs["id"] not in (CURRENT, self.caller.key_id):
            raise PermissionDenied("This action does not support personal API key access")

    @extend_schema(
        operation_id="personal_api_keys_list",
        responses={200: PersonalAPIKeySerializer(many=True), **ERRORS},
    )
    def list(self, request: Request, **kwargs: Any) -> Response:
        """One's own keys, newest first, all of them."""
        return Response([show_key(key) for key in list_keys(self.caller.user_id)])

    @extend_schema(
        operation_id="personal_api_keys_create",
        request=PersonalAPIKeyRequestSerializer,
        responses={201: PersonalAPIKeySerializer, **ERRORS},
    )
    def create(self, request: Request, **kwargs: Any) -> Response:
        """Make a key. The answer is the only one that has it in clear."""
        fields = _read(request)
        key, value = create_own_key(
            user_id=self.caller.user_id,
            label=fields["label"],
            scopes=fields["scopes"],
            project_ids=fields.get("scoped_projects", []),
            organization_ids=fields.get("scoped_organizations", []),
            description=fields.get("description"),
        )
        return Response(show_key(key, value=value), status=201)

    @extend_schema(
        operation_id="personal_api_keys_retrieve",
        parameters=[ID],
        responses={200: PersonalAPIKeySerializer, **ERRORS},
    )
    def retrieve(self, request: Request, **kwargs: Any) -> Response:
        """One of one's own keys."""
        is_own = kwargs["id"] == CURRENT and not isinstance(self.caller, SessionCaller)
        key = get_key(self.caller.user_id, self.caller.key_id if is_own else kwargs["id"])
        if key is None:
            raise KeyNotFound
        return Response(show_key(key))

    @extend_schema(
        operation_id="personal_api_keys_partial_update",
        parameters=[ID],
        request=PersonalAPIKeyRequestSerializer,
        responses={200: PersonalAPIKeySerializer, **ERRORS},
    )
    def partial_update(self, request: Request, **kwargs: Any) -> Response:
        """Change what the key may do or how it is called; the secret stays."""
        fields = _read(request, partial=True)
        key = change_key(user_id=self.caller.user_id, key_id=kwargs["id"], fields=fields)
        return Response(show_key(key))

    @extend_schema(operation_id="personal_api_keys_destroy", parameters=[ID], responses={204: None, **ERRORS})
    def destroy(self, request: Request, **kwargs: Any) -> Response:
        """Delete the key; it is dead at once."""
        delete_key(user_id=self.caller.user_id, key_id=kwargs["id"])
        return Response(status=204)

    @extend_schema(
        operation_id="personal_api_keys_roll_create",
        parameters=[ID],
        request=None,
        responses={200: PersonalAPIKeySerializer, **ERRORS},
    )
    def roll(self, request: Request, **kwargs: Any) -> Response:
        """Give the key a new secret, shown this one time; the old one is dead at once."""
        key, value = roll_key(user_id=self.caller.user_id, key_id=kwargs["id"])
        return Response(show_key(key, value=value))


def _read(request: Request, *, partial: bool = False) -> dict[str, Any]:
    form = PersonalAPIKeyRequestSerializer(data=request.data, partial=partial)
    form.is_valid(raise_exception=True)
    return {_NAMES.get(name, name): value for name, value in form.validated_data.items()}
