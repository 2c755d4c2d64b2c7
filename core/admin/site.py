"""The admin of an installation, for users who are staff. Selectors say what it shows, services do what it does."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.core.paginator import InvalidPage
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.urls import URLPattern
from unfold.sites import UnfoldAdminSite

from core.admin.browser import ADMIN_POLICY, View, browser_page
from core.admin.keys import KeyAdmin
from core.admin.login import login_page, logout_page
from core.admin.navigation import navigation
from core.admin.overview import overview
from core.admin.projects import ProjectAdmin
from core.admin.routes import routes
from core.admin.users import UserAdmin, own_password
from core.models import PersonalAPIKey, Project, User


class PersonsAdminSite(UnfoldAdminSite):  # type: ignore[misc] # has no types
    """Users who are staff see all projects of the installation; others are refused."""

    index_title = "Overview"

    def admin_view(self, view: View, cacheable: bool = False) -> View:
        checked: View = super().admin_view(view, cacheable)

        def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if request.user.is_authenticated and not self.has_permission(request):
                raise PermissionDenied
            return checked(request, *args, **kwargs)

        return browser_page(ADMIN_POLICY)(answer)

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponseBase:
        return login_page(request)

    def logout(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponseBase:
        return logout_page(request)

    def password_change(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return own_password(request)

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return overview(request)

    def search(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """What Ctrl-K looks things up with: names of lists."""
        try:
            found: HttpResponse = super().search(request, extra_context)
        except (InvalidPage, ValueError):
            raise Http404 from None
        return found

    def extra_urls(self) -> list[URLPattern]:
        """The pages of projects."""
        return routes(self.admin_view)

    def get_sidebar_list(self, request: HttpRequest) -> list[dict[str, Any]]:
        return navigation(request)


site = PersonsAdminSite()
site.register(Project, ProjectAdmin)
site.register(PersonalAPIKey, KeyAdmin)
site.register(User, UserAdmin)
