"""Projects: the list, making one, and its settings."""

import json
from typing import Any
from uuid import UUID
from zoneinfo import available_timezones

import orjson
from django import forms
from django.contrib.admin import display
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.safestring import SafeString
from rest_framework.serializers import Serializer

from core.admin.forms import choice, handle, long_text, text
from core.admin.fresh import fresh
from core.admin.lists import ListAdmin
from core.admin.parts import Action, code
from core.admin.requests import find_project, user_id
from core.api.account_serializers import ProjectSettingsSerializer
from core.exceptions import InvalidInput
from core.models import Organization, Project
from core.services.create_project import create_project_of
from core.services.delete_project import delete_project
from core.services.update_project import update_project

_UNDECIDED = "undecided"
_DECISIONS = {_UNDECIDED: None, "yes": True, "no": False}


class ProjectAdmin(ListAdmin):
    list_display = ("name", "id", "organization", "token", "timezone", "created_at")
    list_select_related = ("organization",)
    search_fields = ("name", "api_token")
    search_help_text = "Part of the name or of the token"
    ordering = ("pk",)

    @display(description="Token")
    def token(self, project: Project) -> SafeString:
        return code(project.api_token)

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return new_project(request)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        return redirect(f"{reverse('admin:index')}project/{object_id}/")


class NewProjectForm(forms.Form):
    name = text(max_length=200)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        organizations = Organization.objects.order_by("created_at").values_list("pk", "name")
        self.fields["organization"] = choice(
            [(str(pk), name) for pk, name in organizations], help_text="Its members see the project."
        )


def new_project(request: HttpRequest) -> HttpResponse:
    def act(typed: dict[str, Any]) -> str:
        project = create_project_of(
            organization_id=UUID(typed["organization"]),
            user_id=user_id(request),
            fields={"name": typed["name"]},
        )
        return f"Project {project.pk} was made. Its token is {project.api_token}."

    return handle(
        request,
        NewProjectForm(request.POST or None),
        title="New project",
        intro="The token of the project goes into SDKs; it is no secret.",
        button="Make project",
        back=reverse("admin:core_project_changelist"),
        act=act,
    )


class SettingsForm(forms.Form):
    """Settings as people type them. What they may be says the serializer of the API."""

    name = text(max_length=200)
    timezone = choice([(zone, zone) for zone in sorted(available_timezones())], label="Time zone")
    week_start_day = choice([("0", "Sunday"), ("1", "Monday")], label="Weeks begin on")
    person_display_name_properties = long_text(
        required=False,
        label="Properties that name a person",
        help_text="One a line, the first one that a person has wins. Empty: the usual ones.",
    )
    app_urls = long_text(required=False, label="Web sites", help_text="One a line.")
    test_account_filters = long_text(
        required=False,
        label="Test accounts",
        help_text="JSON: the list of filters that leaves test accounts out.",
    )
    test_account_filters_default_checked = choice(
        [(_UNDECIDED, "Undecided"), ("yes", "Yes"), ("no", "No")], label="Leave test accounts out by default"
    )

    def clean_test_account_filters(self) -> Any:
        try:
            return orjson.loads(self.cleaned_data["test_account_filters"] or "[]")
        except ValueError as error:
            raise forms.ValidationError(f"This is not JSON: {error}") from None

    def clean(self) -> dict[str, Any]:
        typed: dict[str, Any] = super().clean() or {}
        if self.errors:
            return typed
        given = {
            **typed,
            "week_start_day": int(typed["week_start_day"]),
            "person_display_name_properties": _lines(typed["person_display_name_properties"]) or None,
            "app_urls": _lines(typed["app_urls"]),
            "test_account_filters_default_checked": _DECISIONS[typed["test_account_filters_default_checked"]],
        }
        serializer: Serializer[object] = ProjectSettingsSerializer(data=given)
        if not serializer.is_valid():
            for name, problems in serializer.errors.items():
                self.add_error(name if name in self.fields else None, str(problems))
        return given


def settings_page(request: HttpRequest, project_id: int) -> HttpResponse:
    project = find_project(project_id)
    here = reverse("admin:project", args=[project_id])

    def act(typed: dict[str, Any]) -> str:
        update_project(project_id=project_id, fields=typed, user_id=user_id(request))
        return "The settings were saved."

    return handle(
        request,
        SettingsForm(request.POST or None, initial=_typed(project)),
        title=f"Settings of {project.name}",
        intro=f"Project {project.pk}. Its token is {project.api_token}.",
        back=here,
        act=act,
        also=Action("Delete project", reverse("admin:project_delete", args=[project_id]), variant="default"),
    )


class DeleteProjectForm(forms.Form):
    name = text(max_length=200, label="The name of the project, to be sure")


@fresh
def delete_page(request: HttpRequest, project_id: int) -> HttpResponse:
    project = find_project(project_id)

    def act(typed: dict[str, Any]) -> str:
        if typed["name"] != project.name:
            raise InvalidInput("This is not its name.", attr="name")
        delete_project(project_id=project.pk, user_id=user_id(request))
        return f"{project.name} is deleted; what it held goes now."

    return handle(
        request,
        DeleteProjectForm(request.POST or None),
        title=f"Delete {project.name}",
        intro="All its persons, events, cohorts and webhooks go. Nobody can take that back.",
        button="Delete project",
        danger=True,
        back=reverse("admin:project", args=[project_id]),
        done=reverse("admin:core_project_changelist"),
        act=act,
    )


def _typed(project: Project) -> dict[str, Any]:
    """The settings as the form shows them."""
    decision = project.test_account_filters_default_checked
    return {
        "name": project.name,
        "timezone": project.timezone,
        "week_start_day": str(project.week_start_day),
        "person_display_name_properties": "\n".join(project.person_display_name_properties or []),
        "app_urls": "\n".join(project.app_urls),
        "test_account_filters": json.dumps(project.test_account_filters, indent=2, ensure_ascii=False),
        "test_account_filters_default_checked": {None: _UNDECIDED, True: "yes", False: "no"}[decision],
    }


def _lines(typed: str) -> list[str]:
    return [line.strip() for line in typed.splitlines() if line.strip()]
