"""All routes on one page. Every path works with and without a slash at its end: a redirect would lose the
body of a POST.
"""

from collections.abc import Callable
from typing import Any

from django.http import HttpResponseBase
from django.urls import URLPattern, include, path, re_path
from drf_spectacular.views import SpectacularAPIView, SpectacularRedocView, SpectacularSwaggerView

from core.admin.login import home_page, login_page, logout_page
from core.admin.site import site
from core.api.activity_log import ActivityLogViewSet
from core.api.capture import capture_view
from core.api.capture_v1 import capture_v1_view
from core.api.cohorts.activity import CohortActivityViewSet
from core.api.cohorts.calculation_history import CalculationHistoryViewSet
from core.api.cohorts.duplicate import DuplicateViewSet
from core.api.cohorts.persons import CohortPersonsViewSet
from core.api.cohorts.static_members import AddPersonsViewSet, RemovePersonViewSet
from core.api.cohorts.upload import CohortUploadViewSet
from core.api.cohorts.used_in import UsedInViewSet
from core.api.cohorts.viewset import CohortViewSet
from core.api.flags import (
    FlagDefinitions,
    flags,
    recordings,
    remote_config,
    remote_config_script,
    surveys_script,
)
from core.api.health import health, ready
from core.api.keys import PersonalAPIKeyViewSet
from core.api.login import login_view, logout_view
from core.api.metrics import metrics
from core.api.organizations import OrganizationViewSet
from core.api.persons.activity import ActivityViewSet
from core.api.persons.batch_by_distinct_ids import BatchByDistinctIdsViewSet
from core.api.persons.batch_by_uuids import BatchByUuidsViewSet
from core.api.persons.bulk_delete import BulkDeleteViewSet
from core.api.persons.cohorts import CohortsViewSet
from core.api.persons.delete_events import DeleteEventsViewSet
from core.api.persons.delete_property import DeletePropertyViewSet
from core.api.persons.delete_recordings import DeleteRecordingsViewSet
from core.api.persons.deletion_status import DeletionStatusViewSet
from core.api.persons.list import PersonListViewSet
from core.api.persons.merge import MergeViewSet
from core.api.persons.properties import PropertiesViewSet
from core.api.persons.properties_at_time import PropertiesAtTimeViewSet
from core.api.persons.reset_distinct_id import ResetDistinctIdViewSet
from core.api.persons.split import SplitViewSet
from core.api.persons.undo import UndoViewSet
from core.api.persons.update_property import UpdatePropertyViewSet
from core.api.persons.values import ValuesViewSet
from core.api.persons.viewset import PersonViewSet
from core.api.project_deletions import ProjectDeletionViewSet
from core.api.projects import ProjectViewSet
from core.api.users import UserViewSet
from core.api.webhooks.deliveries import DeliveryViewSet
from core.api.webhooks.viewset import WebhookViewSet
from core.auth.authentication import LEGACY_ROOT
from insights.api.correlation import CorrelationViewSet
from insights.api.correlation_persons import CorrelationPersonsViewSet
from insights.api.funnel import FunnelViewSet
from insights.api.funnel_insight import FunnelInsightViewSet
from insights.api.gone import GoneViewSet
from insights.api.lifecycle import LifecycleViewSet
from insights.api.properties_timeline import PropertiesTimelineViewSet
from insights.api.query import QueryViewSet
from insights.api.stickiness import StickinessViewSet
from insights.api.trend import TrendViewSet
from insights.api.trends import TrendPersonsViewSet

View = Callable[..., HttpResponseBase]


def route(path: str, view: View, **kwargs: Any) -> URLPattern:
    return re_path(rf"^{path}/?$", view, kwargs)


def project_route(path: str, view: View) -> list[URLPattern]:
    """A route of a project, under both spellings of its prefix."""
    return [
        re_path(rf"^api/projects/(?P<project_id>[^/]+)/{path}/?$", view),
        re_path(rf"^api/environments/(?P<project_id>[^/]+)/{path}/?$", view),
    ]


#: Routes below the root of persons; fixed names come before {id}.
_PERSONS = [
    route("", PersonListViewSet.as_view({"get": "list"})),
    route(r"\.(?P<format>[^/.]+)", PersonListViewSet.as_view({"get": "list"})),
    route("/activity", ActivityViewSet.as_view({"get": "list"})),
    route("/batch_by_distinct_ids", BatchByDistinctIdsViewSet.as_view({"post": "create"})),
    route("/batch_by_uuids", BatchByUuidsViewSet.as_view({"post": "create"})),
    route("/bulk_delete", BulkDeleteViewSet.as_view({"post": "create"})),
    route("/cohorts", CohortsViewSet.as_view({"get": "retrieve"})),
    route("/funnel", FunnelViewSet.as_view({"get": "retrieve", "post": "create"})),
    route("/funnel/correlation", CorrelationPersonsViewSet.as_view({"get": "retrieve", "post": "create"})),
    route("/lifecycle", LifecycleViewSet.as_view({"get": "retrieve"})),
    route("/deletion_status", DeletionStatusViewSet.as_view({"get": "list"})),
    route("/deletion_status/(?P<deletion_id>[^/]+)", DeletionStatusViewSet.as_view({"get": "retrieve"})),
    route(
        "/deletion_status/(?P<deletion_id>[^/]+)/verify", DeletionStatusViewSet.as_view({"post": "verify"})
    ),
    route("/path", GoneViewSet.as_view({"get": "retrieve", "post": "create"})),
    route("/properties_at_time", PropertiesAtTimeViewSet.as_view({"get": "retrieve"})),
    route("/properties", PropertiesViewSet.as_view({"get": "retrieve"})),
    route("/reset_person_distinct_id", ResetDistinctIdViewSet.as_view({"post": "create"})),
    route("/retention", GoneViewSet.as_view({"get": "retrieve", "post": "create"})),
    route("/stickiness", StickinessViewSet.as_view({"get": "retrieve"})),
    route("/trends", TrendPersonsViewSet.as_view({"get": "retrieve"})),
    route("/values", ValuesViewSet.as_view({"get": "retrieve"})),
    route(
        "/(?P<id>[^/]+)",
        PersonViewSet.as_view(
            {"get": "retrieve", "put": "update", "patch": "partial_update", "delete": "destroy"}
        ),
    ),
    route("/(?P<id>[^/]+)/activity", ActivityViewSet.as_view({"get": "retrieve"})),
    route("/(?P<id>[^/]+)/delete_events", DeleteEventsViewSet.as_view({"post": "create"})),
    route("/(?P<id>[^/]+)/delete_recordings", DeleteRecordingsViewSet.as_view({"post": "create"})),
    route("/(?P<id>[^/]+)/delete_property", DeletePropertyViewSet.as_view({"post": "create"})),
    route("/(?P<id>[^/]+)/merge", MergeViewSet.as_view({"post": "create"})),
    route("/(?P<id>[^/]+)/properties_timeline", PropertiesTimelineViewSet.as_view({"get": "retrieve"})),
    route("/(?P<id>[^/]+)/split", SplitViewSet.as_view({"post": "create"})),
    route("/(?P<id>[^/]+)/undo", UndoViewSet.as_view({"post": "create"})),
    route("/(?P<id>[^/]+)/update_property", UpdatePropertyViewSet.as_view({"post": "create"})),
]

#: Routes below the root of cohorts; fixed names come before {id}.
_COHORTS = [
    route("", CohortViewSet.as_view({"get": "list", "post": "create"})),
    route(r"\.(?P<format>[^/.]+)", CohortViewSet.as_view({"get": "list"})),
    route("/activity", CohortActivityViewSet.as_view({"get": "list"})),
    route(
        "/(?P<id>[^/]+)",
        CohortViewSet.as_view(
            {"get": "retrieve", "put": "update", "patch": "partial_update", "delete": "destroy"}
        ),
    ),
    route("/(?P<id>[^/]+)/activity", CohortActivityViewSet.as_view({"get": "retrieve"})),
    route(
        "/(?P<id>[^/]+)/add_persons_to_static_cohort", AddPersonsViewSet.as_view({"patch": "partial_update"})
    ),
    route("/(?P<id>[^/]+)/calculation_history", CalculationHistoryViewSet.as_view({"get": "retrieve"})),
    route(
        "/(?P<id>[^/]+)/duplicate_as_static_cohort",
        DuplicateViewSet.as_view({"get": "retrieve", "post": "create"}),
    ),
    route("/(?P<id>[^/]+)/persons", CohortPersonsViewSet.as_view({"get": "retrieve"})),
    route(r"/(?P<id>[^/]+)/persons\.(?P<format>[^/.]+)", CohortPersonsViewSet.as_view({"get": "retrieve"})),
    route(
        "/(?P<id>[^/]+)/remove_person_from_static_cohort",
        RemovePersonViewSet.as_view({"patch": "partial_update"}),
    ),
    route("/(?P<id>[^/]+)/upload", CohortUploadViewSet.as_view({"get": "retrieve"})),
    route("/(?P<id>[^/]+)/used_in", UsedInViewSet.as_view({"get": "retrieve"})),
]

#: Routes below the root of webhooks.
_WEBHOOKS = [
    route("", WebhookViewSet.as_view({"get": "list", "post": "create"})),
    route(
        "/(?P<id>[^/]+)",
        WebhookViewSet.as_view({"get": "retrieve", "patch": "partial_update", "delete": "destroy"}),
    ),
    route("/(?P<id>[^/]+)/deliveries", DeliveryViewSet.as_view({"get": "list"})),
    route("/(?P<id>[^/]+)/deliveries/(?P<delivery_id>[^/]+)", DeliveryViewSet.as_view({"get": "retrieve"})),
    route(
        "/(?P<id>[^/]+)/deliveries/(?P<delivery_id>[^/]+)/replay", DeliveryViewSet.as_view({"post": "replay"})
    ),
    route("/(?P<id>[^/]+)/replay", WebhookViewSet.as_view({"post": "replay"})),
    route("/(?P<id>[^/]+)/rotate_secret", WebhookViewSet.as_view({"post": "rotate_secret"})),
    route("/(?P<id>[^/]+)/test", WebhookViewSet.as_view({"post": "test"})),
]

_PROJECTS: dict[str, Any] = {"get": "list", "post": "create"}
_ONE_PROJECT: dict[str, Any] = {
    "get": "retrieve", "put": "update", "patch": "partial_update", "delete": "destroy",
}  # fmt: skip
#: Routes that belong to no project.
_ACCOUNTS = [
    route("api/login", login_view),
    route("api/logout", logout_view),
    route("api/users", UserViewSet.as_view({"get": "list"})),
    route(r"api/users\.(?P<format>[^/.]+)", UserViewSet.as_view({"get": "list"})),
    route(
        "api/users/(?P<uuid>[^/]+)",
        UserViewSet.as_view({"get": "retrieve", "patch": "partial_update", "delete": "destroy"}),
    ),
    route("api/personal_api_keys", PersonalAPIKeyViewSet.as_view({"get": "list", "post": "create"})),
    route(
        "api/personal_api_keys/(?P<id>[^/]+)",
        PersonalAPIKeyViewSet.as_view({"get": "retrieve", "patch": "partial_update", "delete": "destroy"}),
    ),
    route("api/personal_api_keys/(?P<id>[^/]+)/roll", PersonalAPIKeyViewSet.as_view({"post": "roll"})),
    route("api/organizations", OrganizationViewSet.as_view({"get": "list"})),
    route(r"api/organizations\.(?P<format>[^/.]+)", OrganizationViewSet.as_view({"get": "list"})),
    route(
        "api/organizations/(?P<id>[^/]+)",
        OrganizationViewSet.as_view({"get": "retrieve", "patch": "partial_update"}),
    ),
    route("api/organizations/(?P<organization_id>[^/]+)/projects", ProjectViewSet.as_view(_PROJECTS)),
    route(
        "api/organizations/(?P<organization_id>[^/]+)/projects/(?P<id>[^/]+)",
        ProjectViewSet.as_view(_ONE_PROJECT),
    ),
    route(
        "api/organizations/(?P<organization_id>[^/]+)/project_deletions",
        ProjectDeletionViewSet.as_view({"get": "list"}),
    ),
    route(
        "api/organizations/(?P<organization_id>[^/]+)/project_deletions/(?P<project>[^/]+)",
        ProjectDeletionViewSet.as_view({"get": "retrieve"}),
    ),
    route("api/projects", ProjectViewSet.as_view(_PROJECTS)),
    route(r"api/projects\.(?P<format>[^/.]+)", ProjectViewSet.as_view({"get": "list"})),
    route("api/projects/(?P<id>[^/]+)", ProjectViewSet.as_view(_ONE_PROJECT)),
    route("api/environments", ProjectViewSet.as_view(_PROJECTS)),
    route("api/environments/(?P<id>[^/]+)", ProjectViewSet.as_view(_ONE_PROJECT)),
]

urlpatterns = [
    # persons and capture first: paths are tried in turn
    re_path(r"^api/projects/(?P<project_id>[^/]+)/persons", include(_PERSONS)),
    re_path(r"^api/environments/(?P<project_id>[^/]+)/persons", include(_PERSONS)),
    # the old root means the caller's current project
    re_path(r"^api/person", include(_PERSONS), {"project_id": LEGACY_ROOT}),
    route("_health", health),
    route("_ready", ready),
    route("_metrics", metrics),
    # capture
    route("batch", capture_view),
    route("capture", capture_view),
    route("e", capture_view),
    route("i/v0/e", capture_view),
    route("track", capture_view),
    route("engage", capture_view),
    route("i/v0/ai/batch", capture_view),
    route("i/v1/analytics/events", capture_v1_view),
    # what SDKs ask besides
    route("flags", flags),
    route("decide", flags),
    route("flags/definitions", FlagDefinitions.as_view()),
    route("api/feature_flag/local_evaluation", FlagDefinitions.as_view()),
    route(r"array/(?P<token>[^/]+)/config", remote_config),
    route(r"array/(?P<token>[^/]+)/config\.js", remote_config_script),
    route(r"static/(?:[^/]+/)?surveys\.js", surveys_script),
    route("s", recordings),
    # insights
    *project_route("insights/funnel", FunnelInsightViewSet.as_view({"get": "retrieve", "post": "create"})),
    *project_route(
        "insights/funnel/correlation", CorrelationViewSet.as_view({"get": "retrieve", "post": "create"})
    ),
    *project_route(
        "query/(?P<query_id>[^/]+)", QueryViewSet.as_view({"get": "retrieve", "delete": "destroy"})
    ),
    *project_route("insights/trend", TrendViewSet.as_view({"get": "retrieve", "post": "create"})),
    # cohorts
    re_path(r"^api/projects/(?P<project_id>[^/]+)/cohorts", include(_COHORTS)),
    re_path(r"^api/environments/(?P<project_id>[^/]+)/cohorts", include(_COHORTS)),
    re_path(r"^api/cohort", include(_COHORTS), {"project_id": LEGACY_ROOT}),
    # webhooks
    re_path(r"^api/projects/(?P<project_id>[^/]+)/webhooks", include(_WEBHOOKS)),
    re_path(r"^api/environments/(?P<project_id>[^/]+)/webhooks", include(_WEBHOOKS)),
    *project_route("activity_log", ActivityLogViewSet.as_view({"get": "list"})),
    *project_route(r"activity_log\.(?P<format>[^/.]+)", ActivityLogViewSet.as_view({"get": "list"})),
    # users, keys, organizations, projects
    *_ACCOUNTS,
    # the document and two ways to read it
    re_path(r"^api/schema/?$", SpectacularAPIView.as_view(), name="schema"),
    re_path(r"^api/schema/swagger-ui/?$", SpectacularSwaggerView.as_view(url_name="schema")),
    re_path(
        r"^api/schema/redoc/?$",
        SpectacularRedocView.as_view(url_name="schema", template_name="core/redoc.html"),
    ),
    # pages for browsers
    re_path(r"^$", home_page),
    route("login", login_page),
    route("logout", logout_page),
    path("admin/", site.urls),
]

handler400 = "core.api.errors.bad_request"
handler404 = "core.api.errors.not_found"
handler500 = "core.api.errors.server_error"
