"""Packages of exact versions from the package indexes: installed by the first run and kept beside other programs'
caches, for they never change and installing them takes longer than their tests.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

#: Seconds for an installation.
PATIENCE = 180


def python_with(requirements: Path) -> Path:
    """The Python of a virtual environment that has these packages. Programs of theirs are run with ``-m``: the folder
    was moved after they were installed.
    """

    def install(folder: Path) -> None:
        # Pip installs into it from outside: one of its own would take as long to install as all the rest.
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True, timeout=PATIENCE)
        pip = [sys.executable, "-m", "pip", "--python", str(folder), "--disable-pip-version-check"]
        _run([*pip, "install", "--quiet", "--requirement", str(requirements)], folder)

    return _kept("python", f"{sys.version}\n{requirements.read_text()}", install) / "bin" / "python"


def node_modules(package: Path) -> Path:
    """The ``node_modules`` of a folder with ``package.json`` and ``package-lock.json``. Needs npm."""

    def install(folder: Path) -> None:
        folder.mkdir()
        for name in ("package.json", "package-lock.json"):
            shutil.copy(package / name, folder)
        _run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], folder)

    return _kept("node", (package / "package-lock.json").read_text(), install) / "node_modules"


def _kept(name: str, contents: str, install: Callable[[Path], None]) -> Path:
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "persons-api-tests"
    folder = caches / f"{name}-{sha256(contents.encode()).hexdigest()[:16]}"
    if not folder.exists():
        caches.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=caches, ignore_cleanup_errors=True) as place:
            made = Path(place) / name
            install(made)
            try:
                made.rename(folder)
            except OSError:
                # Another process was quicker.
                assert folder.exists()
    return folder


def _run(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stdout + done.stderr
