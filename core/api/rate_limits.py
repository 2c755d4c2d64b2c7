"""How often somebody may ask: which routes are counted together, and what answers tell of it.

A budget belongs to a key, or to a user who is logged in, whatever the project. Who may not ask anyhow costs nothing:
requests are counted when key, scopes and project were judged. Capture is never limited.
"""

from collections.abc import Iterator
from enum import Enum

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from rest_framework.exceptions import Throttled
from rest_framework.request import Request

from core.auth.authentication import Caller
from core.auth.scopes import ANALYSIS
from core.auth.sessions import SessionCaller
from core.sliding_window import Budget, Limit, take


class RateClass(Enum):
    """Routes that share a budget; the values are names of ``settings.RATES``."""

    GENERAL = ("burst", "sustained")
    PERSONS = ("clickhouse_burst",)
    #: Less restricted than reading, so that erasure is never held up.
    PERSON_DELETES = ("persons_delete_burst", "persons_delete_sustained")
    #: Questions to ClickHouse.
    ANALYTICS = ("clickhouse_burst", "clickhouse_sustained")


#: What somebody who is logged in has for all routes of persons together; other routes are free.
_OF_SESSIONS = ("persons_burst", "persons_sustained")
_LOGIN = ("login",)


def class_of(action: str, scopes: tuple[str, ...]) -> RateClass:
    """The class of a route that does not name one, by what it does and the scopes that it demands."""
    if ANALYSIS in scopes:
        return RateClass.ANALYTICS
    if not scopes or not scopes[0].startswith("person:"):
        return RateClass.GENERAL
    return RateClass.PERSON_DELETES if action == "destroy" else RateClass.PERSONS


def count_request(caller: Caller, rate_class: RateClass, *, project_id: int | None = None) -> Budget | None:
    """Count a request of ``caller``; what is left, or null when nothing limits it."""
    if project_id in settings.RATE_LIMITS_EXEMPT_PROJECTS:
        return None
    names = rate_class.value
    if isinstance(caller, SessionCaller):
        names = () if rate_class is RateClass.GENERAL else _OF_SESSIONS
    return _count(names, caller.key_id)


def count_login(request: Request | HttpRequest) -> None:
    """Count an attempt to log in, by the address that it comes from. Raises ``Throttled``."""
    check_budget(_count(_LOGIN, request.META.get("REMOTE_ADDR", "")))


def check_budget(budget: Budget | None) -> None:
    """Raises ``Throttled`` when nothing was left for the request."""
    if budget is not None and budget.wait:
        raise Throttled(wait=budget.wait)


def tell_budget(response: HttpResponseBase, budget: Budget | None) -> None:
    """What is left goes into headers: of the tightest limit, with seconds until it has more."""
    if budget is not None:
        response["X-RateLimit-Limit"] = str(budget.limit)
        response["X-RateLimit-Remaining"] = str(budget.remaining)
        response["X-RateLimit-Reset"] = str(budget.reset)


def _count(names: tuple[str, ...], who: str) -> Budget | None:
    return take(list(_limits(names, who))) if settings.RATE_LIMITS else None


def _limits(names: tuple[str, ...], who: str) -> Iterator[Limit]:
    for name in names:
        rate = settings.RATES[name]
        if rate is not None:
            # In a cluster, what stands in braces decides on the node, and the script wants all lists on one.
            yield Limit(f"{{{who}}}:{name}", *rate)
