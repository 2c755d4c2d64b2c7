"""What tests share: a project of one's own, three kinds of keys, and the stores behind the server."""

from collections.abc import Iterator

import pytest
from pytest_django.plugin import DjangoDbBlocker

from tests.clients import ProjectClient, new_project
from tests.stack import Stack


@pytest.fixture(scope="session", autouse=True)
def _stores(django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Tests use the real stores of the stack; each has its own project, so nothing needs to be taken back."""
    with django_db_blocker.unblock():
        yield


@pytest.fixture(scope="session")
def stack(pytestconfig: pytest.Config) -> Stack:
    plugin = pytestconfig.pluginmanager.get_plugin("stack")
    assert plugin is not None
    running: Stack = plugin.stack
    return running


@pytest.fixture
def project(stack: Stack) -> Iterator[ProjectClient]:
    """A new project and a client whose key may do everything in it."""
    with new_project(stack) as client:
        yield client


@pytest.fixture
def other_project(stack: Stack) -> Iterator[ProjectClient]:
    """Somebody else's project, of another organization."""
    with new_project(stack, stranger=True) as client:
        yield client


#: What takes longest goes first, so that all processes end together; what rewrites tables, before what fills them. A
#: process that is done takes over the last tests of another one: those that share a stack of their own come first, for
#: each process that has some of them starts it.
FIRST = ("crash", "deploy", "pipeline", "stateful", "races", "embedded", "contract", "cohorts", "insights")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run long tests first; beyond that the order stays."""
    items.sort(key=lambda item: FIRST.index(name) if (name := item.path.parent.name) in FIRST else len(FIRST))
