"""Personal API keys of everybody: the list, making, rolling and deleting one. A key is shown once, its hash never."""

from typing import Any

from django import forms
from django.contrib.admin import display
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from core.admin.forms import choice, choices, confirm, handle, text
from core.admin.fresh import fresh
from core.admin.lists import ListAdmin
from core.admin.parts import Action, Page, code, link, one_line, when
from core.admin.requests import user_of
from core.models import PersonalAPIKey, Project, User
from core.services.change_key import delete_key, roll_key
from core.services.create_key import create_key
from core.services.key_rules import LONGEST_LABEL

_LIST = "admin:core_personalapikey_changelist"
#: Scopes that routes of this server ask for, and the one for all.
_SCOPES = (
    "*",
    "person:read",
    "person:write",
    "query:read",
    "cohort:read",
    "cohort:write",
    "activity_log:read",
    "project:read",
    "project:write",
    "organization:read",
    "user:read",
    "user:write",
    "webhook:read",
    "webhook:write",
)


class KeyAdmin(ListAdmin):
    list_display = ("label", "key", "user", "may", "projects", "created", "last_used", "change")
    list_display_links = None
    list_select_related = ("user",)
    search_fields = ("label", "user__email", "mask_value")
    search_help_text = "Part of the label, the address or the key"
    ordering = ("-created_at", "-pk")

    @display(description="Key")
    def key(self, key: PersonalAPIKey) -> SafeString:
        return one_line(code(key.mask_value))

    @display(description="May")
    def may(self, key: PersonalAPIKey) -> str:
        return "everything" if key.scopes == ["*"] else ", ".join(key.scopes)

    @display(description="Projects")
    def projects(self, key: PersonalAPIKey) -> str:
        return ", ".join(map(str, key.scoped_projects)) or "all"

    @display(description="Made", ordering="created_at")
    def created(self, key: PersonalAPIKey) -> str:
        return when(key.created_at)

    @display(description="Last used", ordering="last_used_at")
    def last_used(self, key: PersonalAPIKey) -> str:
        return when(key.last_used_at)

    @display(description="")
    def change(self, key: PersonalAPIKey) -> SafeString:
        roll = link(reverse("admin:core_personalapikey_roll", args=[key.pk]), "Roll")
        delete = link(reverse("admin:core_personalapikey_remove", args=[key.pk]), "Delete")
        return one_line(format_html("{} &nbsp; {}", roll, delete))

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        own = [
            path("<str:key_id>/roll/", view(roll), name="core_personalapikey_roll"),
            path("<str:key_id>/remove/", view(remove), name="core_personalapikey_remove"),
        ]
        return own + super().get_urls()

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return new_key(request)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        raise Http404


class NewKeyForm(forms.Form):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        people = User.objects.filter(is_active=True).order_by("email").values_list("email", "email")
        self.fields["user"] = choice(list(people), help_text="It can do no more than this user.")
        self.fields["label"] = text(max_length=LONGEST_LABEL, help_text="What it is for.")
        self.fields["scopes"] = choices(
            [(one, "everything" if one == "*" else one) for one in _SCOPES], label="It may"
        )
        projects = Project.objects.order_by("pk").values_list("pk", "name")
        self.fields["projects"] = choices(
            [(str(pk), f"{pk}  {name}") for pk, name in projects],
            required=False,
            label="Only these projects",
            help_text="None: all projects of the user.",
        )


@fresh
def new_key(request: HttpRequest) -> HttpResponse:
    def act(typed: dict[str, Any]) -> Page:
        created = create_key(
            label=typed["label"],
            scopes=typed["scopes"],
            project_ids=[int(one) for one in typed["projects"]],
            user_email=typed["user"],
        )
        return _shown_once(typed["label"], created.value)

    return handle(
        request,
        NewKeyForm(request.POST or None, initial={"user": user_of(request).email}),
        title="New API key",
        button="Make key",
        back=reverse(_LIST),
        act=act,
    )


@fresh
def roll(request: HttpRequest, key_id: str) -> HttpResponse:
    key = _find(key_id)

    def act() -> Page:
        changed, value = roll_key(user_id=key.user_id, key_id=key.pk)
        return _shown_once(changed.label, value)

    return confirm(
        request,
        title=f"Roll {key.label}",
        lines=[
            f"The key {key.mask_value} of {key.user} gets another secret.",
            "The present one is dead at once. Label, scopes and projects stay.",
        ],
        button="Roll key",
        danger=True,
        back=reverse(_LIST),
        act=act,
    )


@fresh
def remove(request: HttpRequest, key_id: str) -> HttpResponse:
    key = _find(key_id)

    def act() -> str:
        delete_key(user_id=key.user_id, key_id=key.pk)
        return f"The key {key.label} is deleted."

    return confirm(
        request,
        title=f"Delete {key.label}",
        lines=[f"The key {key.mask_value} of {key.user} is dead at once. Programs that use it get a 401."],
        button="Delete key",
        danger=True,
        back=reverse(_LIST),
        act=act,
    )


def _shown_once(label: str, value: str) -> Page:
    return Page(
        title=f"The key {label}",
        intro="This is the only time that it is shown: note it now.",
        secret=value,
        actions=[Action("Back to the keys", reverse(_LIST), icon="arrow_back")],
    )


def _find(key_id: str) -> PersonalAPIKey:
    found = PersonalAPIKey.objects.select_related("user").filter(pk=key_id)
    key = None if "\0" in key_id else found.first()
    if key is None:
        raise Http404
    return key
