"""People who are logged in by a browser: a session cookie instead of a key.

This is Django's own machinery without its middleware, so that only requests with the cookie and without a key pay.
"""

import time
from dataclasses import dataclass

from django.conf import settings
from django.contrib.auth import authenticate, get_user, login
from django.contrib.sessions.backends.db import SessionStore
from django.http import HttpRequest
from rest_framework import authentication
from rest_framework.exceptions import PermissionDenied, ValidationError
from rest_framework.request import Request

from core.auth.authentication import (
    CURRENT,
    Caller,
    check_legacy_root,
    project_asked_for,
    read_project_number,
)
from core.auth.scopes import EVERYTHING
from core.models import Membership, Project, User

#: When somebody logged in, in the session: seconds since 1970.
LOGGED_IN_AT = "logged_in_at"
#: Seconds for which a login counts as fresh.
FRESH = 2 * 60 * 60


class NotFreshlyLoggedIn(PermissionDenied):
    """This action requires you to be recently authenticated."""

    default_detail = "This action requires you to be recently authenticated."
    default_code = "sensitive_action_required_reauth"


class WrongCredentials(ValidationError):
    """Nobody has this address and this password."""

    default_detail = "Invalid email or password."
    default_code = "invalid_credentials"


@dataclass(frozen=True, slots=True)
class SessionCaller(Caller):
    """Somebody who is logged in: may do whatever the user may."""

    #: Seconds since 1970.
    logged_in_at: float

    def check_fresh(self) -> None:
        """Raises ``NotFreshlyLoggedIn``."""
        if time.time() - self.logged_in_at > FRESH:
            raise NotFreshlyLoggedIn


class SessionAuthentication(authentication.SessionAuthentication):
    """The cookie ``sessionid``; whatever is not just read needs the header ``X-CSRFToken`` as well."""

    def authenticate(self, request: Request) -> tuple[None, Caller] | None:
        """``request.auth`` becomes the ``SessionCaller``; null without a valid session."""
        cookie = request.COOKIES.get(settings.SESSION_COOKIE_NAME)
        if not cookie:
            return None
        request._request.session = SessionStore(cookie)
        user = get_user(request._request)
        if not isinstance(user, User):
            return None
        self.enforce_csrf(request)
        logged_in_at = float(request._request.session.get(LOGGED_IN_AT, 0))
        caller = _caller(user, project_asked_for(request), logged_in_at)
        check_legacy_root(request, caller)
        return None, caller

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


def log_in(request: HttpRequest, *, email: str, password: str) -> None:
    """Begin a session, in place of any other. Raises ``WrongCredentials``, also for users who are inactive."""
    known = User.objects.filter(email__iexact=email).first()
    # Also without such a user a password is hashed: the time that it takes tells nothing.
    user = authenticate(request, username=known.email if known else email, password=password)
    if user is None:
        raise WrongCredentials
    # Logins are rare enough to clean up after others.
    SessionStore.clear_expired()
    login(request, user)
    request.session[LOGGED_IN_AT] = time.time()


def _caller(user: User, project_id: str, logged_in_at: float) -> SessionCaller:
    number = user.current_project_id if project_id == CURRENT else read_project_number(project_id)
    project = Project.objects.filter(pk=number or 0).first()
    return SessionCaller(
        key_id=f"session of user {user.pk}",
        user_id=user.pk,
        scopes=(EVERYTHING,),
        scoped_projects=(),
        scoped_organizations=(),
        last_used_at=None,
        is_member=project is not None
        and Membership.objects.filter(user=user, organization_id=project.organization_id).exists(),
        refused_by=None,
        project=project,
        logged_in_at=logged_in_at,
    )
