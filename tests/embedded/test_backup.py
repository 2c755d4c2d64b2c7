"""A backup of a running stack is of one moment, and becomes a stack that is whole."""

import os
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from core.advisory_lock import only_one
from core.services import one_moment
from persons_api.backup import copy_tree
from persons_api.embedded.folder import DataFolder
from tests.clients import ProjectClient, bearer, event
from tests.embedded.run import Stack as RunningStack
from tests.embedded.run import run, up, wait_until
from tests.stack import Stack


def back_up(folder: Path, target: Path) -> "subprocess.CompletedProcess[str]":
    return run("backup", str(target), "--data-dir", str(folder))


@contextmanager
def capturing(project: ProjectClient) -> Iterator[list[str]]:
    """Events that come all the time; the uuids of those that were accepted so far."""
    accepted: list[str] = []
    stop = threading.Event()

    def capture() -> None:
        # All that a machine can do would be work that only holds up the backup.
        while not stop.wait(0.005):
            one = event("a", f"visitor {len(accepted) % 50}")
            project.capture(one)
            accepted.append(one["uuid"])

    thread = threading.Thread(target=capture)
    thread.start()
    try:
        yield accepted
    finally:
        stop.set()
        thread.join()


def test_a_backup_under_load_becomes_a_stack_that_is_whole(
    stack: Stack, project: ProjectClient, tmp_path: Path
) -> None:
    with capturing(project) as accepted:
        wait_until(lambda: len(accepted) > 100)
        before = set(accepted)
        made = back_up(stack.folder, tmp_path)
        after = set(accepted)
    assert made.returncode == 0, made.stderr
    file = Path(made.stdout.strip())
    assert file.parent == tmp_path
    assert file.stat().st_mode & 0o777 == 0o600
    assert not (stack.folder / "backup.new").exists()

    folder = DataFolder(tmp_path / "restored")
    restored = run("restore", str(file), "--data-dir", str(folder.path))
    assert restored.returncode == 0, restored.stderr

    with up(folder) as copy:
        project.http.base_url = copy.state.url
        persons = project.http.get(project.persons_url, headers=bearer(project.key)).json()["results"]
        assert {row["name"] for row in persons} == {f"visitor {number}" for number in range(50)}
        run("drain", "--data-dir", str(folder.path))
        uuids = _uuids_in_clickhouse(copy.state.environment()["CLICKHOUSE_URL"], project.id)
        assert len(uuids) == len(set(uuids))
        assert before <= set(uuids) <= after
        assert _tables_that_differ(copy, project.id) == []
        checked = run("doctor", "--data-dir", str(folder.path)).stdout.splitlines()
        # Other projects of this stack have rows that tests put into one store only.
        assert [line for line in checked if not line.startswith("ok ") and "equals" not in line] == []
        copy.process.terminate()
        assert copy.process.wait(60) == 0

    of_stopped = back_up(folder.path, tmp_path / "of stopped.tar")
    assert of_stopped.returncode == 0, of_stopped.stderr
    with tarfile.open(tmp_path / "of stopped.tar") as archive:
        assert archive.getnames()[0] == "manifest.json"


_COMPARE = """
import sys, django
django.setup()
from core.clickhouse.compare import compare
print(" ".join(one.table for one in compare(int(sys.argv[1])) if not one.is_equal))
"""


def _tables_that_differ(stack: RunningStack, project_id: int) -> list[str]:
    compared = subprocess.run(
        [sys.executable, "-c", _COMPARE, str(project_id)],
        env={**os.environ, **stack.state.environment()},
        check=True,
        capture_output=True,
        text=True,
    )
    return compared.stdout.split()


def _uuids_in_clickhouse(url: str, project_id: int) -> list[str]:
    import clickhouse_connect

    client = clickhouse_connect.get_client(dsn=url, autogenerate_session_id=False, compress=False)
    rows = client.query(
        "SELECT toString(uuid) FROM events WHERE project_id = {project:Int64}",
        parameters={"project": project_id},
    ).result_rows
    return [uuid for (uuid,) in rows]


def test_the_stack_goes_on_after_a_backup_that_fails(
    stack: Stack, project: ProjectClient, tmp_path: Path
) -> None:
    (tmp_path / "taken.tar").touch()

    taken = back_up(stack.folder, tmp_path / "taken.tar")
    nowhere = back_up(stack.folder, tmp_path / "nowhere" / "x.tar")

    assert (taken.returncode, nowhere.returncode) == (1, 1)
    assert "taken.tar exists already" in taken.stderr
    assert "There is no folder" in nowhere.stderr
    project.capture(event("a", "ada"))
    assert stack.command("drain") == ""


def test_two_backups_do_not_meet(stack: Stack, tmp_path: Path) -> None:
    with only_one(*one_moment.LOCK):
        refused = back_up(stack.folder, tmp_path)

    assert refused.returncode == 1
    assert "another backup of this stack is running" in refused.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_use_is_not_restored_into(stack: Stack, tmp_path: Path) -> None:
    refused = run("restore", str(tmp_path / "x.tar"), "--data-dir", str(stack.folder))

    assert (refused.returncode, refused.stdout) == (1, "")
    assert "is not empty" in refused.stderr


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "There is no file"), (b"", "is no backup"), (b"x" * 2000, "is no backup of persons-api")],
    ids=["missing", "empty", "something else"],
)
def test_what_is_no_backup_is_refused_and_leaves_nothing(
    tmp_path: Path, content: bytes | None, message: str
) -> None:
    file = tmp_path / "x.tar"
    if content is not None:
        file.write_bytes(content)

    refused = run("restore", str(file), "--data-dir", str(tmp_path / "new"))

    assert refused.returncode == 1
    assert message in refused.stderr
    assert "Traceback" not in refused.stderr
    assert not (tmp_path / "new").exists()


def test_a_copy_links_what_never_changes_and_leaves_out_what_is_not_finished(tmp_path: Path) -> None:
    part = tmp_path / "a" / "store" / "all_1_1_0"
    part.mkdir(parents=True)
    (part / "data.bin").write_text("rows")
    (part / "columns.txt").write_text("columns")
    (tmp_path / "a" / "store" / "tmp_merge_all_1_2_1").mkdir()
    (tmp_path / "a" / "data").symlink_to("store")

    copy_tree(tmp_path / "a", tmp_path / "b")

    copied = tmp_path / "b" / "store" / "all_1_1_0"
    assert (copied / "data.bin").samefile(part / "data.bin")
    assert (copied / "columns.txt").read_text() == "columns"
    assert not (copied / "columns.txt").samefile(part / "columns.txt")
    assert [path.name for path in (tmp_path / "b" / "store").iterdir()] == ["all_1_1_0"]
    assert (tmp_path / "b" / "data").readlink() == Path("store")
