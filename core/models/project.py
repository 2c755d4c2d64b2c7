"""Organizations, their members, and the projects whose data this server keeps."""

import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models


class Organization(models.Model):
    """Owns projects; its members may use them."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    name = models.CharField(max_length=64)
    #: Whether keys of ordinary members work in its projects; those of administrators and owners always do.
    members_can_use_personal_api_keys = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """A user in an organization."""

    class Level(models.IntegerChoices):
        MEMBER = 1
        ADMIN = 8
        OWNER = 15

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey("core.User", on_delete=models.CASCADE, related_name="memberships")
    level = models.SmallIntegerField(choices=Level.choices, default=Level.MEMBER)
    joined_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization", "user"], name="one_membership_a_user")]

    def __str__(self) -> str:
        return f"{self.user_id} in {self.organization_id}"


class LivingProjects(models.Manager["Project"]):
    """Those that nobody has deleted: to everybody else the others are gone."""

    def get_queryset(self) -> models.QuerySet["Project"]:
        return super().get_queryset().filter(deleted_at=None)


class Project(models.Model):
    """The wall around data: every person, event and query belongs to exactly one project."""

    id = models.BigAutoField(primary_key=True)
    uuid = models.UUIDField(default=uuid.uuid4, unique=True)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="projects")
    name = models.CharField(max_length=200)
    #: ``phc_…``: names the project in capture requests. Public by nature: it stands in web pages.
    api_token = models.CharField(max_length=64, unique=True)
    #: Name of the time zone in which dates of insights are read.
    timezone = models.CharField(max_length=64, default="UTC")
    #: 0 is Sunday, 1 is Monday.
    week_start_day = models.SmallIntegerField(default=0)
    #: Properties that name a person, first one present wins; null means the defaults of ``display_name``.
    person_display_name_properties = ArrayField(models.CharField(max_length=400), null=True, blank=True)
    #: Filters that ``filter_test_accounts`` adds.
    test_account_filters = models.JSONField(default=list)
    #: Whether clients propose ``filter_test_accounts``; null says that nobody has decided.
    test_account_filters_default_checked = models.BooleanField(null=True)
    #: Addresses of the web sites that send events; for people and clients, the server does not use them.
    app_urls = ArrayField(models.CharField(max_length=200), default=list)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    #: From then on it exists for nobody; the row goes when all else of it is gone (``core.services.purge_project``).
    deleted_at = models.DateTimeField(null=True)

    objects = LivingProjects()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(week_start_day__in=[0, 1]), name="week_starts_sunday_or_monday"
            ),
        ]

    def __str__(self) -> str:
        return self.name
