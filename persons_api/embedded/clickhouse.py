"""ClickHouse: chDB behind ClickHouse's HTTP interface, in a process of its own."""

import base64
import sys

from persons_api.embedded.folder import DataFolder
from persons_api.embedded.http_probe import answers
from persons_api.embedded.part import Part
from persons_api.embedded.ports import LOOPBACK
from persons_api.embedded.process import Command
from persons_api.embedded.services import PYTHON_PATH
from persons_api.embedded.state import StackState

MODULE = "persons_api.embedded.clickhouse_server"


def part(folder: DataFolder, state: StackState) -> Part:
    arguments = ["--path", str(folder.clickhouse), "--host", LOOPBACK, "--port", str(state.clickhouse_port)]
    return Part(
        Command(
            name="clickhouse",
            arguments=[sys.executable, "-m", MODULE, *arguments],
            environment={
                "CLICKHOUSE_USER": "default",
                "CLICKHOUSE_PASSWORD": state.clickhouse_password,
                # The engine takes the zone of dates without one from here.
                "TZ": "UTC",
                **PYTHON_PATH,
            },
            log=folder.log("clickhouse"),
        ),
        is_ready=lambda: _answers(state),
    )


def _answers(state: StackState) -> bool:
    credentials = base64.b64encode(f"default:{state.clickhouse_password}".encode()).decode()
    url = f"http://{LOOPBACK}:{state.clickhouse_port}/?query=SELECT%201"
    return answers(url, {"Authorization": f"Basic {credentials}"})
