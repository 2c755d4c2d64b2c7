"""The directive ``operations``: every operation of ``docs/openapi.yaml``, by tag."""

from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

DOCUMENT = Path(__file__).parents[1] / "openapi.yaml"
METHODS = ("get", "post", "put", "patch", "delete")


class Operations(SphinxDirective):
    """Headings, parameters, fields of bodies and statuses, made from the document at each build."""

    def run(self) -> list[nodes.Node]:
        self.env.note_dependency(str(DOCUMENT))
        return self.parse_text_to_nodes("\n".join(markdown()), allow_section_headings=True)


@cache
def document() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.load(DOCUMENT.read_text(), yaml.CSafeLoader)
    return loaded


def markdown() -> Iterator[str]:
    by_tag = defaultdict(list)
    for path, operations in document()["paths"].items():
        for method in METHODS:
            if method in operations:
                operation = operations[method]
                by_tag[operation["tags"][0]].append((path, method, operation))
    for tag in sorted(by_tag, key=lambda name: -len(by_tag[name])):
        yield from (f"## {tag.capitalize()}", "")
        for path, method, operation in by_tag[tag]:
            yield from _operation(path, method, operation)


def _operation(path: str, method: str, operation: dict[str, Any]) -> Iterator[str]:
    yield from (f"### {method.upper()} `{path}`", "", _one_line(operation.get("description", "")), "")
    scopes = [scope for way in operation.get("security", []) for names in way.values() for scope in names]
    known = f"`{operation['operationId']}`"
    yield from (
        f"*{known}, scope {', '.join(f'`{scope}`' for scope in scopes)}*" if scopes else f"*{known}*",
        "",
    )
    if parameters := [_resolved(one) for one in operation.get("parameters", [])]:
        yield from _table("parameter", ((one["name"], one["schema"], one, one["in"]) for one in parameters))
    for media, content in _resolved(operation.get("requestBody", {})).get("content", {}).items():
        schema = _resolved(content["schema"])
        required = schema.get("required", ())
        if fields := schema.get("properties"):
            rows = ((name, one, one, "required" if name in required else "") for name, one in fields.items())
            yield from _table(f"field of the body (`{media}`)", rows)
    answers = (f"{status}{_named(answer)}" for status, answer in operation["responses"].items())
    yield from (f"Answers: {', '.join(answers)}.", "")


def _table(head: str, rows: Any) -> Iterator[str]:
    yield from (f"| {head} | | type | meaning |", "|---|---|---|---|")
    for name, schema, described, note in rows:
        meaning = _one_line(described.get("description") or _resolved(schema).get("description") or "")
        yield (
            "| "
            + " | ".join(cell.replace("|", r"\|") for cell in (f"`{name}`", note, _type(schema), meaning))
            + " |"
        )
    yield ""


def _named(answer: dict[str, Any]) -> str:
    """The name of the component that an answer is."""
    for content in _resolved(answer).get("content", {}).values():
        if "$ref" in content.get("schema", {}):
            return f" `{content['schema']['$ref'].rsplit('/', 1)[-1]}`"
    return ""


def _type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return f"`{schema['$ref'].rsplit('/', 1)[-1]}`"
    if choices := schema.get("enum"):
        return ", ".join(f"`{choice}`" for choice in choices)
    if several := schema.get("oneOf") or schema.get("anyOf") or schema.get("allOf"):
        return " or ".join(dict.fromkeys(_type(one) for one in several))
    kind = schema.get("type", "any")
    if kind == "array":
        return f"list of {_type(schema.get('items', {}))}"
    if isinstance(kind, list):
        return " or ".join(kind)
    return str(schema.get("format", kind))


def _resolved(part: dict[str, Any]) -> dict[str, Any]:
    """What a reference inside the document leads to."""
    while "$ref" in part:
        found: Any = document()
        for name in part["$ref"].removeprefix("#/").split("/"):
            found = found[name]
        part = found
    return part


def _one_line(text: str) -> str:
    return " ".join(text.split())


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("operations", Operations)
    return {"parallel_read_safe": True}
