"""What pages for browsers have in common: the session, messages, headers, and failures that people can read.

The middleware comes with each page, so that requests of the API do not pay for it.
"""

from collections.abc import Callable
from functools import wraps

from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.template.response import SimpleTemplateResponse
from django.utils.decorators import decorator_from_middleware

from core.api.errors import describe

View = Callable[..., HttpResponseBase]

_EVERYWHERE = (
    "default-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; img-src 'self'"
)
#: What a page may load that is only text and forms.
PLAIN_POLICY = f"{_EVERYWHERE}; style-src 'self'"
#: The theme of the admin evaluates what stands in attributes (Alpine.js) and sets its colours in the page. Scripts in
#: the page, and whatever comes from elsewhere, are refused all the same.
ADMIN_POLICY = (
    f"{_EVERYWHERE}; script-src 'self' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; font-src 'self'; "
    "connect-src 'self'"
)

_with_session = decorator_from_middleware(SessionMiddleware)
_with_user = decorator_from_middleware(AuthenticationMiddleware)
_with_messages = decorator_from_middleware(MessageMiddleware)
_TITLES = {403: "Not allowed", 404: "Not found", 429: "Too many requests", 503: "Not available right now"}


def browser_page(policy: str) -> Callable[[View], View]:
    """A view as a page: with ``session``, ``user`` and messages of the request, and a policy of what it may load."""

    def decorate(view: View) -> View:
        inner: View = _with_session(_with_user(_with_messages(_rendered(view))))

        @wraps(view)
        def page(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
            try:
                response = inner(request, *args, **kwargs)
            except Exception as error:
                response = _failure(request, error)
            response["Content-Security-Policy"] = policy
            # Addresses of pages have ids of persons in them.
            response["Referrer-Policy"] = "same-origin"
            return response

        return page

    return decorate


def error_page(request: HttpRequest, *, status: int, title: str, text: str) -> HttpResponse:
    """A page that says what is the matter. It needs neither stores nor a session."""
    return render(request, "core/error.html", {"title": title, "text": text}, status=status)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Django's answer to a form without a valid token."""
    text = "The form was open for too long, or you have logged in or out meanwhile. Go back, reload, and try again."
    return error_page(request, status=403, title="The form has expired", text=text)


def _rendered(view: View) -> View:
    """Templates are rendered here, so that their failures become pages, too."""

    @wraps(view)
    def answer(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        response = view(request, *args, **kwargs)
        return response.render() if isinstance(response, SimpleTemplateResponse) else response

    return answer


def _failure(request: HttpRequest, error: Exception) -> HttpResponse:
    """Raises ``error`` again if it is a defect of ours."""
    found = describe(error)
    if found is None:
        raise error
    status, body, headers = found
    response = error_page(
        request, status=status, title=_TITLES.get(status, "This did not work"), text=body["detail"]
    )
    for name, value in headers.items():
        response[name] = value
    return response
