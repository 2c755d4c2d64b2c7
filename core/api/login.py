"""``/api/login/`` and ``/api/logout/``: sessions of browsers."""

from collections.abc import Callable

from django.contrib.auth import logout
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpResponseBase
from django.utils.decorators import decorator_from_middleware
from django.views.decorators.csrf import ensure_csrf_cookie
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from core.api.account_serializers import LoginSerializer
from core.api.rate_limits import count_login
from core.auth.sessions import SessionAuthentication, log_in

View = Callable[..., HttpResponseBase]


class LoginView(APIView):
    """Other web sites cannot log anybody in: the body is JSON, which browsers send across sites only when asked first,
    and this server does not allow it.
    """

    schema = None
    authentication_classes = ()
    permission_classes = ()

    def get(self, request: Request) -> Response:
        """Gives out the cookie of the CSRF token."""
        return Response({"success": True})

    def post(self, request: Request) -> Response:
        """Begins a session."""
        count_login(request)
        form = LoginSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        log_in(request._request, **form.validated_data)
        return Response({"success": True})


class LogoutView(APIView):
    """Ends the session of the cookie."""

    schema = None
    authentication_classes = (SessionAuthentication,)

    def post(self, request: Request) -> Response:
        logout(request._request)
        return Response({"success": True})


def _with_session(view: View) -> View:
    """Only these routes change sessions or their cookies; all others do without the middleware."""
    answer: View = decorator_from_middleware(SessionMiddleware)(ensure_csrf_cookie(view))
    return answer


login_view = _with_session(LoginView.as_view())
logout_view = _with_session(LogoutView.as_view())
