"""``persons-api up`` from the outside: it starts, survives, and leaves nothing behind."""

import json
import os
import pwd
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from persons_api import roles
from persons_api.embedded.folder import DataFolder
from persons_api.embedded.http_probe import answers
from persons_api.embedded.memory import memory_of
from persons_api.embedded.privileges import Account, can_reach
from tests.embedded.run import ROOT, Stack, are_gone, is_alive, run, up, wait_until

NAMES = {"postgres", "valkey", "clickhouse", "web", "workers"}
WORKERS = {*roles.WORKERS, "beat"}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with up(DataFolder(tmp_path_factory.mktemp("stack") / "data")) as stack:
        yield stack


def is_healthy(stack: Stack) -> bool:
    return answers(f"{stack.state.url}/_health")


def workers(stack: Stack) -> dict[str, psutil.Process]:
    """The processes below the one that loaded the program for them, by name."""
    with suppress(psutil.NoSuchProcess):
        return {worker.name(): worker for worker in psutil.Process(stack.pid("workers")).children()}
    return {}


def came_back(stack: Stack, name: str, old: int) -> bool:
    """Whether another process runs under the name."""
    return stack.pid(name) not in (None, old)


def test_every_part_runs_and_is_recorded(stack: Stack) -> None:
    assert {record.name for record in stack.state.processes} == NAMES
    wait_until(lambda: set(workers(stack)) == WORKERS)
    assert is_healthy(stack)


def test_a_folder_in_use_is_refused_with_the_number_of_its_process(stack: Stack) -> None:
    second = run("up", "--port", "0", "--data-dir", str(stack.folder.path))

    assert second.returncode == 1
    assert second.stdout == ""
    assert f"in use by process {stack.process.pid}" in second.stderr
    assert "--data-dir" in second.stderr


def test_a_port_in_use_is_refused_by_number(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        refused = run("up", "--port", str(port), "--data-dir", str(tmp_path / "data"))

    assert refused.returncode == 1
    assert refused.stdout == ""
    assert f"Port {port} on 127.0.0.1 is in use" in refused.stderr


def test_no_password_is_on_a_command_line(stack: Stack) -> None:
    state = stack.state
    secrets = (state.postgres_password, state.clickhouse_password, state.valkey_password, state.secret_key)

    lines = [" ".join(process.cmdline()) for process in stack.processes()]

    assert [line for line in lines if any(secret in line for secret in secrets)] == []


def test_everything_listens_on_this_machine_only(stack: Stack) -> None:
    listening = {
        connection.laddr.ip
        for process in stack.processes()
        for connection in process.net_connections()
        if connection.status == psutil.CONN_LISTEN
    }

    assert listening == {"127.0.0.1"}


def test_files_with_secrets_are_private(stack: Stack) -> None:
    for file in (stack.folder.state_file, stack.folder.valkey / "valkey.conf"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_the_supervisor_does_not_load_django(stack: Stack) -> None:
    maps = Path(f"/proc/{stack.process.pid}/maps")
    loaded = subprocess.run(
        [sys.executable, "-c", "import sys, persons_api.cli; print('django' in sys.modules)"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )

    assert loaded.stdout == "False\n"
    assert not maps.exists() or "chdb" not in maps.read_text()


def test_memory_of_stores_and_program_is_known(stack: Stack) -> None:
    used = memory_of(stack.state)

    assert used.stores > 50_000_000
    assert used.program > 100_000_000


def test_a_killed_web_process_comes_back_without_its_old_workers(stack: Stack) -> None:
    old = stack.pid("web")
    assert old
    processes = [psutil.Process(old), *psutil.Process(old).children(recursive=True)]

    os.kill(old, signal.SIGKILL)

    wait_until(lambda: came_back(stack, "web", old) and is_healthy(stack))
    assert are_gone(processes)
    assert "web ended (signal SIGKILL), starting it again in 0.2 s" in stack.messages.read_text()


def test_a_killed_worker_comes_back_and_the_others_stay(stack: Stack) -> None:
    wait_until(lambda: set(workers(stack)) == WORKERS)
    before = {name: worker.pid for name, worker in workers(stack).items()}

    os.kill(before["insights"], signal.SIGKILL)

    now: dict[str, int] = {}

    def is_back() -> bool:
        now.clear()
        now.update((name, worker.pid) for name, worker in workers(stack).items())
        return set(now) == WORKERS and now["insights"] != before["insights"]

    wait_until(is_back)
    assert {name for name, pid in now.items() if pid != before[name]} == {"insights"}
    log = stack.folder.log("workers").read_text()
    assert "insights ended (signal SIGKILL), starting it again in 0.2 s" in log


def test_workers_end_with_the_process_that_they_were_forked_from(stack: Stack) -> None:
    wait_until(lambda: set(workers(stack)) == WORKERS)
    before, old = list(workers(stack).values()), stack.pid("workers")
    assert old

    os.kill(old, signal.SIGKILL)

    wait_until(lambda: came_back(stack, "workers", old) and set(workers(stack)) == WORKERS)
    assert are_gone(before)


def test_a_killed_postgres_comes_back_and_the_program_goes_on(stack: Stack) -> None:
    old = stack.pid("postgres")
    assert old

    os.kill(old, signal.SIGKILL)

    wait_until(lambda: came_back(stack, "postgres", old))
    wait_until(
        lambda: run("create-project", "--name", "N", "--data-dir", str(stack.folder.path)).returncode == 0
    )


def test_a_stop_ends_every_process_and_the_next_start_finds_the_data(stack: Stack) -> None:
    folder = stack.folder
    made = create_project(folder)
    processes, before = stack.processes(), stack.state

    stack.process.terminate()
    asked = time.monotonic()
    status = stack.process.wait(15)

    assert status == 0
    assert time.monotonic() - asked < 10
    assert are_gone(processes)
    with up(folder) as again:
        assert again.state.postgres_port == before.postgres_port
        assert create_project(folder) == made + 1

        # Killed this time: its children notice.
        processes = again.processes()
        again.process.kill()
        again.process.wait()
        wait_until(lambda: are_gone(processes), seconds=15)


def test_what_outlives_a_killed_stack_is_ended_by_the_next_command(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")
    with up(folder) as stack:
        # Nothing gets to tell anything to the web workers, and they stay.
        processes = stack.processes()
        answering = psutil.Process(stack.pid("web")).children()
        stack.process.send_signal(signal.SIGSTOP)
        for record in stack.state.processes:
            os.kill(record.pid, signal.SIGKILL)
        stack.process.kill()
        stack.process.wait()
        assert any(is_alive(worker) for worker in answering)

        assert create_project(folder) == 1

        assert are_gone(processes)


def create_project(folder: DataFolder) -> int:
    made = run("create-project", "--name", "N", "--json", "--data-dir", str(folder.path))
    assert made.returncode == 0, made.stderr
    return int(json.loads(made.stdout)["id"])


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can start as another user")
def test_an_ordinary_user_can_start_it() -> None:
    nobody = pwd.getpwnam("nobody")
    # This Python can lie in a private folder; being allowed to read it does not make the user less ordinary.
    reads_all = not can_reach(nobody.pw_uid, nobody.pw_gid, Path(sys.executable))
    account = Account(nobody.pw_uid, nobody.pw_gid, passes_private_folders=reads_all)
    with tempfile.TemporaryDirectory() as home:
        os.chown(home, nobody.pw_uid, nobody.pw_gid)
        folder = DataFolder(Path(home) / "data")
        with up(folder, account=account, HOME=home, PYTHONDONTWRITEBYTECODE="1") as stack:
            users = {process.uids().real for process in stack.processes()}
            mode = stat.S_IMODE(folder.path.stat().st_mode)
            stack.process.send_signal(signal.SIGINT)

            assert stack.process.wait(15) == 0
            assert users == {nobody.pw_uid}
            assert mode == 0o700
