"""The three stores: all of them for ``up``, some of them for a command on a stopped stack."""

from persons_api.embedded import clickhouse, ports, postgres, valkey
from persons_api.embedded.folder import DataFolder
from persons_api.embedded.part import Part
from persons_api.embedded.state import StackState


def parts(folder: DataFolder, state: StackState) -> list[Part]:
    return [postgres.part(folder, state), valkey.part(folder, state), clickhouse.part(folder, state)]


def choose_ports(state: StackState) -> None:
    """Free ports for the stores, none of them that of the web process."""
    taken = {state.port}
    for name in ("postgres_port", "clickhouse_port", "valkey_port"):
        port = ports.keep_or_choose(getattr(state, name), taken=taken)
        setattr(state, name, port)
        taken.add(port)
