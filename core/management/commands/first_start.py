"""``python -m django first_start``: what a new server needs before anybody can use it: a project, a token and
a key.
"""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.db import transaction
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from core.services.create_key import create_key
from core.services.create_project import create_project
from persons_api.demo import VISITORS, load_demo

SCOPES = [
    "person:read",
    "person:write",
    "cohort:read",
    "cohort:write",
    "query:read",
    "insight:read",
    "project:read",
    "activity_log:read",
]


class Command(BaseCommand):
    help = "Makes the first project and key and prints them as one line of JSON; --demo fills the project."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--demo", action="store_true", help="load demo data, with a progress bar on standard error"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        # Whole or not at all: a start that is killed meanwhile leaves nothing that the next one would make again.
        with transaction.atomic():
            project = create_project(name="Demo" if options["demo"] else "My project")
            key = create_key(label="first start", scopes=SCOPES)
            if options["demo"]:
                self._load(project.pk)
        made = {"project_id": project.pk, "api_token": project.api_token, "personal_api_key": key.value}
        self.stdout.write(json.dumps(made))

    def _load(self, project_id: int) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=Console(stderr=True)) as progress:
            task = progress.add_task("demo visitors", total=VISITORS)
            load_demo(project_id, advance=lambda visitors: progress.update(task, advance=visitors))
