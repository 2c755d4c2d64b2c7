"""Imports point one way, and the layers that must not know something do not."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

#: Folder, and what its modules may not import.
FORBIDDEN = [
    ("core", ("insights",)),
    ("core/identity", ("django", "rest_framework", "core.models", "core.api", "core.services")),
    ("core/events", ("django", "rest_framework", "core.models", "core.api", "core.services")),
    ("core/clickhouse", ("rest_framework", "core.api", "core.services")),
    ("core/services", ("rest_framework", "core.selectors")),
    ("core/selectors", ("rest_framework", "core.services", "core.api")),
    ("insights/filters", ("django.db", "core.clickhouse.client")),
    ("insights/charts", ("django", "rest_framework", "core.api", "insights.api")),
    ("insights/queries", ("rest_framework", "core.api")),
    ("persons_api/embedded", ("django", "core", "insights", "celery")),
]


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


@pytest.mark.parametrize(("folder", "forbidden"), FORBIDDEN)
def test_a_layer_does_not_look_up(folder: str, forbidden: tuple[str, ...]) -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in (ROOT / folder).rglob("*.py")
        for name in imported(path)
        if any(name == module or name.startswith(f"{module}.") for module in forbidden)
    ]

    assert wrong == []


def test_only_one_module_reads_the_environment() -> None:
    """The embedded stack, which makes the environment of its processes, is the exception."""
    readers = {
        str(path.relative_to(ROOT))
        for folder in ("core", "insights", "persons_api")
        for path in (ROOT / folder).rglob("*.py")
        if ("os.environ.get" in path.read_text() or "os.getenv" in path.read_text())
        and path.parent.name != "embedded"
    }

    assert readers == {"persons_api/env.py"}


def test_packages_hold_at_most_a_sentence() -> None:
    long = [
        str(path.relative_to(ROOT))
        for folder in ("core", "insights", "persons_api")
        for path in (ROOT / folder).rglob("__init__.py")
        if path.parent.name not in ("models", "migrations") and len(path.read_text().splitlines()) > 3
    ]

    assert long == []


def test_rows_of_a_project_cannot_be_reached_without_it() -> None:
    from core.models import Person
    from core.models.scoped import UnscopedQuery

    with pytest.raises(UnscopedQuery):
        Person.objects.all()
    with pytest.raises(UnscopedQuery):
        Person.objects.filter(version=0)


def test_a_clickhouse_query_without_the_project_is_refused() -> None:
    from core.clickhouse import client

    with pytest.raises(ValueError, match="project_id"):
        client.query("SELECT count() FROM events", project_id=1)
