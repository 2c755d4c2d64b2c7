"""Requests to erase, and their receipts; a check counts anew what is left in every store."""

from typing import Any, cast
from uuid import UUID

from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.safestring import SafeString

from core.admin.parts import (
    NOTHING,
    Action,
    Page,
    Search,
    Tab,
    Table,
    badge,
    code,
    counted,
    link,
    number,
    show,
    when,
)
from core.admin.requests import ROWS, find_project, page_number, pager, with_choices
from core.api.persons.deletion_status import STATUSES, DeletionNotFound
from core.auth.authentication import LARGEST_ID
from core.models import User
from core.selectors.deletions import DeletionPage, Status, get_deletion, list_deletions
from core.selectors.erasure_check import check_erasure


def deletions(request: HttpRequest, project_id: int) -> TemplateResponse:
    project = find_project(project_id)
    page, status = page_number(request), _status(request)
    offset = (page - 1) * ROWS
    wanted = request.GET.get("q", "").strip()
    found = _list(project_id, wanted, status=status, offset=offset)
    return show(
        request,
        Page(
            title=f"Deletions in {project.name}",
            search=Search("Uuid of a person", wanted),
            tabs=[
                Tab(one.capitalize(), with_choices(request, {"status": one, "page": "1"}), one == status)
                for one in ("all", "pending", "completed")
            ],
            tables=[
                Table(
                    ("Receipt", "Person", "Status", "Asked for", "Nothing left since", "Off the disk since"),
                    [_row(project_id, row) for row in found.rows],
                    empty="Nobody asked for an erasure.",
                )
            ],
            pager=pager(request, page, has_more=offset + len(found.rows) < found.total),
        ),
    )


def deletion(request: HttpRequest, project_id: int, deletion_id: int) -> TemplateResponse:
    """The receipt. A POST counts again."""
    find_project(project_id)
    found = get_deletion(project_id, deletion_id) if deletion_id <= LARGEST_ID else None
    if found is None:
        raise DeletionNotFound("Not found.")
    asker = User.objects.filter(pk=found["requested_by"]).first()
    here = reverse("admin:deletions_one", args=[project_id, deletion_id])
    tables = [
        Table(
            ("Store", "Found", "Left"),
            [
                (store.replace("_", " "), number(rows), number((found["counts_after"] or {}).get(store)))
                for store, rows in sorted(found["counts_before"].items())
            ],
            title="Receipt: rows by store",
            empty="Not counted yet.",
        )
    ]
    if request.method == "POST":
        counts = check_erasure(project_id, found["id"])
        tables.insert(0, _checked(counts))
    return show(
        request,
        Page(
            title=f"Receipt {found['id']}",
            facts=[
                ("Person", code(found["person_uuid"])),
                ("Status", _badge(found)),
                ("Stage", found["stage"]),
                ("What", "person and events" if found["person_deleted"] else "events"),
                ("Asked for", when(found["created_at"])),
                ("By", asker.email if asker else NOTHING),
                ("Removed", when(found["removed_at"])),
                ("Nothing left since", when(found["delete_verified_at"])),
                ("Off the disk since", when(found["scrubbed_at"])),
            ],
            actions=[Action("Verify now", here, icon="fact_check", variant="primary", posts=True)],
            tables=tables,
        ),
    )


def _checked(counts: dict[str, int]) -> Table:
    left = sum(counts.values())
    verdict = "nothing is left" if not left else f"{counted(left, 'row')} left"
    return Table(
        ("Store", "Left"),
        [(store.replace("_", " "), number(rows)) for store, rows in sorted(counts.items())],
        title=f"Counted just now: {verdict}",
    )


def _list(project_id: int, wanted: str, *, status: Status, offset: int) -> DeletionPage:
    uuid = None
    if wanted:
        try:
            uuid = UUID(wanted)
        except ValueError:
            return DeletionPage([], 0)
    return list_deletions(project_id, status=status, person_uuid=uuid, limit=ROWS, offset=offset)


def _status(request: HttpRequest) -> Status:
    text = request.GET.get("status", "all")
    return cast(Status, text) if text in STATUSES else "all"


def _row(project_id: int, row: dict[str, Any]) -> tuple[Any, ...]:
    return (
        link(reverse("admin:deletions_one", args=[project_id, row["id"]]), f"Receipt {row['id']}"),
        code(row["person_uuid"]),
        _badge(row),
        when(row["created_at"]),
        when(row["delete_verified_at"]),
        when(row["scrubbed_at"]),
    )


def _badge(row: dict[str, Any]) -> SafeString:
    return badge("completed", "success") if row["status"] == "completed" else badge("pending", "warning")
