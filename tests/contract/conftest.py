"""What contract tests share: the recorder, and SDKs from the package indexes."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients import ProjectClient
from tests.contract.installed import node_modules
from tests.contract.recorder import Recorder, recorder_in_front_of

HERE = Path(__file__).parent


@pytest.fixture
def recorder(project: ProjectClient) -> Iterator[Recorder]:
    """The address for an SDK. A test ends well only when all was accepted the first time."""
    with recorder_in_front_of(str(project.http.base_url)) as recorder:
        yield recorder
    recorder.assert_smooth()


@pytest.fixture(scope="session")
def npm_packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the SDKs of ``node/package.json``."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("node or npm is not installed")
    folder = tmp_path_factory.mktemp("npm") / "node"
    shutil.copytree(HERE / "node", folder)
    (folder / "node_modules").symlink_to(node_modules(folder))
    return folder
