"""The pages of a project, all on one page. Names of pages below another one begin with its name (``navigation``)."""

from collections.abc import Callable

from django.urls import URLPattern, path

from core.admin import cohorts, deletions, person_changes, persons, projects, webhooks
from core.admin.browser import View

_PROJECT = "project/<int:project_id>"
_PERSON = f"{_PROJECT}/persons/<uuid:person_uuid>"
_COHORT = f"{_PROJECT}/cohorts/<int:cohort_id>"
_DELETION = f"{_PROJECT}/deletions/<int:deletion_id>"
_WEBHOOK = f"{_PROJECT}/webhooks/<int:webhook_id>"

_ROUTES: tuple[tuple[str, View, str], ...] = (
    (_PROJECT, projects.settings_page, "project"),
    (f"{_PROJECT}/delete", projects.delete_page, "project_delete"),
    (f"{_PROJECT}/persons", persons.persons, "persons"),
    (_PERSON, persons.person, "persons_one"),
    (f"{_PERSON}/split", person_changes.split, "persons_split"),
    (f"{_PERSON}/merge", person_changes.merge, "persons_merge"),
    (f"{_PERSON}/erase", person_changes.erase, "persons_erase"),
    (f"{_PERSON}/undo", person_changes.take_back, "persons_undo"),
    (f"{_PROJECT}/cohorts", cohorts.cohorts, "cohorts"),
    (_COHORT, cohorts.cohort, "cohorts_one"),
    (f"{_COHORT}/recalculate", cohorts.recalculate, "cohorts_recalculate"),
    (f"{_PROJECT}/deletions", deletions.deletions, "deletions"),
    (_DELETION, deletions.deletion, "deletions_one"),
    (f"{_PROJECT}/webhooks", webhooks.webhooks, "webhooks"),
    (_WEBHOOK, webhooks.webhook, "webhooks_one"),
    (f"{_WEBHOOK}/switch", webhooks.switch, "webhooks_switch"),
    (f"{_WEBHOOK}/replay", webhooks.replay_all, "webhooks_replay"),
    (f"{_WEBHOOK}/replay/<uuid:event_id>", webhooks.replay_event, "webhooks_replay_one"),
)


def routes(admin_view: Callable[[View], View]) -> list[URLPattern]:
    return [path(f"{pattern}/", admin_view(view), name=name) for pattern, view, name in _ROUTES]
