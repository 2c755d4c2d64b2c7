"""The first page: which projects there are, and what is done first."""

from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.urls import reverse

from core.admin.parts import Action, Page, Table, badge, code, link, show, when
from core.models import Project
from core.selectors.projects import project_rows

#: Projects that are shown; the list has all.
MOST = 20


def overview(request: HttpRequest) -> TemplateResponse:
    projects = list(Project.objects.order_by("pk")[:MOST])
    rows = zip(projects, project_rows(projects), strict=True)
    table = Table(
        ("Project", "Token", "Data", "Time zone", "Made", ""),
        [
            (
                link(reverse("admin:persons", args=[project.pk]), project.name),
                code(project.api_token),
                badge("receives events", "success") if row["ingested_event"] else badge("no events yet"),
                project.timezone,
                when(project.created_at),
                link(reverse("admin:project", args=[project.pk]), "Settings"),
            )
            for project, row in rows
        ],
        title="Projects",
    )
    return show(
        request,
        Page(
            title="Overview",
            intro="Persons, cohorts, deletions and webhooks are on the pages of each project.",
            tables=[table],
            actions=[
                Action("New project", reverse("admin:core_project_add"), icon="add", variant="primary"),
                Action("New API key", reverse("admin:core_personalapikey_add"), icon="key"),
            ],
        ),
    )
