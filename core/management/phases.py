"""Migrations while requests go on: what may run before the new version of the program, what only after the old one.

A migration adds what the new version needs and leaves alone what the old one uses, so it runs before any process is
replaced. What takes something away has ``_post_`` in its name and runs when no process of the old version is left. The
same goes for the files of ClickHouse's schema. ``tests/rules/test_migrations.py`` looks at what each may do.
"""

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Literal

from django.core.management import call_command
from django.db import OperationalError, connection
from django.db.migrations.executor import MigrationExecutor

from core.advisory_lock import in_turn

logger = logging.getLogger(__name__)

Phase = Literal["pre", "post", "all"]
PHASES: tuple[Phase, ...] = ("pre", "post", "all")
#: The advisory lock of the one that migrates.
LOCK = (7_263_010, 0)
#: Seconds that a statement waits for a lock. Who waits for a table holds up everybody behind it, so not for long.
LOCK_TIMEOUT = 1.0
#: Seconds until the next try, and for all tries.
PAUSE = 1.0
PATIENCE = 600.0
#: PostgreSQL's codes for a lock that was not to be had, and for a deadlock.
_LATER = {"55P03", "40P01"}


class WrongPhase(Exception):
    """Migrations of an earlier version are not through; the message says which."""


def is_post(name: str) -> bool:
    return "_post_" in name


def of_phase(pending: Iterable[str], phase: Phase) -> list[str]:
    """Those of the pending migrations, in order, that run in a phase. Raises ``WrongPhase``."""
    names = list(pending)
    if phase != "pre":
        return names
    first = next((place for place, name in enumerate(names) if is_post(name)), len(names))
    if any(not is_post(name) for name in names[first:]):
        raise WrongPhase(
            f"{names[first]} ends the upgrade to an earlier version. Bring everything to that version and run "
            "`persons-api migrate --phase post`, or stop everything and run `persons-api migrate`."
        )
    return names[:first]


def migrate_postgres(phase: Phase) -> None:
    """Apply what is pending in PostgreSQL. Whoever holds a lock for long is waited for between two tries, not in the
    way of others. Raises ``WrongPhase``, and ``OperationalError`` when that takes too long.
    """
    with in_turn(*LOCK):
        executor = MigrationExecutor(connection)
        plan = [migration for migration, _ in executor.migration_plan(executor.loader.graph.leaf_nodes())]
        ours = [migration.name for migration in plan if migration.app_label == "core"]
        wanted = of_phase(ours, phase)
        if len(wanted) == len(ours):
            patiently(partial(call_command, "migrate", interactive=False, verbosity=0))
            return
        if wanted:
            patiently(partial(call_command, "migrate", "core", wanted[-1], interactive=False, verbosity=0))
        for label in {migration.app_label for migration in plan} - {"core"}:
            patiently(partial(call_command, "migrate", label, interactive=False, verbosity=0))


def patiently(migrate: Callable[[], object]) -> None:
    """Call ``migrate`` until it gets its locks. What it did before stays done: each migration is a transaction."""
    deadline = time.monotonic() + PATIENCE
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('lock_timeout', %s, false)", [f"{LOCK_TIMEOUT * 1000:.0f}ms"])
        try:
            while True:
                try:
                    _drop_unfinished_indexes()
                    migrate()
                except OperationalError as error:
                    if _code(error) not in _LATER or time.monotonic() >= deadline:
                        raise
                    logger.warning("a migration waits for a lock: %s", str(error).splitlines()[0])
                else:
                    return
                time.sleep(PAUSE)
        finally:
            if connection.is_usable():
                cursor.execute("RESET lock_timeout")


def _code(error: OperationalError) -> str | None:
    code: str | None = getattr(error.__cause__, "sqlstate", None)
    return code


_UNFINISHED = """
SELECT quote_ident(c.relname) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
WHERE NOT i.indisvalid AND c.relname NOT LIKE 'pg\\_%' AND c.relnamespace = current_schema()::regnamespace
"""


def _drop_unfinished_indexes() -> None:
    """An index that was being built beside the traffic stays when that fails, and is in the way of the next try."""
    with connection.cursor() as cursor:
        cursor.execute(_UNFINISHED)
        names: Sequence[str] = [name for (name,) in cursor.fetchall()]
        for name in names:
            cursor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
