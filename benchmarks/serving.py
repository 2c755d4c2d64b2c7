"""A stack of its own for a benchmark: a project, who may do everything in it, and Django set up for its stores."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx

from tests.stack import Stack, temporary_stack


@dataclass(frozen=True, slots=True)
class Server:
    """``http`` asks with a key of all scopes."""

    stack: Stack
    project_id: int
    http: httpx.Client


@contextmanager
def serving(*, patience: float) -> Iterator[Server]:
    """``patience`` is the seconds that a request may take."""
    with temporary_stack() as stack:
        project = json.loads(stack.command("create-project", "--name", "bench", "--json"))
        key = json.loads(stack.command("create-key", "--label", "bench", "--scopes", "*", "--json"))["key"]
        os.environ.update(stack.environment)
        import django

        django.setup()
        headers = {"Authorization": f"Bearer {key}"}
        with httpx.Client(base_url=stack.url, headers=headers, timeout=patience) as http:
            yield Server(stack, project["id"], http)
