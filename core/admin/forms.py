"""Forms of the admin: they read what was typed, services decide."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from unfold import widgets

from core.admin.parts import Action, Page, show, show_template
from core.exceptions import RequestError

#: What a form does with what was typed; what it says of it, or a page of its own.
Act = Callable[[dict[str, Any]], str | Page]
#: What would come of it, line by line.
Foresee = Callable[[dict[str, Any]], list[str]]

CONFIRMED = "confirmed"


def text(**kwargs: Any) -> forms.CharField:
    return forms.CharField(widget=widgets.UnfoldAdminTextInputWidget(), **kwargs)


def long_text(**kwargs: Any) -> forms.CharField:
    return forms.CharField(widget=widgets.UnfoldAdminTextareaWidget(attrs={"rows": 3}), **kwargs)


def secret(**kwargs: Any) -> forms.CharField:
    attrs = {"autocomplete": kwargs.pop("autocomplete", "new-password")}
    return forms.CharField(
        widget=widgets.UnfoldAdminPasswordWidget(attrs=attrs), strip=False, max_length=1000, **kwargs
    )


def choice(choices: Any, **kwargs: Any) -> forms.ChoiceField:
    return forms.ChoiceField(choices=choices, widget=widgets.UnfoldAdminSelectWidget(), **kwargs)


def choices(among: Any, **kwargs: Any) -> forms.MultipleChoiceField:
    return forms.MultipleChoiceField(
        choices=among, widget=widgets.UnfoldAdminCheckboxSelectMultipleWidget(), **kwargs
    )


def flag(**kwargs: Any) -> forms.BooleanField:
    return forms.BooleanField(required=False, widget=widgets.UnfoldBooleanWidget(), **kwargs)


def handle(
    request: HttpRequest,
    form: forms.Form,
    *,
    title: str,
    back: str,
    act: Act,
    foresee: Foresee | None = None,
    intro: str = "",
    button: str = "Save",
    danger: bool = False,
    done: str | None = None,
    also: Action | None = None,
) -> HttpResponse:
    """Show ``form``, and do what it is for. With ``foresee`` people see first what would come of it and confirm. Then
    on to ``done``, or ``back``.
    """
    context: dict[str, Any] = {"back": back, "intro": intro, "button": button, "danger": danger, "also": also}
    if request.method == "POST" and form.is_valid():
        try:
            if foresee is not None and CONFIRMED not in request.POST:
                lines = foresee(form.cleaned_data)
                return show_template(request, "confirm", title=title, form=form, lines=lines, **context)
            said = act(form.cleaned_data)
        except RequestError as error:
            _blame(form, error)
        else:
            if isinstance(said, Page):
                return show(request, said)
            messages.success(request, said)
            return redirect(done or back)
    status = 400 if form.errors else 200
    if foresee is not None:
        context["button"] = "Continue"
        context["danger"] = False
    return show_template(request, "form", title=title, status=status, form=form, **context)


def confirm(
    request: HttpRequest,
    *,
    title: str,
    back: str,
    lines: list[str],
    act: Callable[[], str | Page],
    button: str,
    danger: bool = False,
) -> HttpResponse:
    """Ask whether to do something, and do it."""
    if request.method == "POST":
        try:
            said = act()
        except RequestError as error:
            messages.error(request, error.detail)
            return redirect(back)
        if isinstance(said, Page):
            return show(request, said)
        messages.success(request, said)
        return redirect(back)
    context: dict[str, Any] = {"form": forms.Form(), "back": back, "button": button, "danger": danger}
    return show_template(request, "confirm", title=title, lines=lines, **context)


def _blame(form: forms.Form, error: RequestError) -> None:
    field = error.attr if error.attr in form.fields else None
    form.add_error(field, error.detail)
