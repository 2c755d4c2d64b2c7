"""What the views of a project have in common: who asks, for which project, with which scopes."""

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar, cast

from rest_framework.exceptions import MethodNotAllowed
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from core.api.once import HEADER, once
from core.auth.access import project_for
from core.auth.authentication import Caller
from core.models import Project


class ProjectViewSet(ViewSet):
    """Base of every route below ``/api/projects/{project_id}/``.

    ``scopes`` names what each action demands; an action without an entry takes no keys at all. When an action
    runs, ``self.project`` is the project of the path, ``self.caller`` the key, and it may do the action there.
    """

    scopes: ClassVar[dict[str, tuple[str, ...]]] = {}
    project: Project
    caller: Caller
    post: Callable[..., Response]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if self.action is None:
            raise MethodNotAllowed(request.method or "")
        self.caller = cast(Caller, request.auth)
        # OPTIONS asks about all actions of the route.
        scopes = self.scopes.get(self.action) or next(iter(self.scopes.values()))
        self.project = project_for(self.caller, kwargs["project_id"], scopes)
        if request.method == "POST" and HEADER in request.headers and self._changes_something():
            # What runs next is the method of this name.
            self.post = partial(self._once, self.post)

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
        """Answers under the old spelling of a path say where the new one is."""
        answer = super().finalize_response(request, response, *args, **kwargs)
        path = request.get_full_path()
        if path.startswith("/api/environments/"):
            successor = path.replace("/api/environments/", "/api/projects/", 1)
            answer["Deprecation"] = "true"
            answer["Link"] = f'<{successor}>; rel="successor-version"'
        return answer
