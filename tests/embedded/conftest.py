"""The embedded stack is tested with real processes, in folders of its own."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import clickhouse_connect
import pytest
from clickhouse_connect.driver.client import Client

from core.posthog import client as posthog_client
from persons_api.embedded import clickhouse, stores
from persons_api.embedded.folder import DataFolder
from persons_api.embedded.state import StackState
from tests.embedded.run import children
from tests.fake_posthog import Posthog, fake_posthog

Connect = Callable[..., Client]


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    folder = DataFolder(tmp_path / "data")
    folder.create()
    return folder


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user can reach; pytest's own are private."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture(scope="session")
def clickhouse_endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StackState]:
    """A ClickHouse endpoint that answers, and how to reach it."""
    folder = DataFolder(tmp_path_factory.mktemp("clickhouse") / "data")
    folder.create()
    state = StackState()
    stores.choose_ports(state)
    with children() as running:
        running.start([clickhouse.part(folder, state)])
        yield state


@pytest.fixture(scope="session")
def connect(clickhouse_endpoint: StackState) -> Connect:
    """Makes clients of the endpoint: the library as it is, with the settings that the program uses."""

    def make(**overrides: object) -> Client:
        options: dict[str, object] = {
            "interface": "http",
            "host": "127.0.0.1",
            "port": clickhouse_endpoint.clickhouse_port,
            "username": "default",
            "password": clickhouse_endpoint.clickhouse_password,
            "autogenerate_session_id": False,
            "compress": False,
        }
        return clickhouse_connect.get_client(**{**options, **overrides})  # type: ignore[arg-type]

    return make


@pytest.fixture(scope="session")
def client(connect: Connect) -> Client:
    connect().command("CREATE DATABASE IF NOT EXISTS endpoint")
    return connect(database="endpoint")


@pytest.fixture
def table(client: Client) -> Iterator[str]:
    """An empty table (a Int32, b String) that knows insert tokens."""
    client.command(
        "CREATE TABLE t (a Int32, b String) ENGINE = MergeTree ORDER BY a "
        "SETTINGS non_replicated_deduplication_window = 100"
    )
    yield "t"
    client.command("DROP TABLE t SYNC")


@pytest.fixture
def posthog(monkeypatch: pytest.MonkeyPatch) -> Iterator[Posthog]:
    """A PostHog instance; pauses before another try are short."""
    monkeypatch.setattr(posthog_client, "FIRST_PAUSE", 0.01)
    with fake_posthog() as running:
        yield running
