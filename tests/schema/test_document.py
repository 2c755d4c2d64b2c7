"""Every operation of the document against the server, with requests that fit it and requests that do not:
``docs/testing.md``.
"""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import Case, HookContext, Response
from schemathesis.checks import CheckFunction
from schemathesis.generation.meta import TestPhase
from schemathesis.specs.openapi.checks import (
    ignored_auth,
    negative_data_rejection,
    positive_data_acceptance,
)

from tests.clients import bearer, new_project
from tests.schema.tolerance import has_deep_body, is_question, is_ruled_out, is_taken
from tests.schema.world import World, build_world, lot
from tests.stack import Stack

DOCUMENT = Path(__file__).parents[2] / "docs" / "openapi.yaml"
#: Random requests for each operation and each kind: those that fit, and those that do not.
EXAMPLES = int(os.environ.get("PERSONS_API_EXAMPLES", "3"))
SEED = int(os.environ.get("PERSONS_API_SEED", "0"))
#: With so many, the requests that walk through every corner of operations with many parameters are all made, too; else
#: their share. Those of filters within filters are thousands.
CORNERS, DEEP_CORNERS = 24, 100
#: Seconds for an answer.
PATIENCE = 40

schema = schemathesis.openapi.from_path(
    DOCUMENT,
    config=schemathesis.Config.from_dict(
        {
            "seed": SEED,
            "generation": {
                "deterministic": SEED == 0,
                "max-examples": EXAMPLES,
                "database": "none",
                # The key is always there; `ignored_auth` leaves it out.
                "with-security-parameters": False,
            },
        }
    ),
)


@schema.hook
def filter_case(_: HookContext, case: Case[Any]) -> bool:
    """A part of the corners, always the same, is enough for a short run."""
    if case.meta is None or case.meta.phase.name != TestPhase.COVERAGE:
        return True
    corners = DEEP_CORNERS if has_deep_body(case) else CORNERS if is_question(case) else 1
    return lot(case.query, case.body) % corners < EXAMPLES


@pytest.fixture(scope="module")
def world(stack: Stack) -> Iterator[World]:
    # Of an organization of its own, whose settings are changed, too.
    with new_project(stack, stranger=True) as project:
        yield build_world(project)


@schema.parametrize()
@settings(suppress_health_check=list(HealthCheck), deadline=None)
def test_the_server_does_what_the_document_says(case: Case[Any], world: World) -> None:
    """All checks of schemathesis: no server error; status, content type, headers and body as documented; what does not
    fit is refused, what fits is not; keys and methods are looked at.
    """
    world.place(case)
    server, headers = str(world.project.http.base_url), bearer(world.project.key)

    response = _answer(case, base_url=server, headers=headers)

    excluded: list[CheckFunction] = []
    if is_taken(case, str(response.request.url)):
        excluded.append(negative_data_rejection)
    if response.status_code in (400, 405) and is_ruled_out(case, response.status_code, response.json()):
        excluded.append(positive_data_acceptance)
    if case.operation.label in world.guarded:
        # Once is enough.
        excluded.append(ignored_auth)
    case.validate_response(
        response,
        excluded_checks=excluded,
        headers=headers,
        transport_kwargs={"base_url": server, "headers": headers},
    )
    if response.status_code < 300:
        world.guarded.add(case.operation.label)


def _answer(case: Case[Any], **where: Any) -> Response:
    """503 says that a store is busy or away and nothing was done: as a client would, ask again for a while."""
    deadline = time.monotonic() + PATIENCE
    while True:
        response = case.call(**where, timeout=PATIENCE)
        if response.status_code != 503 or time.monotonic() > deadline:
            return response
        time.sleep(0.5)
