"""The admin writes nothing by itself: services do."""

import ast
from pathlib import Path

ADMIN = Path(__file__).parents[2] / "core" / "admin"
#: Methods of models and querysets that write, and what runs SQL.
_WRITING = {
    "save", "create", "update", "delete", "get_or_create", "update_or_create", "bulk_create", "bulk_update", "execute",
}  # fmt: skip


def test_only_services_write() -> None:
    writing = [
        f"{path.name}:{node.lineno} {node.func.attr}"
        for path in ADMIN.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _WRITING
    ]

    assert writing == []
