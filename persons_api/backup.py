"""A backup of an embedded stack in one file, taken while it runs, and the way back.

The file is a tar of ``manifest.json``, ClickHouse's folder and a dump of PostgreSQL, both of the same moment. Files of
ClickHouse that never change are linked at that moment, which takes no time, and read afterwards.
"""

import json
import os
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import IO, Any

from persons_api.embedded import postgres
from persons_api.embedded.errors import CannotStart
from persons_api.embedded.folder import DataFolder
from persons_api.embedded.ports import LOOPBACK
from persons_api.embedded.state import DATABASE, StackState
from persons_api.embedded.visit import visit

#: Of the file; another program may not understand another one.
FORMAT = 1
MANIFEST, CLICKHOUSE, DUMP = "manifest.json", "clickhouse", "postgres.dump"
#: Ends of the names of files in parts, which ClickHouse writes once.
_NEVER_CHANGES = (".bin", ".cmrk4", ".cmrk3", ".cmrk2", ".mrk4", ".mrk3", ".mrk2", ".cidx", ".idx", ".packed")
#: Beginnings of the names of folders with what is not finished, or is being thrown away.
_UNFINISHED = ("tmp_", "delete_tmp_")

#: Called with the bytes done and the bytes in all.
Show = Callable[[int, int], None]


@dataclass(frozen=True)
class Backup:
    """A finished backup file."""

    path: Path
    size: int


def back_up(
    folder: DataFolder, state: StackState, target: Path, *, tell: Callable[[str], None], show: Show
) -> Backup:
    """Write a backup to ``target``, a file that must not exist or a folder that gets a new file. Django is set up and
    the stores of ``state`` answer. Raises ``CannotStart``, ``BackupRuns`` or ``ClickHouseUnavailable``.
    """
    from core.services.one_moment import one_moment

    file = _new_file(target)
    # Beside the data, for links do not reach another file system; one that was killed may have left it.
    work = folder.path / "backup.new"
    tell("waiting for a moment in which nothing is on its way to ClickHouse")
    try:
        # Only inside the block is the folder ours: another backup may be running.
        with one_moment(partial(_begin, folder, work)) as snapshot, _removed(work):
            tell("reading PostgreSQL")
            _run(state, "pg_dump", "--format=custom", f"--snapshot={snapshot}", f"--file={work / DUMP}")
            return _write(work, file, show)
    except OSError as error:
        raise CannotStart(f"The backup failed, nothing was written: {error}") from error


def restore(file: Path, folder: DataFolder, *, tell: Callable[[str], None], show: Show) -> dict[str, Any]:
    """Make a new stack in an empty folder from a backup; what the backup says about itself. Raises ``CannotStart`` and
    leaves nothing behind then.
    """
    if folder.path.exists() and any(folder.path.iterdir()):
        raise CannotStart(f"{folder.path} is not empty. Restore into a new folder with --data-dir DIR.")
    with _opened(file, show) as archive:
        manifest = _manifest(archive, file)
        folder.create()
        try:
            archive.extractall(folder.path, filter="data")
            tell("restoring PostgreSQL")
            _restore_postgres(folder)
        except (OSError, tarfile.TarError) as error:
            _empty(folder.path)
            raise CannotStart(f"{file} cannot be restored: {error}") from error
        except BaseException:
            _empty(folder.path)
            raise
    return manifest


def _begin(folder: DataFolder, work: Path) -> None:
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(mode=0o700)
    try:
        copy_tree(folder.clickhouse, work / CLICKHOUSE)
    except BaseException:
        shutil.rmtree(work, ignore_errors=True)
        raise


@contextmanager
def _removed(work: Path) -> Iterator[None]:
    try:
        yield
    finally:
        shutil.rmtree(work, ignore_errors=True)


def copy_tree(source: Path, copy: Path) -> None:
    """A copy of a folder in which only whole parts come and go; what never changes is linked."""
    copy.mkdir()
    with os.scandir(source) as entries:
        for entry in entries:
            try:
                _copy(entry, copy / entry.name)
            except FileNotFoundError:
                # A part that was merged before is thrown away after a while; what it was merged into is there.
                continue


def _copy(entry: "os.DirEntry[str]", copy: Path) -> None:
    if entry.is_symlink():
        copy.symlink_to(os.readlink(entry.path))
    elif entry.is_dir():
        if not entry.name.startswith(_UNFINISHED):
            copy_tree(Path(entry.path), copy)
    elif entry.name.endswith(_NEVER_CHANGES):
        os.link(entry.path, copy)
    else:
        shutil.copy2(entry.path, copy)


def _write(work: Path, file: Path, show: Show) -> Backup:
    """Under another name first: half a backup must not look like a whole one."""
    paths = sorted(work.rglob("*"))
    total = sum(path.lstat().st_size for path in paths if not path.is_dir())
    manifest = {"format": FORMAT, "made_at": datetime.now(UTC).isoformat(timespec="seconds"), "bytes": total}
    (work / MANIFEST).write_text(json.dumps(manifest))
    new = file.with_name(file.name + ".new")
    done = 0
    try:
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as output:
            with tarfile.open(fileobj=output, mode="w") as archive:
                archive.add(work / MANIFEST, MANIFEST)
                for path in paths:
                    archive.add(path, str(path.relative_to(work)), recursive=False)
                    done += 0 if path.is_dir() else path.lstat().st_size
                    show(done, total)
            output.flush()
            os.fsync(output.fileno())
        new.replace(file)
    finally:
        new.unlink(missing_ok=True)
    return Backup(file, file.stat().st_size)


def _new_file(target: Path) -> Path:
    if target.is_dir():
        return target / f"persons-api-{datetime.now(UTC):%Y%m%d-%H%M%S}.tar"
    if target.exists():
        raise CannotStart(f"{target} exists already. Name another file, or a folder.")
    if not target.parent.is_dir():
        raise CannotStart(f"There is no folder {target.parent}.")
    return target


@contextmanager
def _opened(file: Path, show: Show) -> "Iterator[tarfile.TarFile]":
    try:
        with file.open("rb") as raw, tarfile.open(fileobj=_Watched(raw, show), mode="r") as archive:
            yield archive
    except FileNotFoundError:
        raise CannotStart(f"There is no file {file}.") from None
    except tarfile.ReadError:
        raise CannotStart(f"{file} is no backup of persons-api, or not all of one.") from None


class _Watched:
    """A file that tells how far it was read."""

    def __init__(self, file: IO[bytes], show: Show) -> None:
        self._file = file
        self._show = show
        self._size = os.fstat(file.fileno()).st_size

    def read(self, size: int = -1) -> bytes:
        content = self._file.read(size)
        self._show(self._file.tell(), self._size)
        return content

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def _manifest(archive: tarfile.TarFile, file: Path) -> dict[str, Any]:
    first = archive.next()
    content = archive.extractfile(first) if first and first.name == MANIFEST else None
    if content is None:
        raise CannotStart(f"{file} is no backup of persons-api.")
    manifest: dict[str, Any] = json.load(content)
    if manifest["format"] != FORMAT:
        raise CannotStart(f"{file} was made by another version of persons-api; use that one to restore it.")
    return manifest


def _restore_postgres(folder: DataFolder) -> None:
    # New passwords: a backup holds none.
    StackState(first_start_done=True).save(folder)
    with visit(folder) as state:
        postgres.create_database(state)
        _run(state, "pg_restore", "--exit-on-error", "--no-owner", "--jobs=2", str(folder.path / DUMP))
    (folder.path / DUMP).unlink()
    (folder.path / MANIFEST).unlink()


def _run(state: StackState, program: str, *arguments: str) -> None:
    path = postgres.site_packages() / postgres.PROGRAM / "bin" / program
    address = ["--host", LOOPBACK, "--port", str(state.postgres_port), "--username", "postgres"]
    done = subprocess.run(
        [str(path), *address, f"--dbname={DATABASE}", "--no-password", *arguments],
        env={**os.environ, "PGPASSWORD": state.postgres_password, "LC_ALL": "C"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        raise CannotStart(f"{program} failed: {done.stderr.strip().splitlines()[-1:] or done.returncode}")


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
