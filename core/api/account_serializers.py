"""Shapes of users, organizations, projects and keys: what may be sent, and what answers look like."""

from uuid import UUID
from zoneinfo import available_timezones

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from core.api.persons.serializers import NothingField
from core.api.strict_fields import Choice, Flag, Text
from core.auth.authentication import LARGEST_ID
from core.models import ProjectDeletion
from core.services.key_rules import LONGEST_DESCRIPTION, LONGEST_LABEL


class ProjectBasicSerializer(serializers.Serializer[object]):
    """A project in short."""

    id = serializers.IntegerField()
    uuid = serializers.UUIDField()
    organization = serializers.UUIDField()
    project_id = serializers.IntegerField(help_text="The same as `id`.")
    api_token = serializers.CharField(help_text="The token that SDKs send events with.")
    name = serializers.CharField()
    completed_snippet_onboarding = serializers.BooleanField()
    has_completed_onboarding_for = serializers.DictField(child=serializers.BooleanField())
    ingested_event = serializers.BooleanField(help_text="Whether the project has persons.")
    is_demo = serializers.BooleanField()
    timezone = serializers.CharField()
    access_control = serializers.BooleanField()


class ProjectGroupTypeSerializer(serializers.Serializer[object]):
    """A kind of group."""

    group_type = serializers.CharField()
    group_type_index = serializers.IntegerField()
    name_singular = serializers.CharField(allow_null=True)
    name_plural = serializers.CharField(allow_null=True)


class ProjectSerializer(ProjectBasicSerializer):
    """A project with its settings."""

    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    app_urls = serializers.ListField(child=serializers.CharField())
    anonymize_ips = serializers.BooleanField(
        help_text="Always false: this server adds no addresses to events."
    )
    test_account_filters = serializers.JSONField()
    test_account_filters_default_checked = serializers.BooleanField(allow_null=True)
    person_display_name_properties = serializers.ListField(child=serializers.CharField(), allow_null=True)
    week_start_day = serializers.IntegerField(help_text="0 is Sunday, 1 is Monday.")
    modifiers = NothingField()
    effective_membership_level = serializers.IntegerField(help_text="1 member, 8 admin, 15 owner.")
    has_group_types = serializers.BooleanField()
    group_types = ProjectGroupTypeSerializer(many=True)


@extend_schema_serializer(many=False)
class PaginatedProjectBasicListSerializer(serializers.Serializer[object]):
    """A page of projects."""

    count = serializers.IntegerField()
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = ProjectBasicSerializer(many=True)


class ProjectSettingsSerializer(serializers.Serializer[object]):
    """Settings of a project. Those that are not named stay."""

    name = Text(required=False, min_length=1, max_length=200)
    timezone = Text(
        required=False,
        help_text="As `Europe/Berlin`: days and weeks of insights are those of this time zone.",
    )
    week_start_day = Choice(
        required=False, choices=[0, 1], help_text="0 is Sunday, 1 is Monday; weeks of insights begin then."
    )
    person_display_name_properties = serializers.ListField(
        child=Text(min_length=1, max_length=400),
        required=False,
        allow_null=True,
        max_length=20,
        help_text="Properties that name a person; the first one present wins. Null: the usual ones.",
    )
    test_account_filters = serializers.ListField(
        child=serializers.DictField(),
        required=False,
        max_length=500,
        help_text="Filters of properties that `filter_test_accounts` adds.",
    )
    test_account_filters_default_checked = Flag(required=False, allow_null=True)
    app_urls = serializers.ListField(
        child=Text(max_length=200, allow_blank=True), required=False, max_length=100
    )

    def validate_timezone(self, name: str) -> str:
        """The names that this machine knows; they are too many for the document, and differ from one to another."""
        if name not in available_timezones():
            raise serializers.ValidationError(f'"{name}" is not a valid choice.', code="invalid_choice")
        return name


class ProjectDeletionSerializer(serializers.Serializer[object]):
    """The deletion of a project, and proof of it."""

    id = serializers.IntegerField()
    project_id = serializers.IntegerField()
    project_uuid = serializers.UUIDField()
    project_name = serializers.CharField()
    status = serializers.ChoiceField(
        choices=["pending", "completed"], help_text="`completed`: a count found nothing in any store."
    )
    stage = serializers.ChoiceField(choices=ProjectDeletion.Stage.choices)
    requested_by = serializers.IntegerField(allow_null=True, help_text="The id of the user.")
    created_at = serializers.DateTimeField()
    removed_at = serializers.DateTimeField(allow_null=True)
    delete_verified_at = serializers.DateTimeField(allow_null=True)
    scrubbed_at = serializers.DateTimeField(
        allow_null=True,
        help_text="When the bytes had left the disks; PostgreSQL's free space is written over later.",
    )
    counts_before = serializers.DictField(child=serializers.IntegerField(), help_text="Rows found, by store.")
    counts_after = serializers.DictField(
        child=serializers.IntegerField(), allow_null=True, help_text="Rows left, by store."
    )


@extend_schema_serializer(many=False)
class PaginatedProjectDeletionListSerializer(serializers.Serializer[object]):
    """A page of deletions."""

    count = serializers.IntegerField()
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = ProjectDeletionSerializer(many=True)


class OrganizationBasicSerializer(serializers.Serializer[object]):
    """An organization in short."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    slug = serializers.CharField()
    logo_media_id = serializers.CharField(allow_null=True)
    membership_level = serializers.IntegerField(help_text="1 member, 8 admin, 15 owner.")
    members_can_use_personal_api_keys = serializers.BooleanField()


class ProjectOfOrganizationSerializer(serializers.Serializer[object]):
    """A project of an organization."""

    id = serializers.IntegerField()
    organization_id = serializers.UUIDField()
    name = serializers.CharField()
    api_token = serializers.CharField()
    timezone = serializers.CharField()


class OrganizationSerializer(OrganizationBasicSerializer):
    """An organization with its projects."""

    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    teams = ProjectBasicSerializer(many=True)
    projects = ProjectOfOrganizationSerializer(many=True)
    member_count = serializers.IntegerField()


class OrganizationSettingsSerializer(serializers.Serializer[object]):
    """Settings of an organization. Those that are not named stay."""

    name = Text(required=False, min_length=1, max_length=64)
    members_can_use_personal_api_keys = Flag(
        required=False,
        help_text="Whether keys of ordinary members work in its projects; those of administrators always do.",
    )


@extend_schema_serializer(many=False)
class PaginatedOrganizationListSerializer(serializers.Serializer[object]):
    """A page of organizations."""

    count = serializers.IntegerField()
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = OrganizationSerializer(many=True)


class UserSerializer(serializers.Serializer[object]):
    """Oneself, and everything that is in reach."""

    id = serializers.IntegerField()
    uuid = serializers.UUIDField()
    distinct_id = serializers.CharField()
    first_name = serializers.CharField(allow_blank=True)
    last_name = serializers.CharField(allow_blank=True)
    email = serializers.CharField()
    is_staff = serializers.BooleanField()
    is_email_verified = serializers.BooleanField(allow_null=True)
    date_joined = serializers.DateTimeField()
    has_password = serializers.BooleanField()
    team = ProjectBasicSerializer(allow_null=True)
    organization = OrganizationSerializer(allow_null=True)
    organizations = OrganizationBasicSerializer(many=True)


@extend_schema_serializer(many=False)
class PaginatedUserListSerializer(serializers.Serializer[object]):
    """A page of users, which is oneself."""

    count = serializers.IntegerField()
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = UserSerializer(many=True)


class UserChangesSerializer(serializers.Serializer[object]):
    """What users may change about themselves."""

    first_name = Text(required=False, allow_blank=True, max_length=150)
    last_name = Text(required=False, allow_blank=True, max_length=150)
    set_current_organization = serializers.UUIDField(
        required=False, help_text="Makes its oldest project the current one."
    )
    set_current_team = serializers.IntegerField(
        required=False, min_value=1, max_value=LARGEST_ID, help_text="What `@current` means from now on."
    )


class PersonalAPIKeySerializer(serializers.Serializer[object]):
    """A personal API key."""

    id = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    description = serializers.CharField(allow_null=True)
    value = serializers.CharField(
        allow_null=True, help_text="The key in clear, only when it was just made or rolled."
    )
    mask_value = serializers.CharField()
    created_at = serializers.DateTimeField()
    last_used_at = serializers.DateTimeField(allow_null=True)
    last_rolled_at = serializers.DateTimeField(allow_null=True)
    user_id = serializers.IntegerField()
    scopes = serializers.ListField(child=serializers.CharField())
    scoped_teams = serializers.ListField(child=serializers.IntegerField())
    scoped_organizations = serializers.ListField(child=serializers.CharField())
    is_legacy_hashing = serializers.BooleanField()


class PersonalAPIKeyRequestSerializer(serializers.Serializer[object]):
    """What a personal API key is to be. Empty restrictions restrict nothing."""

    label = Text(min_length=1, max_length=LONGEST_LABEL)  # type: ignore[assignment]
    description = Text(required=False, allow_null=True, allow_blank=True, max_length=LONGEST_DESCRIPTION)
    scopes = serializers.ListField(child=Text(), allow_empty=False, max_length=500)
    scoped_teams = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=LARGEST_ID),
        required=False,
        allow_null=True,
        max_length=1000,
    )
    scoped_organizations = serializers.ListField(
        child=Text(), required=False, allow_null=True, max_length=1000
    )

    def validate_description(self, text: str | None) -> str | None:
        """A blank one is none."""
        return text or None

    def validate_scoped_teams(self, ids: list[int] | None) -> list[int]:
        """Null restricts nothing."""
        return ids or []

    def validate_scoped_organizations(self, texts: list[str] | None) -> list[UUID]:
        """Null restricts nothing."""
        try:
            return [UUID(text) for text in texts or []]
        except ValueError:
            raise serializers.ValidationError("Invalid organization UUID") from None


class LoginSerializer(serializers.Serializer[object]):
    """Who logs in."""

    email = serializers.CharField(max_length=254)
    password = serializers.CharField(max_length=1000, trim_whitespace=False)
