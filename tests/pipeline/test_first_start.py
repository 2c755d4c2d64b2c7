"""The first project with its demo data is there whole or not at all."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import call_command

from core.management.commands import first_start
from core.models import Project
from persons_api import demo


class Killed(Exception):
    """The process ended in the middle of the demo data."""


def test_a_first_start_that_ends_early_leaves_no_project(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []

    def load(project_id: int, *, advance: Callable[[int], Any]) -> None:
        def stop(visitors: int) -> None:
            seen.append(project_id)
            raise Killed

        demo.load_demo(project_id, advance=stop)

    monkeypatch.setattr(first_start, "load_demo", load)

    with pytest.raises(Killed):
        call_command("first_start", demo=True)

    assert not Project.objects.filter(pk=seen[0]).exists()
