"""One process at a time has a data folder, and the others are told who."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from persons_api.embedded.errors import CannotStart
from persons_api.embedded.folder import DataFolder, FolderTaken


def test_a_second_stack_is_told_who_has_the_folder(folder: DataFolder) -> None:
    with folder.locked("up"), pytest.raises(FolderTaken) as refusal, folder.locked("up", patience=10):
        pass

    assert f"process {os.getpid()}" in str(refusal.value)
    assert "--data-dir" in str(refusal.value)


def test_a_command_waits_for_another_command(folder: DataFolder) -> None:
    release = threading.Event()
    held = threading.Event()

    def hold() -> None:
        with folder.locked("command"):
            held.set()
            release.wait(10)

    threading.Thread(target=hold).start()
    held.wait(10)
    threading.Timer(0.1, release.set).start()

    with folder.locked("command", patience=10):
        assert not folder.is_running()


def test_a_folder_is_free_again_after_its_holder(folder: DataFolder) -> None:
    with folder.locked("up"):
        assert folder.is_running()

    assert not folder.is_running()
    with folder.locked("up"):
        pass


def test_a_folder_is_free_again_after_its_holder_was_killed(folder: DataFolder) -> None:
    killed = subprocess.Popen([sys.executable, "-c", ""])
    killed.wait()
    (folder.path / "lock").write_text(json.dumps({"pid": killed.pid, "purpose": "up"}))

    with folder.locked("up"):
        assert folder.is_running()


def test_parts_of_the_folder_are_private(folder: DataFolder) -> None:
    others = {path.name: path.stat().st_mode & 0o077 for path in folder.path.iterdir()}

    assert others == {"clickhouse": 0, "valkey": 0, "logs": 0}


def test_the_mode_of_an_existing_folder_stays(tmp_path: Path) -> None:
    tmp_path.chmod(0o750)

    DataFolder(tmp_path).create()

    assert tmp_path.stat().st_mode & 0o777 == 0o750


def test_a_file_in_the_place_of_the_folder_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(CannotStart, match="cannot be used"):
        DataFolder(tmp_path / "file").create()
