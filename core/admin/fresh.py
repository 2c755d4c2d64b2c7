"""Keys and users are changed only after a login of the last two hours, as in the API."""

import time
from collections.abc import Callable
from functools import wraps

from django.http import HttpRequest, HttpResponse

from core.admin.login import ask_again
from core.auth.sessions import FRESH, LOGGED_IN_AT

Page = Callable[..., HttpResponse]


def fresh(page: Page) -> Page:
    """The page, or the login first."""

    @wraps(page)
    def answer(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        if time.time() - float(request.session.get(LOGGED_IN_AT, 0)) > FRESH:
            return ask_again(request)
        return page(request, *args, **kwargs)

    return answer
