"""Carries out deletions of projects, until a count finds nothing of them in any store and the bytes are off the disk.

Each stage is committed before the next one begins and may be repeated, so a worker that is killed loses nothing: the
next one goes on. In turn:

1. *Sealed.* Transactions that may not know of the deletion end, then erasures of persons. The rows of PostgreSQL go,
   then what waits for ClickHouse; batches that were frozen before are delivered. What is in ClickHouse is counted.
2. *Removed.* ClickHouse has deleted it.
3. *Verified.* The row of the project goes, after which foreign keys let nothing of it in. PostgreSQL and ClickHouse are
   asked how much is left. Only nothing will do; else it begins anew.
4. *Scrubbed.* PostgreSQL's space is free for others, ClickHouse's old parts are gone.

Receipts of persons that were erased stay, and so does the one of the project. See ``docs/decisions/0014-projects.md``.
"""

import logging
import time

from django.db import IntegrityError, connection

from core.advisory_lock import only_one
from core.answers import forget_answers
from core.clickhouse import purge as clickhouse
from core.models import DeletionRequest, ProjectDeletion
from core.outbox.deliver import deliver_changes, finish_batch
from core.outbox.freeze import EVENTS
from core.services import purge_postgres as postgres
from core.services.erase import erase_waiting
from core.services.open_transactions import wait_until_over

logger = logging.getLogger(__name__)

#: The advisory lock of the one that runs.
LOCK = (7_263_004, 2)
#: Seconds that a deletion waits for the delivery of what was frozen before it.
PATIENCE = 60.0
_LOOK = 0.02

Stage = ProjectDeletion.Stage


class NotDelivered(Exception):
    """What has to come first does not come to an end; the deletion goes on later."""


def purge_deleted_projects() -> int:
    """Carry out what was asked for; how many deletions were verified. What another process is at is left to it.

    Raises ``ServiceUnavailable``, ``TransactionsOpen`` or ``NotDelivered``; the next call goes on.
    """
    done = 0
    # Once more after the lock is free: a request that came while another process let go of it would else wait.
    while _next() is not None:
        with only_one(*LOCK) as is_alone:
            if not is_alone:
                return done
            while (deletion := _next()) is not None:
                _carry_out(deletion)
                done += 1
    _scrub()
    return done


def _next() -> ProjectDeletion | None:
    return ProjectDeletion.objects.filter(delete_verified_at=None).order_by("pk").first()


def _carry_out(deletion: ProjectDeletion) -> None:
    project_id, stage = deletion.project_id, Stage(deletion.stage)
    while stage != Stage.VERIFIED:
        counts = None
        match stage:
            case Stage.ACCEPTED:
                _seal(project_id)
                following = Stage.SEALED
            case Stage.SEALED:
                clickhouse.remove(project_id)
                forget_answers([project_id])
                following = Stage.REMOVED
            case _:
                counts = _count_what_is_left(project_id)
                following = Stage.ACCEPTED if any(counts.values()) else Stage.VERIFIED
                if following == Stage.ACCEPTED:
                    logger.warning("the deletion of project %d is not complete: %s", project_id, counts)
        postgres.note_stage(project_id, before=stage, after=following, counts=counts)
        stage = following


def _scrub() -> None:
    """Close the deletions whose bytes are off the disk. ClickHouse sees to that in its own time: who finds that it is
    too early comes again.
    """
    verified = ProjectDeletion.objects.filter(stage=Stage.VERIFIED).order_by("pk")
    gone = [
        project_id
        for project_id, moment in verified.values_list("project_id", "delete_verified_at")
        if moment is not None and not clickhouse.has_old_parts(moment)
    ]
    if gone:
        postgres.vacuum()
    for project_id in gone:
        postgres.note_stage(project_id, before=Stage.VERIFIED, after=Stage.SCRUBBED)


def _seal(project_id: int) -> None:
    """Nothing of the project is in PostgreSQL or can come to ClickHouse any more when this returns."""
    _wait_for_transactions()
    _finish_erasures(project_id)
    postgres.purge_tables(project_id)
    # After the persons: who changed one of them has committed what is to tell ClickHouse of it.
    postgres.purge_waiting(project_id)
    _wait_for_delivery(project_id)
    postgres.purge_refused(project_id)
    # Delivery notes that something has changed, and what came late is here by now.
    postgres.purge_tables(project_id)
    postgres.add_counts(project_id, clickhouse.count_rows(project_id))


def _wait_for_transactions() -> None:
    """Until those are over that are open now: they may have begun when there was a project."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (now,) = cursor.fetchone()
    wait_until_over(now)


def _finish_erasures(project_id: int) -> None:
    """Persons who were to be erased go first, so that their receipts say what was found. Raises ``NotDelivered``."""
    deadline = time.monotonic() + PATIENCE
    pending = DeletionRequest.objects.for_project(project_id).filter(delete_verified_at=None)
    while pending.exists():
        if time.monotonic() >= deadline:
            raise NotDelivered(
                "erasures of persons that were asked for before a deletion do not come to an end"
            )
        # Whoever erases goes on; when nobody does, this does it.
        erase_waiting()
        time.sleep(_LOOK)


def _wait_for_delivery(project_id: int) -> None:
    """Until the batches that were frozen are in ClickHouse. Raises ``NotDelivered`` or ``ClickHouseUnavailable``."""
    deadline = time.monotonic() + PATIENCE
    while postgres.waits_for_delivery(project_id):
        if time.monotonic() >= deadline:
            raise NotDelivered("rows that were frozen before a deletion do not reach ClickHouse")
        # Whoever delivers goes on; when nobody does, this does it.
        finish_batch(EVENTS)
        deliver_changes()
        time.sleep(_LOOK)


def _count_what_is_left(project_id: int) -> dict[str, int]:
    """Rows by store, when nothing can come any more; those that came late if there are any."""
    try:
        postgres.delete_row(project_id)
    except IntegrityError:
        logger.info("something came into project %d while it was deleted", project_id)
    # Whoever found the row before it went. Some tables have no foreign key to it.
    _wait_for_transactions()
    return {**postgres.count_rows(project_id), **clickhouse.count_rows(project_id)}
