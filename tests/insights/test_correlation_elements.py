"""Chains of autocaptured elements, as SDKs send them and as anybody may."""

from typing import Any

import pytest

from insights.api.correlation_elements import chain_of, elements_in_chain, elements_in_list


def element(**known: Any) -> dict[str, Any]:
    nothing = dict.fromkeys(("text", "tag_name", "attr_class", "href", "attr_id", "nth_child", "nth_of_type"))
    return {**nothing, "attributes": {}, "order": 0, **known}


@pytest.mark.parametrize(
    ("chain", "expected"),
    [
        ("", []),
        ("a", [element(tag_name="a")]),
        ("a.x.y", [element(tag_name="a", attr_class=["x", "y"])]),
        ('a:href="/"', [element(tag_name="a", href="/")]),
        (
            'a.md:flex.b:attr__data-x="1"attr_id="i"nth-child="2"nth-of-type="3"text="Go; \\"on\\""',
            [
                element(
                    tag_name="a",
                    attr_class=["md:flex", "b"],
                    attributes={"attr__data-x": "1"},
                    attr_id="i",
                    nth_child=2,
                    nth_of_type=3,
                    text='Go; "on"',
                )
            ],
        ),
        ('a:text="x";div.y', [element(tag_name="a", text="x"), element(tag_name="div", attr_class=["y"], order=1)]),
        # What no SDK sends.
        ('a:text="x', [element(tag_name="a", text="x")]),
        ('a:text="x\\', [element(tag_name="a", text="x\\")]),
        ('a:nth-child="' + "9" * 5000 + '"', [element(tag_name="a")]),
        ('a:nth-child="one"', [element(tag_name="a")]),
        (";;", []),
    ],
    ids=range(11),
)  # fmt: skip
def test_chains(chain: str, expected: list[dict[str, Any]]) -> None:
    assert elements_in_chain(chain) == expected


@pytest.mark.parametrize("piece", ['"', '\\"', 'a="', ':a="', ":", "a", ";", '="', "\\", '";"'])
def test_long_chains_of_anything_are_read(piece: str) -> None:
    """In a time that is not worth a thought: the square of this length is."""
    assert elements_in_chain('a:x="1"' + piece * 100_000)[0]["tag_name"] == "a"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('[{"tag_name": "a", "$el_text": "Go", "attr__class": "b a", "attr__href": "/", "nth_child": 1}]',
         'a.a.b:href="/"nth-child="1"text="Go"'),
        ('[{"tag_name": "a", "classes": ["x"], "attr__id": "i", "attr__data-x": 1}, {"tag_name": "div"}]',
         'a.x:attr__data-x="1"attr_id="i";div'),
        ('[{"tag_name": 1, "classes": [1], "nth_child": {}, "$el_text": "say \\"x\\""}, 5]', '1.1:text="say \\"x\\""'),
        ("[]", ""),
        ("{}", ""),
        ("nothing", ""),
    ],
    ids=range(6),
)  # fmt: skip
def test_lists_become_chains(text: str, expected: str) -> None:
    chain = chain_of(elements_in_list(text))

    assert chain == expected
    assert chain_of(elements_in_chain(chain)) == chain
