"""``python -m django squash``: writes old overrides into the events and removes them."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from core.services.squash_overrides import NotNow, squash_overrides


class Command(BaseCommand):
    help = "Writes overrides that have been at rest for a while into the events and removes them. Safe to repeat."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--older-than",
            type=int,
            default=settings.SQUASH_AGE,
            metavar="SECONDS",
            help="how long an override must not have changed (default: %(default)s)",
        )

    def handle(self, *args: Any, older_than: int, **options: Any) -> None:
        if older_than < 0:
            raise CommandError("--older-than must not be negative")
        try:
            count = squash_overrides(older_than=timedelta(seconds=older_than))
        except NotNow as reason:
            raise CommandError(f"not now: {reason}") from None
        self.stdout.write(f"squashed {count} overrides")
