"""Documents name files that exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
_FILE = re.compile(
    r"`((?:core|insights|persons_api|tests|benchmarks|docs)/[\w./-]+\.\w+)`|\]\(((?:\.\./)*[\w./-]+)\)"
)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_file_that_is_named_exists(document: Path) -> None:
    named = [
        (ROOT / code) if code else (document.parent / link)
        for code, link in _FILE.findall(document.read_text())
    ]

    assert [str(path) for path in named if not path.exists()] == []
