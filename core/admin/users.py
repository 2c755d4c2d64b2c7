"""People who log in: the list, making one, and what they may."""

from typing import Any

from django import forms
from django.contrib.admin import display
from django.contrib.auth import update_session_auth_hash
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.safestring import SafeString

from core.admin.forms import choice, flag, handle, secret, text
from core.admin.fresh import fresh
from core.admin.lists import ListAdmin
from core.admin.parts import badge, when
from core.admin.requests import user_id, user_of
from core.auth.authentication import LARGEST_ID
from core.exceptions import InvalidInput
from core.models import Membership, User
from core.services.administrators import change_rights
from core.services.create_user import SHORTEST_PASSWORD, create_user, set_password

_LIST = "admin:core_user_changelist"
_LEVELS = [(str(level.value), level.label) for level in Membership.Level]


class UserAdmin(ListAdmin):
    list_display = ("email", "name", "rights", "joined")
    search_fields = ("email", "first_name", "last_name")
    search_help_text = "Part of the address or the name"
    ordering = ("email",)

    @display(description="Name")
    def name(self, user: User) -> str:
        return f"{user.first_name} {user.last_name}".strip()

    @display(description="Rights")
    def rights(self, user: User) -> SafeString:
        if not user.is_active:
            return badge("shut out", "danger")
        return badge("admin", "info") if user.is_staff else badge("user")

    @display(description="Joined", ordering="date_joined")
    def joined(self, user: User) -> str:
        return when(user.date_joined)

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return new_user(request)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        return change_user(request, object_id)


class NewUserForm(forms.Form):
    email = text(max_length=254)
    password = secret(min_length=SHORTEST_PASSWORD)
    level = choice(
        _LEVELS,
        help_text="In the default organization. Administrators and owners change settings of projects.",
    )


@fresh
def new_user(request: HttpRequest) -> HttpResponse:
    def act(typed: dict[str, Any]) -> str:
        level = Membership.Level(int(typed["level"]))
        user = create_user(email=typed["email"], password=typed["password"], level=level)
        return f"{user.email} can log in."

    return handle(
        request,
        NewUserForm(request.POST or None),
        title="New user",
        button="Make user",
        back=reverse(_LIST),
        act=act,
    )


class UserForm(forms.Form):
    is_active = flag(label="May log in and use keys")
    is_staff = flag(label="Admin: may use these pages, with all projects of the installation")
    password = secret(
        required=False, label="Another password", help_text="Empty: it stays. Another one ends all sessions."
    )


@fresh
def change_user(request: HttpRequest, object_id: str) -> HttpResponse:
    user = _find(object_id)

    def act(typed: dict[str, Any]) -> str:
        change_rights(
            user_id=user.pk,
            is_active=typed["is_active"],
            is_staff=typed["is_staff"],
            by_user_id=user_id(request),
        )
        if typed["password"]:
            set_password(email=user.email, password=typed["password"])
        return f"{user.email} was changed."

    return handle(
        request,
        UserForm(request.POST or None, initial={"is_active": user.is_active, "is_staff": user.is_staff}),
        title=f"User {user.email}",
        back=reverse(_LIST),
        act=act,
    )


class OwnPasswordForm(forms.Form):
    present = secret(label="Present password", autocomplete="current-password")
    password = secret(label="New password", min_length=SHORTEST_PASSWORD)
    repeated = secret(label="New password again")


def own_password(request: HttpRequest) -> HttpResponse:
    """Somebody's own password. Other sessions end, this one goes on."""
    user = user_of(request)

    def act(typed: dict[str, Any]) -> str:
        if typed["password"] != typed["repeated"]:
            raise InvalidInput("This is not the same.", attr="repeated")
        if not user.check_password(typed["present"]):
            raise InvalidInput("This is not your password.", attr="present")
        set_password(email=user.email, password=typed["password"])
        user.refresh_from_db()
        update_session_auth_hash(request, user)
        return "Your password was changed."

    return handle(
        request,
        OwnPasswordForm(request.POST or None),
        title="Change password",
        back=reverse("admin:index"),
        act=act,
    )


def _find(object_id: str) -> User:
    is_number = object_id.isascii() and object_id.isdigit() and int(object_id) <= LARGEST_ID
    user = User.objects.filter(pk=object_id).first() if is_number else None
    if user is None:
        raise Http404
    return user
