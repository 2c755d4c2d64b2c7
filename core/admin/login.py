"""The login for people with a browser, and where it leads. Programs use ``core.api.login``."""

import math
from urllib.parse import urlencode

from django import forms
from django.contrib.auth import REDIRECT_FIELD_NAME, logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe
from rest_framework.exceptions import Throttled

from core.admin.browser import PLAIN_POLICY, browser_page
from core.api.rate_limits import count_login
from core.auth.sessions import WrongCredentials, log_in

#: Asks for the password although somebody is logged in.
AGAIN = "again"


class LoginForm(forms.Form):
    """The address and the password; the same limits as in the API."""

    email = forms.CharField(
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "username", "autofocus": True, "placeholder": " "}),
    )
    password = forms.CharField(
        max_length=1000,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password", "placeholder": " "}),
    )


@browser_page(PLAIN_POLICY)
@never_cache
@sensitive_post_parameters("password")
@csrf_protect
@require_http_methods(["GET", "HEAD", "POST"])
def login_page(request: HttpRequest) -> HttpResponse:
    """Asks who is there, and leads to where they wanted. Attempts are counted together with those of the API."""
    if request.method != "POST":
        if request.user.is_authenticated and AGAIN not in request.GET:
            return redirect(_wanted(request))
        return _show(request, LoginForm())
    form = LoginForm(request.POST)
    try:
        count_login(request)
        if form.is_valid():
            log_in(request, **form.cleaned_data)
            return redirect(_wanted(request))
    except WrongCredentials:
        form.add_error(None, "Invalid email or password.")
    except Throttled as error:
        seconds = math.ceil(getattr(error, "wait", None) or 1)
        form = LoginForm(initial={"email": request.POST.get("email", "")})
        return _show(
            request, form, status=429, problem=f"Too many attempts. Try again in {seconds} s.", wait=seconds
        )
    return _show(request, form, status=400)


@browser_page(PLAIN_POLICY)
@never_cache
@csrf_protect
@require_http_methods(["GET", "HEAD", "POST"])
def logout_page(request: HttpRequest) -> HttpResponse:
    """Ends the session. A link cannot do that, or other web sites could."""
    if request.method == "POST":
        logout(request)
        return redirect("/login")
    return redirect("/")


@browser_page(PLAIN_POLICY)
@never_cache
@csrf_protect
@require_safe
def home_page(request: HttpRequest) -> HttpResponse:
    """Where somebody who is logged in can go from here."""
    if not request.user.is_authenticated:
        return redirect("/login")
    return render(request, "core/home.html")


def ask_again(request: HttpRequest) -> HttpResponse:
    """To the login and back: what follows takes one that is fresh."""
    return redirect(f"/login?{urlencode({REDIRECT_FIELD_NAME: request.get_full_path(), AGAIN: 1})}")


def _show(
    request: HttpRequest, form: LoginForm, *, status: int = 200, problem: str = "", wait: int | None = None
) -> HttpResponse:
    context = {"form": form, "next": _wanted(request), "problem": problem, "again": AGAIN in request.GET}
    response = render(request, "core/login.html", context, status=status)
    if wait is not None:
        response["Retry-After"] = str(wait)
    return response


def _wanted(request: HttpRequest) -> str:
    """Where to go afterwards: never to another host."""
    wanted = request.POST.get(REDIRECT_FIELD_NAME) or request.GET.get(REDIRECT_FIELD_NAME) or ""
    is_ours = url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return wanted if is_ours else "/"
