"""The filters that a project keeps its test accounts out with."""

from collections.abc import Mapping
from typing import Any

from core.filters.parameters import read_boolean
from core.filters.properties import PropertyGroup, PropertyReader
from insights.filters.project import ProjectFacts

NAME = "filter_test_accounts"


def read_test_accounts(
    given: Mapping[str, Any], *, project: ProjectFacts, reader: PropertyReader
) -> PropertyGroup:
    """The project's filters when they are asked for. Errors name the parameter: the request holds nothing
    else of them.
    """
    if not read_boolean(given, NAME):
        return PropertyGroup()
    return reader.read(project.test_account_filters, attr=NAME)
