"""What the views of a project have in common: who asks, for which project, with which scopes."""

from collections.abc import Callable, Mapping
from email.utils import format_datetime
from functools import partial
from typing import Any, ClassVar, TypeVar, cast

from django.conf import settings
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import MethodNotAllowed
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from core.api.once import HEADER, once
from core.api.rate_limits import RateClass, check_budget, class_of, count_request, tell_budget
from core.auth.access import reachable_project
from core.auth.authentication import Caller
from core.models import Project
from core.sliding_window import Budget

T = TypeVar("T")


_OLD = "/api/environments"
_instances: dict[Any, Any] = {}


def _instance(kind: Callable[[], T]) -> T:
    """One for all requests: renderers and the like keep nothing of any."""
    if kind not in _instances:
        _instances[kind] = kind()
    instance: T = _instances[kind]
    return instance


class ProjectViewSet(ViewSet):
    """Base of every route below ``/api/projects/{project_id}/``.

    ``scopes`` names what each action demands; an action without an entry takes no keys at all. When an action
    runs, ``self.project`` is the project of the path, ``self.caller`` the key, and it may do the action there.
    """

    scopes: ClassVar[dict[str, tuple[str, ...]]] = {}
    #: Whose budget requests go by, where the scopes do not tell (``core.api.rate_limits``).
    rate_class: ClassVar[RateClass | None] = None
    project: Project
    caller: Caller
    budget: Budget | None = None
    post: Callable[..., Response]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if self.action is None:
            raise MethodNotAllowed(request.method or "")
        self.caller = cast(Caller, request.auth)
        scopes = demanded(self.scopes, self.action)
        self.project = reachable_project(self.caller, scopes)
        rate_class = self.rate_class or class_of(self.action, scopes or ())
        self.budget = count_request(self.caller, rate_class, project_id=self.project.pk)
        check_budget(self.budget)
        if request.method == "POST" and HEADER in request.headers and self._changes_something():
            # What runs next is the method of this name.
            self.post = partial(self._once, self.post)

    def get_renderers(self) -> list[BaseRenderer]:
        return [_instance(kind) for kind in self.renderer_classes]

    def get_parsers(self) -> list[BaseParser]:
        return [_instance(kind) for kind in self.parser_classes]

    def get_authenticators(self) -> list[BaseAuthentication]:
        return [_instance(kind) for kind in self.authentication_classes]

    def get_content_negotiator(self) -> BaseContentNegotiation:
        return _instance(self.content_negotiation_class)

    def _changes_something(self) -> bool:
        return any(scope.endswith(":write") for scope in self.scopes.get(self.action or "", ()))

    def _once(self, handler: Callable[..., Response], request: Request, **kwargs: Any) -> Response:
        return once(
            partial(handler, request, **kwargs),
            request,
            project_id=self.project.pk,
            caller=self.caller.key_id,
        )

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        """What is left of the budget; and under the old spelling of a path, where the new one is."""
        answer = super().finalize_response(request, response, *args, **kwargs)
        tell_budget(answer, self.budget)
        tell_successor(request, answer)
        return answer


def demanded(scopes: Mapping[str, tuple[str, ...]], action: str) -> tuple[str, ...] | None:
    """The scopes of an action; null when no key may do it. OPTIONS asks about all actions of the route."""
    if action == "metadata":
        return next(iter(scopes.values()), None)
    return scopes.get(action)


def tell_successor(request: Request, response: Response) -> None:
    """Answers under the old spelling of a path say where the new one is."""
    if request.path.startswith(_OLD):
        successor = request.get_full_path().replace(_OLD, "/api/projects", 1)
        response["Deprecation"] = "true"
        response["Link"] = f'<{successor}>; rel="successor-version"'
        if settings.ENVIRONMENTS_SUNSET is not None:
            response["Sunset"] = format_datetime(settings.ENVIRONMENTS_SUNSET, usegmt=True)
