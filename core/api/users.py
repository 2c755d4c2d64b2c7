"""``/api/users/``: what users see of themselves. Nobody sees anybody else."""

from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.account import PAGING, AccountViewSet, counted_page
from core.api.account_serializers import PaginatedUserListSerializer, UserChangesSerializer, UserSerializer
from core.api.persons.documents import ERRORS
from core.auth.sessions import SessionCaller
from core.models import User
from core.selectors.users import get_user, show_user
from core.services.delete_user import delete_user
from core.services.update_user import update_user

ME = "@me"
#: What somebody may change whose login is long ago.
_MATTERS_LITTLE = {"set_current_organization", "set_current_team"}
UUID_OF_USER = OpenApiParameter("uuid", str, OpenApiParameter.PATH, description="`@me`, or one's own uuid.")


class UserViewSet(AccountViewSet):
    """The user whose key or session it is."""

    scopes: ClassVar = {
        "list": ("user:read",),
        "retrieve": ("user:read",),
        "partial_update": ("user:write",),
    }
    takes_limited_keys: ClassVar = True
    sensitive: ClassVar = frozenset(["destroy"])

    @extend_schema(
        operation_id="users_list", parameters=PAGING, responses={200: PaginatedUserListSerializer, **ERRORS}
    )
    def list(self, request: Request, **kwargs: Any) -> Response:
        """Only oneself."""
        found = User.objects.select_related("current_project").filter(pk=self.caller.user_id)
        return counted_page(request, found, lambda users: [show_user(user) for user in users])

    @extend_schema(
        operation_id="users_retrieve", parameters=[UUID_OF_USER], responses={200: UserSerializer, **ERRORS}
    )
    def retrieve(self, request: Request, **kwargs: Any) -> Response:
        """Oneself, and the organizations and projects in reach. `@me` tells whether a key works."""
        return Response(show_user(self._oneself(kwargs["uuid"])))

    @extend_schema(
        operation_id="users_partial_update",
        parameters=[UUID_OF_USER],
        request=UserChangesSerializer,
        responses={200: UserSerializer, **ERRORS},
    )
    def partial_update(self, request: Request, **kwargs: Any) -> Response:
        """Change one's name, or the project that `@current` means."""
        user = self._oneself(kwargs["uuid"])
        form = UserChangesSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        if isinstance(self.caller, SessionCaller) and not form.validated_data.keys() <= _MATTERS_LITTLE:
            self.caller.check_fresh()
        update_user(user_id=user.pk, fields=form.validated_data)
        return Response(show_user(get_user(user.pk)))

    @extend_schema(operation_id="users_destroy", parameters=[UUID_OF_USER], responses={204: None, **ERRORS})
    def destroy(self, request: Request, **kwargs: Any) -> Response:
        """Delete oneself, with one's keys; what one made stays. Takes a login, and another owner of each organization
        that one owns.
        """
        delete_user(user_id=self._oneself(kwargs["uuid"]).pk)
        return Response(status=204)

    def _oneself(self, name: str) -> User:
        user = get_user(self.caller.user_id)
        if name not in (ME, str(user.uuid)):
            raise PermissionDenied(
                "As a non-staff user you're only allowed to access the `@me` user instance."
            )
        return user
