"""Parts of pages: tables, badges, buttons. Every value that is not markup of ours is escaped."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from django.http import HttpRequest
from django.middleware.csrf import get_token
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString

Variant = Literal["default", "info", "success", "warning", "danger"]
#: What stands where there is nothing to show.
NOTHING = "\N{EN DASH}"


@dataclass(frozen=True, slots=True)
class Table:
    """A table with a line of headers. ``empty`` is what it says without rows."""

    headers: Sequence[str]
    cells: Sequence[Sequence[Any]]
    title: str = ""
    empty: str = "Nothing here yet."

    @property
    def rows(self) -> list[dict[str, Sequence[Any]]]:
        return [{"cols": cells} for cells in self.cells]


@dataclass(frozen=True, slots=True)
class Action:
    """A button. With ``posts`` it does something at once, without it it leads to a page."""

    label: str
    url: str
    icon: str = ""
    variant: str = "default"
    posts: bool = False


@dataclass(frozen=True, slots=True)
class Tab:
    """One of several views of a list."""

    title: str
    link: str
    active: bool


@dataclass(frozen=True, slots=True)
class Pager:
    """Where the pages before and after this one are."""

    previous: str | None = None
    next: str | None = None


@dataclass(frozen=True, slots=True)
class Search:
    """A field to look something up by."""

    label: str
    value: str


@dataclass(slots=True)
class Page:
    """A page of facts, tables and buttons."""

    title: str
    intro: str = ""
    facts: Sequence[tuple[str, Any]] = ()
    tables: Sequence[Table] = ()
    actions: Sequence[Action] = ()
    tabs: Sequence[Tab] = ()
    search: Search | None = None
    pager: Pager = field(default_factory=Pager)
    #: Shown large, this one time.
    secret: str = ""


def show(request: HttpRequest, page: Page, *, status: int = 200) -> TemplateResponse:
    return show_template(request, "page", title=page.title, status=status, page=page)


def show_template(
    request: HttpRequest, name: str, *, title: str, status: int = 200, **context: Any
) -> TemplateResponse:
    from core.admin.site import site

    request.current_app = site.name
    return TemplateResponse(
        request,
        f"core/admin/{name}.html",
        {**site.each_context(request), "title": title, **context},
        status=status,
    )


def badge(text: str, variant: Variant = "default") -> SafeString:
    return SafeString(render_to_string("unfold/helpers/label.html", {"text": text, "variant": variant}))


def link(url: str, text: Any) -> SafeString:
    return format_html('<a class="pa-link" href="{}">{}</a>', url, text)


def code(text: Any) -> SafeString:
    return format_html('<code class="pa-code">{}</code>', text)


def one_line(text: Any) -> SafeString:
    """What is read better unbroken."""
    return format_html('<span class="pa-whole">{}</span>', text)


def post_button(request: HttpRequest, url: str, label: str) -> SafeString:
    """A small button that does something at once."""
    return format_html(
        '<form method="post" action="{}"><input type="hidden" name="csrfmiddlewaretoken" value="{}">'
        '<button type="submit" class="pa-button">{}</button></form>',
        url,
        get_token(request),
        label,
    )


def when(moment: datetime | str | None) -> str:
    """A time in UTC, to the minute."""
    if moment is None:
        return NOTHING
    at = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    return format_html('<span class="pa-whole">{}</span>', f"{at.astimezone(UTC):%Y-%m-%d %H:%M}")


def counted(count: int, noun: str) -> str:
    """How many there are, as one says it."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def number(count: int | None) -> str:
    return NOTHING if count is None else f"{count:,}"
