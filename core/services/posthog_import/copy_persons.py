"""The persons of the other server, page by page: a page and the link to the next one are one transaction."""

from functools import partial

from core.models import ImportedPerson
from core.posthog.pages import ROWS, get_page, walk
from core.posthog.persons import read_persons
from core.services.posthog_import.copying import SETTLE_EVERY, Copying, Progress, settle
from core.services.posthog_import.take_persons import take_persons

PART = "persons"


def count_persons(copying: Copying) -> int | None:
    """How many there are now; null when the server does not say."""
    return get_page(copying.source, f"{copying.path}persons/", {"limit": "1", "include_total": "1"}).count


def copy_persons(copying: Copying) -> None:
    """Read and store persons from where an earlier run ended."""
    state, project_id, path = copying.state, copying.project.pk, f"{copying.path}persons/"
    total = count_persons(copying)
    met = ImportedPerson.objects.for_project(project_id).filter(
        posthog_import=copying.found, pass_number=state.pass_number
    )
    progress = Progress(PART, met.count(), total)
    copying.tell(progress)
    for number, page in enumerate(walk(copying.source, path, state.persons_next or {"limit": str(ROWS)}), 1):
        persons = read_persons(copying.source, path, page.rows)
        state.persons_next, state.persons_done = page.next, page.next is None
        state.has_persons = state.has_persons or state.persons_done
        copying.store(
            partial(
                take_persons,
                project_id=project_id,
                import_id=copying.found.pk,
                pass_number=state.pass_number,
                persons=persons,
            )
        )
        progress = Progress(PART, progress.done + len(persons), total)
        copying.tell(progress)
        if number % SETTLE_EVERY == 0:
            settle(copying, progress)
