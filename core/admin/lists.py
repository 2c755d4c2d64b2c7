"""What the lists of projects, keys and users have in common: Django's admin shows them, and services change them."""

from typing import Any

from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.urls import URLPattern
from unfold.admin import ModelAdmin

_PAGES = ("_changelist", "_add", "_change")


class ListAdmin(ModelAdmin):  # type: ignore[misc] # has no types
    """A list. Everybody who gets here is staff, which is all that there is to be; the forms are ours, and nothing
    is written but by services.
    """

    actions = None
    list_per_page = 50
    list_fullwidth = True

    def get_urls(self) -> list[URLPattern]:
        """Only the pages that there are: no history, no deleting past the services."""
        return [one for one in super().get_urls() if str(one.name).endswith(_PAGES)]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        title = str(self.opts.verbose_name_plural).capitalize()
        shown: TemplateResponse = super().changelist_view(request, {"title": title, **(extra_context or {})})
        return shown

    def has_module_permission(self, request: HttpRequest) -> bool:
        return True

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True

    def has_add_permission(self, request: HttpRequest) -> bool:
        return True

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
