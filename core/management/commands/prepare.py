"""``python -m django prepare``: brings both stores to the schema of this version."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from core.clickhouse.migrate import WrongCluster, migrate
from core.management.phases import PHASES, Phase, WrongPhase, migrate_postgres, of_phase


class Command(BaseCommand):
    help = "Applies the pending migrations of PostgreSQL and of ClickHouse. Safe to repeat, and while requests go on."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--phase",
            choices=PHASES,
            default="all",
            help="pre: what may run beside processes of the version before; post: the rest, when none is left",
        )

    def handle(self, *args: Any, phase: Phase, **options: Any) -> None:
        try:
            migrate_postgres(phase)
            applied = migrate(lambda names: of_phase(names, phase))
        except (WrongCluster, WrongPhase) as error:
            raise CommandError(str(error)) from None
        self.stdout.write(
            f"schema is up to date (ClickHouse files applied now: {', '.join(applied) or 'none'})"
        )
