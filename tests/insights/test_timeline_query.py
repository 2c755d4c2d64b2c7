"""The text of the timeline's query."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from insights.filters.project import ProjectFacts
from insights.filters.properties_timeline import read_timeline
from insights.queries.properties_timeline import history
from tests.insights.test_query_text import WORD, check


@pytest.mark.parametrize("overridden", [False, True])
@pytest.mark.parametrize("name", [WORD, None])
def test_the_project_comes_first_and_no_value_is_text(name: str | None, overridden: bool) -> None:
    given = {"events": [{"id": name}], "properties": [{"key": WORD, "value": WORD, "type": "person"}]}
    question = read_timeline(given, project=ProjectFacts(5), now=datetime(2026, 1, 1, tzinfo=UTC))

    check(history(question, UUID(int=987654321), overridden=overridden))
