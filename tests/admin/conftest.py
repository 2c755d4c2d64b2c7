"""What tests of the admin share."""

from collections.abc import Iterator

import pytest

from tests.admin.staff import Admin, staff
from tests.clients import ProjectClient


@pytest.fixture
def admin(project: ProjectClient) -> Iterator[Admin]:
    """An admin who has just logged in."""
    with staff(project) as admin:
        yield admin
