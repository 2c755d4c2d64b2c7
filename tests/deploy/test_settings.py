"""docs/reference/settings.md says what the code does."""

import re

from persons_api.settings_reference import markdown, settings
from tests.deploy.compose import ROOT, services
from tests.deploy.test_compose import SECRETS


def test_the_reference_is_current() -> None:
    """Else: ``python -m persons_api.settings_reference > docs/reference/settings.md``"""
    assert (ROOT / "docs" / "reference" / "settings.md").read_text() == markdown()


def test_every_variable_that_the_code_names_is_in_it() -> None:
    named = {
        name
        for folder in ("persons_api", "core", "insights")
        for path in (ROOT / folder).rglob("*.py")
        for name in re.findall(r"env\.\w+\(\s*\"([A-Z_]+)\"", path.read_text())
    }

    assert named == set(settings())


def test_docker_compose_sets_only_what_there_is() -> None:
    found = services(dict.fromkeys(SECRETS, "x"))
    ours = {
        name
        for service in ("web", "delivery", "insights", "deletions", "beat", "migrate")
        for name in found[service]["environment"]
    }

    assert ours - set(settings()) == {"MALLOC_ARENA_MAX"}
