"""Writes docs/reference/settings.md from the code that reads the environment:
``python -m persons_api.settings_reference > docs/reference/settings.md``

A setting is a call of ``persons_api.env`` with a constant name; the ``#:`` comment above it, or above its statement,
explains it.
"""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

FOLDER = Path(__file__).parent
#: Modules that read settings, with the title of those that stand under none in the module.
MODULES = {
    "settings.py": "",
    "roles.py": "Processes",
    "cli.py": "Processes",
    "cli_import_posthog.py": "Commands",
}
INTRODUCTION = """\
# Settings

Variables of the environment, read once at the start of a process; every process of an installation gets the same ones.
A value that cannot be used stops the start with the name and the value. `persons-api up` sets those about the stores.

*Made from the code by `python -m persons_api.settings_reference`; do not edit.*
"""
_HEAD = "| variable | kind | default | meaning |\n|---|---|---|---|"
#: What the readers of ``env`` take, where their name does not say it.
_KINDS = {
    "text": "text",
    "secret": "secret",
    "choice": "one word",
    "identifier": "letters, digits and underscores",
    "integer": "whole number",
    "integers": "whole numbers, separated by commas",
    "boolean": "true or false",
    "words": "list, separated by commas",
    "networks": "networks, as `10.1.0.0/16`, separated by commas",
    "rate": "rate, as `480/minute`, or `off`",
    "day": "day, as `2027-12-31`",
    "url": "URL",
}


@dataclass(frozen=True)
class Setting:
    section: str
    name: str
    kind: str
    default: str
    meaning: str


class NotExplained(Exception):
    """A setting has no comment above it that says what it means."""


@dataclass(frozen=True)
class Read:
    """A call of ``env``: the name of the reader, the variable, and the line of the statement around it."""

    reader: str
    name: str
    call: ast.Call
    statement_line: int


def settings() -> dict[str, Setting]:
    """Every setting by its name, in the order of the code."""
    found: dict[str, Setting] = {}
    for module, title in MODULES.items():
        source = (FOLDER / module).read_text()
        for read in sorted(_reads(ast.parse(source)), key=lambda one: one.call.lineno):
            setting = _setting(source.splitlines(), read, title)
            # Who reads a setting a second time need not explain it.
            if setting.name not in found:
                if not setting.meaning:
                    raise NotExplained(f"{setting.name} in {module}")
                found[setting.name] = setting
    return found


def markdown() -> str:
    parts = [INTRODUCTION]
    for section, group in groupby(settings().values(), key=lambda one: one.section):
        rows = (
            f"| `{one.name}` | {one.kind} | {f'`{one.default}`' if one.default else ''} | {one.meaning} |"
            for one in group
        )
        parts.append("\n".join([f"## {section}\n", _HEAD, *rows, ""]))
    return "\n".join(parts)


def _reads(tree: ast.Module) -> Iterator[Read]:
    """Calls of ``env`` with a constant name."""
    statements = [node for node in ast.walk(tree) if isinstance(node, ast.stmt)]
    for node in ast.walk(tree):
        match node:
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id="env"), attr=reader),
                args=[ast.Constant(value=str(name)), *_],
            ):
                around = [one for one in statements if one.lineno <= node.lineno <= (one.end_lineno or 0)]
                yield Read(reader, name, node, max(one.lineno for one in around))


def _setting(lines: list[str], read: Read, title: str) -> Setting:
    call = read.call
    default = call.args[1] if len(call.args) > 1 else _keyword(call, "default")
    return Setting(
        section=title or _section(lines[: read.statement_line - 1]),
        name=read.name,
        kind=_kind(read),
        default=_default(default),
        meaning=_meaning(lines[: call.lineno - 1]) or _meaning(lines[: read.statement_line - 1]),
    )


def _kind(read: Read) -> str:
    kind = _KINDS.get(read.reader, read.reader)
    least, among = _keyword(read.call, "least"), _keyword(read.call, "among")
    if among is not None:
        return ", ".join(f"`{word}`" for word in ast.literal_eval(among))
    return f"{kind}, at least {ast.unparse(least)}" if least is not None else kind


def _keyword(call: ast.Call, name: str) -> ast.expr | None:
    return next((keyword.value for keyword in call.keywords if keyword.arg == name), None)


def _default(expression: ast.expr | None) -> str:
    if expression is None:
        return ""
    if isinstance(expression, ast.Constant):
        return str(expression.value)
    if isinstance(expression, ast.List):
        return ",".join(ast.literal_eval(expression))
    return ast.unparse(expression)


def _meaning(above: list[str]) -> str:
    """The ``#:`` comment that ends directly above."""
    words: list[str] = []
    for line in reversed(above):
        text = line.strip()
        if not text.startswith("#:"):
            break
        words.insert(0, text.removeprefix("#:").strip())
    return " ".join(words).replace("``", "`").replace("|", "\\|")


def _section(above: list[str]) -> str:
    titles = [line.removeprefix("# --- ") for line in above if line.startswith("# --- ")]
    title = titles[-1].strip() if titles else "The program"
    return title[0].upper() + title[1:]


if __name__ == "__main__":
    sys.stdout.write(markdown())
