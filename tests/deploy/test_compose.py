"""The roles of docker-compose.yml, started with exactly its command lines and variables."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from persons_api import roles
from tests.clients import event
from tests.deploy.compose import FILE, INIT_ENV, ROOT, STORES, Installation, init_env, services
from tests.deploy.conftest import Site
from tests.embedded.run import wait_until

SECRETS = ("POSTGRES_PASSWORD", "CLICKHOUSE_PASSWORD", "VALKEY_PASSWORD", "PERSONS_API_SECRET_KEY")
RUNNING = (*roles.WORKERS, "beat")
STEPS = json.dumps(
    [{"id": name, "type": "events", "order": order} for order, name in enumerate(("opened", "bought"))]
)


def test_an_event_becomes_a_person_and_an_answer_of_a_funnel(site: Site) -> None:
    assert site.capture(event("opened", "buyer"), event("bought", "buyer")).status_code == 200

    listed = site.http.get(site.persons, params={"distinct_id": "buyer"}).json()["results"]
    site.installed.command("drain")
    funnel = site.http.get(f"{site.persons}funnel/", params={"events": STEPS, "funnel_step": 2}).json()

    assert [row["name"] for row in listed] == ["buyer"]
    assert [row["name"] for row in funnel["results"][0]["people"]] == ["buyer"]


def test_workers_and_beat_show_that_they_are_not_stuck(installed: Installation) -> None:
    files = [installed.alive_file(role) for role in RUNNING]
    wait_until(lambda: all(file.exists() for file in files))
    first = [file.stat().st_mtime_ns for file in files]

    wait_until(
        lambda: all(file.stat().st_mtime_ns > then for file, then in zip(files, first, strict=True)), 60
    )


def test_doctor_finds_every_worker(installed: Installation) -> None:
    told = installed.command("doctor")

    assert "FAIL" not in told
    assert [queue for queue in roles.WORKERS if f"{queue} worker: answers" not in told] == []


def test_workers_and_beat_end_when_they_are_asked_to(installed: Installation) -> None:
    files = [installed.alive_file(role) for role in RUNNING]
    wait_until(lambda: all(file.exists() for file in files))

    assert [installed.stop(role) for role in RUNNING] == [0] * len(RUNNING)

    for role, file in zip(RUNNING, files, strict=True):
        file.unlink()
        installed.start(role)
    wait_until(lambda: all(file.exists() for file in files), 60)


def test_every_role_is_a_service_with_a_limit_a_check_and_time_to_stop() -> None:
    found = services(dict.fromkeys(SECRETS, "x"))

    assert set(found) == {*roles.NAMES, "migrate", *STORES}
    for name in roles.WORKERS:
        assert found[name]["command"] == ["worker", name]
    memory = {name: int(service["mem_limit"].removesuffix("m")) for name, service in found.items()}
    assert sum(memory.values()) - memory["migrate"] <= 2048
    assert [
        name for name in found if name not in ("web", "migrate") and "test" not in found[name]["healthcheck"]
    ] == []


@pytest.mark.parametrize("missing", SECRETS)
def test_nothing_starts_without_its_secrets(missing: str) -> None:
    with pytest.raises(KeyError, match=missing):
        services({name: "x" for name in SECRETS if name != missing})


def test_the_secrets_are_new_private_and_never_replaced(tmp_path: Path) -> None:
    first = init_env(tmp_path)
    before = (tmp_path / ".env").read_text()
    again = subprocess.run([*INIT_ENV, str(tmp_path)], capture_output=True, text=True)
    (tmp_path / "other").mkdir()
    other = init_env(tmp_path / "other")

    assert ((tmp_path / ".env").stat().st_mode & 0o777) == 0o600
    assert again.returncode == 1
    assert "is there already" in again.stderr
    assert (tmp_path / ".env").read_text() == before
    assert all(len(first[name]) == 48 and first[name] != other[name] for name in SECRETS)
    assert set(first) == _named_in(ROOT / ".env.example")


def _named_in(path: Path) -> set[str]:
    return {line.split("=")[0] for line in path.read_text().splitlines() if "=" in line and line[0] != "#"}


def _docker_compose(folder: Path) -> subprocess.CompletedProcess[str]:
    program = shutil.which("docker-compose")
    if program is None:
        pytest.skip("docker-compose is not installed")
    return subprocess.run(
        [program, "--file", str(FILE), "--env-file", str(folder / ".env"), "config"],
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
    )


def test_docker_compose_takes_the_file(tmp_path: Path) -> None:
    variables = init_env(tmp_path)

    done = _docker_compose(tmp_path)

    assert done.returncode == 0, done.stderr
    # It doubles every $ in what it prints.
    read: dict[str, Any] = yaml.safe_load(done.stdout.replace("$$", "$"))["services"]
    ours = services(variables)
    assert {name: read[name].get("environment") for name in read} == {
        name: ours[name].get("environment") for name in ours
    }
    assert {name: read[name]["command"] for name in roles.NAMES} == {
        name: ours[name]["command"] for name in roles.NAMES
    }


def test_docker_compose_says_which_secret_is_missing(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("POSTGRES_PASSWORD=x\n")

    done = _docker_compose(tmp_path)

    assert done.returncode == 1
    assert "is missing. Make the file .env first - sh deploy/init-env.sh" in done.stderr
