"""Requests that are answered later: what is kept of one, how it is answered again, and what is told of it."""

import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO
from typing import TYPE_CHECKING, Any, cast
from uuid import uuid4

import orjson
from django.conf import settings
from django.core.handlers.wsgi import WSGIRequest
from django.http import QueryDict
from django.urls import resolve
from rest_framework.exceptions import Throttled
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.errors import describe
from core.api.renderers import JSONRenderer
from core.auth.authentication import FIELD, Caller
from core.clickhouse import running as queries
from core.exceptions import ClickHouseUnavailable, InvalidInput
from core.json import iso
from core.models import Project
from insights import jobs
from insights.api.refresh import Wanted
from insights.jobs import AskingLater, Job, NotYet, TooManyJobs
from insights.run import Outlasted, Waiting

if TYPE_CHECKING:
    from insights.api.views import AnalyticalViewSet

#: What a request knows of the address that it came to, so that links lead there.
_ADDRESS = ("HTTP_HOST", "SERVER_NAME", "SERVER_PORT", "wsgi.url_scheme", "HTTP_X_FORWARDED_PROTO")
_CANCELLED = "The query was cancelled."
#: Seconds after which somebody may try again who has too many.
_WAIT = 5


def start(view: "AnalyticalViewSet", request: Request, wanted: Wanted) -> Response:
    """Answer with what is kept, or later. A mistake in the question is answered at once.

    Raises ``Throttled``, and whatever the request itself would.
    """
    job = _job(view.project, view.caller, request, wanted)
    known = None if wanted.id is None else jobs.find(view.project.pk, view.caller.key_id, wanted.id)
    if known is not None and _goes_on(known, job):
        # Whoever sends it again is answered as the first time.
        job = known
    else:
        if known is not None:
            jobs.cancel(known)
        try:
            jobs.begin(job)
        except TooManyJobs:
            raise _too_many() from None
    try:
        body = _answered(view.project, view.caller, job)
    except NotYet:
        return _response(202, _status(job, jobs.state(job)))
    except Exception:
        jobs.cancel(job)
        raise
    told = _status(job, jobs.state(job), results=body)
    # So it is what it would have been, and what whoever asked for it asynchronously expects.
    return _response(200, told, also=body)


def go_on(view: "AnalyticalViewSet", request: Request, asking: Waiting, outlasted: Outlasted) -> Response:
    """The request has waited long enough; its question goes on."""
    job = replace(
        _job(view.project, view.caller, request, Wanted(None, asking.refresh)),
        started=asking.now.timestamp(),
        is_patient=False,
    )
    jobs.take_over(job, asking, outlasted)
    return _response(202, _status(job, jobs.state(job)))


def tell(project: Project, caller: Caller, job: Job, *, with_progress: bool = False) -> Response:
    """How far a job is, with its result when that is complete."""
    state = jobs.state(job)
    if state.is_cancelled:
        return _response(400, _status(job, state, message=_CANCELLED, has_failed=True))
    try:
        body = _answered(project, caller, job)
    except NotYet:
        state = jobs.state(job)
        return _response(202, _status(job, state, progress=_progress(state) if with_progress else None))
    except Exception as error:
        found = describe(error)
        if found is None:
            return _response(500, _status(job, state, has_failed=True))
        return _response(400, _status(job, state, message=found[1]["detail"], has_failed=True))
    return _response(200, _status(job, jobs.state(job), results=body))


def _goes_on(known: Job, job: Job) -> bool:
    """Whether a request with the id of a job is that same request, sent again before it had its answer."""
    state = jobs.state(known)
    return not state.is_cancelled and state.ended is None and jobs.same_request(known.request, job.request)


def _job(project: Project, caller: Caller, request: Request, wanted: Wanted) -> Job:
    job_id = wanted.id or str(uuid4())
    return Job(
        id=job_id,
        name=jobs.job_name(caller.key_id, job_id),
        project_id=project.pk,
        request=_kept(request),
        refresh=wanted.refresh,
        started=time.time(),
        is_patient=True,
    )


def _kept(request: Request) -> dict[str, Any]:
    """Everything that the answer depends on, and no key."""
    query = QueryDict(request.META.get("QUERY_STRING", ""), mutable=True)
    query.pop(FIELD, None)
    body = dict(request.data) if request.method == "POST" and isinstance(request.data, Mapping) else None
    return {
        "method": request.method,
        "path": request.path,
        "query": query.urlencode(),
        "body": {name: value for name, value in body.items() if name != FIELD} if body else None,
        "address": {name: request.META[name] for name in _ADDRESS if name in request.META},
    }


def _answered(project: Project, caller: Caller, job: Job) -> Any:
    """The body of the answer, from the answers that the job has.

    Raises ``NotYet`` when one is missing, and whatever the request itself would.
    """
    request = _again(job.request)
    match = resolve(request.path_info)
    kind = cast("type[AnalyticalViewSet]", match.func.cls)  # type: ignore[attr-defined]
    view = kind(**match.func.initkwargs)  # type: ignore[attr-defined]
    view.action_map = match.func.actions  # type: ignore[attr-defined]
    view.args, view.kwargs = (), match.kwargs
    view.request = view.initialize_request(request)
    # The body is JSON, whatever else the route has.
    view.request.accepted_renderer, view.request.accepted_media_type = JSONRenderer(), "application/json"
    view.project, view.caller = project, caller
    view.check_scopes()
    view.asking = AskingLater(now=job.now, refresh=job.refresh, job=job)
    response = getattr(view, view.action)(view.request, **match.kwargs)
    if response.exception:
        # The one answer that a view makes of a mistake by itself.
        raise InvalidInput(response.data["detail"], attr=response.data["attr"])
    return response.data


def _again(kept: Mapping[str, Any]) -> WSGIRequest:
    """The request as it came."""
    body = b"" if kept["body"] is None else orjson.dumps(kept["body"])
    return WSGIRequest(
        {
            **kept["address"],
            "REQUEST_METHOD": kept["method"],
            "PATH_INFO": kept["path"],
            "QUERY_STRING": kept["query"],
            "CONTENT_TYPE": "application/json",
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.input": BytesIO(body),
        }
    )


def _progress(state: jobs.State) -> dict[str, Any] | None:
    if state.mark is None:
        return None
    try:
        found = queries.progress(state.mark)
    except ClickHouseUnavailable:
        return None
    return {
        "bytes_read": found.bytes_read,
        "rows_read": found.rows_read,
        # ClickHouse may have begun to read before it knows how much there is.
        "estimated_rows_total": max(found.rows_in_all, found.rows_read),
        "time_elapsed": found.seconds,
        "active_cpu_time": found.cpu_microseconds,
    }


def _status(
    job: Job,
    state: jobs.State,
    *,
    results: Any = None,
    message: str | None = None,
    has_failed: bool = False,
    progress: dict[str, Any] | None = None,
) -> dict[str, Any]:
    is_complete = has_failed or results is not None
    # One that had everything at once was never taken up.
    ended = state.ended or job.started
    return {
        "id": job.id,
        "team_id": job.project_id,
        "complete": is_complete,
        "error": has_failed,
        "error_message": message,
        "query_async": True,
        "results": results,
        "task_id": state.mark,
        "start_time": _time(job.started),
        "pickup_time": _time(state.picked),
        "end_time": _time(ended) if is_complete else None,
        "expiration_time": _time(job.expires),
        "insight_id": None,
        "dashboard_id": None,
        "labels": None,
        "query_progress": progress,
    }


def _time(seconds: float | None) -> str | None:
    return None if seconds is None else iso(datetime.fromtimestamp(seconds, UTC))


def _response(status: int, told: dict[str, Any], *, also: Any = None) -> Response:
    body = {**also, "query_status": told} if isinstance(also, dict) else {"query_status": told}
    return Response(body, status=status)


def _too_many() -> Throttled:
    detail = f"This project has {settings.INSIGHTS_ASYNC} asynchronous queries that are not done."
    return Throttled(wait=_WAIT, detail=detail)
