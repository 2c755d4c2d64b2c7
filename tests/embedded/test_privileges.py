"""PostgreSQL runs below private folders when root starts it, and no mode outside the data folder changes."""

import os
import shutil
import sys
from pathlib import Path

import psutil
import pytest

from persons_api.embedded import postgres, stores
from persons_api.embedded.folder import DataFolder
from persons_api.embedded.privileges import can_reach
from persons_api.embedded.state import StackState, load
from tests.embedded.run import children

root_on_linux = pytest.mark.skipif(
    os.geteuid() != 0 or sys.platform != "linux", reason="only root on Linux changes the user of PostgreSQL"
)
CAP_DAC_READ_SEARCH = 1 << 2


def modes(*places: Path) -> dict[Path, int]:
    """Modes of every folder above the places, and of all that is in them."""
    paths = {path for place in places for path in (place, *place.parents, *place.rglob("*"))}
    return {path: path.lstat().st_mode for path in paths}


def capabilities(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("CapEff")), 16)


def start_and_look(folder: DataFolder) -> tuple[int, int]:
    """User and capabilities of a PostgreSQL that answered."""
    folder.create()
    state = load(folder) or StackState()
    stores.choose_ports(state)
    state.save(folder)
    with children() as running:
        running.start([postgres.part(folder, state)])
        postgres.create_database(state)
        pid = running.records()[0].pid
        return psutil.Process(pid).uids().effective, capabilities(pid)


def copy_program(packages: Path) -> None:
    for part in (postgres.PROGRAM, postgres.LIBRARIES):
        shutil.copytree(postgres.site_packages() / part, packages / part, symlinks=True)


@root_on_linux
def test_in_a_private_folder_it_may_pass_folders_and_nothing_else(tmp_path: Path) -> None:
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    before = modes(private)

    user, allowed = start_and_look(DataFolder(private / "data"))

    assert user != 0
    assert allowed == CAP_DAC_READ_SEARCH
    assert {path: mode for path, mode in modes(private).items() if path in before} == before


@root_on_linux
def test_in_an_open_folder_it_may_nothing(open_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The program's own folder can be private, for instance when this is a clone in a home folder.
    copy_program(open_folder)
    monkeypatch.setattr(postgres, "site_packages", lambda: open_folder)

    user, allowed = start_and_look(DataFolder(open_folder / "data"))

    assert user != 0
    assert allowed == 0


@root_on_linux
@pytest.mark.parametrize("others_may_run", [True, False], ids=["ordinary files", "private files"])
def test_a_program_below_a_private_folder_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, others_may_run: bool
) -> None:
    packages = tmp_path / "private"
    packages.mkdir(mode=0o700)
    copy_program(packages)
    if not others_may_run:
        for path in packages.rglob("*"):
            path.chmod(path.stat().st_mode & 0o700)
    monkeypatch.setattr(postgres, "site_packages", lambda: packages)
    before = modes(packages)

    user, allowed = start_and_look(DataFolder(tmp_path / "data"))

    assert user != 0
    assert allowed == CAP_DAC_READ_SEARCH
    assert modes(packages) == before


@root_on_linux
def test_data_of_an_ordinary_user_keep_their_owner(open_folder: Path) -> None:
    folder = DataFolder(open_folder / "data")
    start_and_look(folder)
    for path in (folder.postgres, *folder.postgres.rglob("*")):
        os.chown(path, 12345, 12345)

    user, _ = start_and_look(folder)

    assert user == 12345


def test_reach_follows_owner_group_and_others(tmp_path: Path) -> None:
    owner, group = tmp_path.stat().st_uid, tmp_path.stat().st_gid
    folder = tmp_path / "a"
    folder.mkdir()

    def reachable(mode: int, uid: int, gid: int) -> bool:
        folder.chmod(mode)
        return can_reach(uid, gid, folder)

    above = can_reach(owner + 1, group + 1, tmp_path)
    assert reachable(0o700, owner, group)
    assert not reachable(0o077, owner, group)
    assert not reachable(0o770, owner + 1, group + 1)
    assert reachable(0o701, owner + 1, group + 1) == above
