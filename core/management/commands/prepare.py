"""``python -m django prepare``: brings both stores to the schema of this version."""

from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand

from core.clickhouse.migrate import migrate


class Command(BaseCommand):
    help = "Applies the pending migrations of PostgreSQL and of ClickHouse. Safe to repeat."

    def handle(self, *args: Any, **options: Any) -> None:
        call_command("migrate", interactive=False, verbosity=0)
        applied = migrate()
        self.stdout.write(
            f"schema is up to date (ClickHouse files applied now: {', '.join(applied) or 'none'})"
        )
