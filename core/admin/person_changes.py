"""Split, merge, erase, and undo: people see first what would come of it."""

from typing import Any
from uuid import UUID

from django import forms
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from core.admin.forms import choices, confirm, flag, handle, text
from core.admin.parts import counted
from core.admin.persons import MOST_IDS
from core.admin.requests import find_project, user_id
from core.exceptions import PersonNotFound, ServiceUnavailable
from core.models import IdentityChange, Project
from core.selectors.persons import get_person
from core.services.bulk_delete import Names, PersonDeletionFailed, Wanted, bulk_delete, preview
from core.services.merge_persons import Merged, Other, merge_persons
from core.services.split_person import Move, split_person
from core.services.undo import Undone, undo

_OTHER = "other"


class SplitForm(forms.Form):
    def __init__(self, *args: Any, distinct_ids: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["distinct_ids_to_split"] = choices(
            [(one, one) for one in distinct_ids[:MOST_IDS]],
            label="Distinct ids that move away",
            help_text=f"The first {MOST_IDS}; the API splits off any."
            if len(distinct_ids) > MOST_IDS
            else "",
        )


def split(request: HttpRequest, project_id: int, person_uuid: UUID) -> HttpResponse:
    project, person = _find(project_id, person_uuid)

    def run(typed: dict[str, Any], *, dry_run: bool) -> list[str]:
        parts = split_person(
            project_id=project_id,
            key=person_uuid,
            choice=Move(typed["distinct_ids_to_split"]),
            user_id=user_id(request),
            dry_run=dry_run,
        )
        return [f"{part.distinct_id} becomes the person {part.uuid}" for part in parts]

    def act(typed: dict[str, Any]) -> str:
        return f"{counted(len(run(typed, dry_run=False)), 'distinct id')} moved away."

    return handle(
        request,
        SplitForm(request.POST or None, distinct_ids=person["distinct_ids"]),
        title=f"Split {person['name']}",
        intro="Each distinct id that is ticked becomes a person of its own, without properties. Their events go along.",
        button="Split",
        back=_page_of(project, person_uuid),
        foresee=lambda typed: run(typed, dry_run=True),
        act=act,
    )


class MergeForm(forms.Form):
    other = text(
        max_length=400,
        label="Who becomes part of this person",
        help_text="A uuid or a distinct id. This person keeps its uuid and wins every clash of properties.",
    )


def merge(request: HttpRequest, project_id: int, person_uuid: UUID) -> HttpResponse:
    project, person = _find(project_id, person_uuid)

    def run(typed: dict[str, Any], *, dry_run: bool) -> Merged:
        return merge_persons(
            project_id=project_id,
            key=person_uuid,
            other=_other(project, typed[_OTHER]),
            user_id=user_id(request),
            dry_run=dry_run,
        )

    def foresee(typed: dict[str, Any]) -> list[str]:
        merged = run(typed, dry_run=True)
        lost = ", ".join(sorted(merged.overridden)) or "none"
        cohorts = ", ".join(str(one["name"] or one["id"]) for one in merged.cohorts) or "none"
        return [
            f"The person {merged.loser.uuid} becomes part of {person['name']}.",
            f"Properties of which the other value is lost: {lost}.",
            f"Cohorts afterwards: {cohorts}.",
            "It can be taken back with Undo as long as nothing else changes.",
        ]

    def act(typed: dict[str, Any]) -> str:
        return f"{run(typed, dry_run=False).loser.uuid} is part of this person now."

    return handle(
        request,
        MergeForm(request.POST or None),
        title=f"Merge into {person['name']}",
        button="Merge",
        back=_page_of(project, person_uuid),
        foresee=foresee,
        act=act,
    )


class EraseForm(forms.Form):
    delete_events = flag(label="Erase the events, too", initial=True)
    keep_person = flag(label="Keep the person, and erase only its events")

    def clean(self) -> dict[str, Any]:
        typed: dict[str, Any] = super().clean() or {}
        return {**typed, "delete_events": typed["delete_events"] or typed["keep_person"]}


def erase(request: HttpRequest, project_id: int, person_uuid: UUID) -> HttpResponse:
    project, person = _find(project_id, person_uuid)
    names = Names(keys=[person_uuid])

    def foresee(typed: dict[str, Any]) -> list[str]:
        ids = counted(len(person["distinct_ids"]), "distinct id")
        stays_or_goes = "stays" if typed["keep_person"] else f"goes with {ids}, at once"
        return [f"{person['name']} {stays_or_goes}.", events(Wanted(**typed)), "This cannot be taken back."]

    def events(wanted: Wanted) -> str:
        if not wanted.delete_events:
            return "Its events stay."
        try:
            would = preview(project_id=project_id, names=names, wanted=wanted)
        except ServiceUnavailable:
            # Erasing needs no count: what was asked for is done when ClickHouse is there again.
            return "Its events go, too; they cannot be counted right now."
        return f"{counted(would.events or 0, 'event')} to erase, within seconds."

    def act(typed: dict[str, Any]) -> str:
        done = bulk_delete(
            project_id=project_id, names=names, wanted=Wanted(**typed), user_id=user_id(request)
        )
        if done.failed:
            raise PersonDeletionFailed
        if not done.found:
            raise PersonNotFound
        return (
            "What was asked for is being erased; the receipt is under Deletions."
            if typed["delete_events"]
            else "It is deleted."
        )

    return handle(
        request,
        EraseForm(request.POST or None, initial={"delete_events": True}),
        title=f"Erase {person['name']}",
        button="Erase",
        danger=True,
        back=_page_of(project, person_uuid),
        done=reverse("admin:deletions", args=[project_id]),
        foresee=foresee,
        act=act,
    )


def take_back(request: HttpRequest, project_id: int, person_uuid: UUID) -> HttpResponse:
    """Undo. Where nothing can be taken back, a page says why."""
    project, person = _find(project_id, person_uuid)
    back = _page_of(project, person_uuid)

    def run(*, dry_run: bool) -> Undone:
        return undo(project_id=project_id, key=person_uuid, user_id=user_id(request), dry_run=dry_run)

    def act() -> str:
        return f"{_kind(run(dry_run=False))} was taken back."

    lines = [] if request.method == "POST" else _would(run(dry_run=True))
    return confirm(
        request, title=f"Undo for {person['name']}", lines=lines, button="Undo", back=back, act=act
    )


def _would(undone: Undone) -> list[str]:
    uuids = ", ".join(map(str, undone.uuids))
    if undone.kind == IdentityChange.Kind.MERGE:
        return [f"The last merge is taken back: {uuids} is a person of its own again."]
    return [f"The last split is taken back: {uuids} comes back into this person."]


def _kind(undone: Undone) -> str:
    return f"The last {undone.kind}"


def _other(project: Project, typed: str) -> Other:
    """A uuid of somebody, or else a distinct id: those may look like uuids, too."""
    try:
        uuid = UUID(typed)
    except ValueError:
        uuid = None
    if uuid is not None and get_person(project, uuid) is not None:
        return Other(uuid, is_distinct_id=False, attr=_OTHER)
    return Other(typed, is_distinct_id=True, attr=_OTHER)


def _find(project_id: int, person_uuid: UUID) -> tuple[Project, dict[str, Any]]:
    """Raises ``Http404`` or ``PersonNotFound``."""
    project = find_project(project_id)
    person = get_person(project, person_uuid)
    if person is None:
        raise PersonNotFound
    return project, person


def _page_of(project: Project, person_uuid: UUID) -> str:
    return reverse("admin:persons_one", args=[project.pk, person_uuid])
