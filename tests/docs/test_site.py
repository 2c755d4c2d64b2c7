"""The documentation becomes a site: every page is reached, every reference leads somewhere."""

import subprocess
import sys
from pathlib import Path

from tests.docs.commands import ROOT


def test_it_is_built_without_a_warning(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html", "docs", str(tmp_path)]

    done = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, timeout=300)

    assert (done.returncode, done.stderr) == (0, "")
    assert "persons_bulk_delete_create" in (tmp_path / "reference" / "api.html").read_text()
