"""What the routes have in common that belong to no project: about the caller, and what it may see."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, TypeVar, cast

from django.db.models import Model, QuerySet
from rest_framework.exceptions import MethodNotAllowed
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from core.api.documents import lenient_limit, lenient_offset
from core.api.pages import page_links
from core.api.parameters import read_lenient_page
from core.api.rate_limits import RateClass, check_budget, count_request, tell_budget
from core.api.views import demanded, tell_successor
from core.auth.access import check_account_key
from core.auth.authentication import Caller
from core.auth.sessions import SessionCaller
from core.sliding_window import Budget

Row = TypeVar("Row", bound=Model)

#: Parameters of every list with a count.
PAGING = [lenient_limit("Rows a page, at most 10000."), lenient_offset("Rows to skip.")]


class AccountViewSet(ViewSet):
    """Base of the routes about users, keys, organizations and projects.

    ``scopes`` names what each action demands of a key; an action without an entry takes no keys at all. When an action
    runs, ``self.caller`` is the key or the session.
    """

    scopes: ClassVar[dict[str, tuple[str, ...]]] = {}
    #: Whether a key may ask that is limited to some projects.
    takes_limited_keys: ClassVar = False
    #: Actions that somebody who is logged in may only do with a fresh login.
    sensitive: ClassVar[frozenset[str]] = frozenset()
    caller: Caller
    budget: Budget | None = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if self.action is None:
            raise MethodNotAllowed(request.method or "")
        self.caller = cast(Caller, request.auth)
        if not isinstance(self.caller, SessionCaller):
            self.check_key()
        elif self.action in self.sensitive:
            self.caller.check_fresh()
        self.budget = count_request(self.caller, RateClass.GENERAL)
        check_budget(self.budget)

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        answer = super().finalize_response(request, response, *args, **kwargs)
        tell_budget(answer, self.budget)
        tell_successor(request, answer)
        return answer

    def check_key(self) -> None:
        """Raises ``PermissionDenied``."""
        check_account_key(
            self.caller, demanded(self.scopes, self.action), takes_limited_keys=self.takes_limited_keys
        )


def counted_page(
    request: Request, found: QuerySet[Row], show: Callable[[Sequence[Row]], list[dict[str, Any]]]
) -> Response:
    """The page of ``found`` that the query string asks for, with the number of all."""
    limit, offset = read_lenient_page(request.query_params)
    rows, count = list(found[offset : offset + limit]), found.count()
    following, previous = page_links(request, limit=limit, offset=offset, has_more=offset + len(rows) < count)
    return Response({"count": count, "next": following, "previous": previous, "results": show(rows)})
