"""All routes on one page. Every path works with and without a slash at its end: a redirect would lose the
body of a POST.
"""

from collections.abc import Callable
from typing import Any

from django.contrib.staticfiles.views import serve
from django.http import HttpResponseBase
from django.urls import URLPattern, include, re_path
from drf_spectacular.views import SpectacularAPIView, SpectacularRedocView, SpectacularSwaggerView

from core.api.capture import capture_view
from core.api.capture_v1 import capture_v1_view
from core.api.flags import (
    FlagDefinitions,
    flags,
    recordings,
    remote_config,
    remote_config_script,
    surveys_script,
)
from core.api.health import health
from core.api.persons.activity import ActivityViewSet
from core.api.persons.batch_by_distinct_ids import BatchByDistinctIdsViewSet
from core.api.persons.batch_by_uuids import BatchByUuidsViewSet
from core.api.persons.cohorts import CohortsViewSet
from core.api.persons.delete_property import DeletePropertyViewSet
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
from core.auth.access import CURRENT
from insights.api.funnel import FunnelViewSet
from insights.api.properties_timeline import PropertiesTimelineViewSet

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
    route("/cohorts", CohortsViewSet.as_view({"get": "retrieve"})),
    route("/properties_at_time", PropertiesAtTimeViewSet.as_view({"get": "retrieve"})),
    route("/properties", PropertiesViewSet.as_view({"get": "retrieve"})),
    route("/reset_person_distinct_id", ResetDistinctIdViewSet.as_view({"post": "create"})),
    route("/values", ValuesViewSet.as_view({"get": "retrieve"})),
    route(
        "/(?P<id>[^/]+)",
        PersonViewSet.as_view(
            {"get": "retrieve", "put": "update", "patch": "partial_update", "delete": "destroy"}
        ),
    ),
    route("/(?P<id>[^/]+)/activity", ActivityViewSet.as_view({"get": "retrieve"})),
    route("/(?P<id>[^/]+)/delete_property", DeletePropertyViewSet.as_view({"post": "create"})),
    route("/(?P<id>[^/]+)/merge", MergeViewSet.as_view({"post": "create"})),
    route("/(?P<id>[^/]+)/properties_timeline", PropertiesTimelineViewSet.as_view({"get": "retrieve"})),
    route("/(?P<id>[^/]+)/split", SplitViewSet.as_view({"post": "create"})),
    route("/(?P<id>[^/]+)/undo", UndoViewSet.as_view({"post": "create"})),
    route("/(?P<id>[^/]+)/update_property", UpdatePropertyViewSet.as_view({"post": "create"})),
]

urlpatterns = [
    route("_health", health),
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
    # persons
    *project_route("persons/funnel", FunnelViewSet.as_view({"get": "retrieve", "post": "create"})),
    re_path(r"^api/projects/(?P<project_id>[^/]+)/persons", include(_PERSONS)),
    re_path(r"^api/environments/(?P<project_id>[^/]+)/persons", include(_PERSONS)),
    # the old root means the caller's current project
    re_path(r"^api/person", include(_PERSONS), {"project_id": CURRENT}),
    # the document and two ways to read it
    re_path(r"^api/schema/?$", SpectacularAPIView.as_view(), name="schema"),
    re_path(r"^api/schema/swagger-ui/?$", SpectacularSwaggerView.as_view(url_name="schema")),
    re_path(
        r"^api/schema/redoc/?$",
        SpectacularRedocView.as_view(url_name="schema", template_name="core/redoc.html"),
    ),
    re_path(r"^static/(?P<path>drf_spectacular_sidecar/.+)$", serve, {"insecure": True}),
]

handler400 = "core.api.errors.bad_request"
handler404 = "core.api.errors.not_found"
handler500 = "core.api.errors.server_error"
