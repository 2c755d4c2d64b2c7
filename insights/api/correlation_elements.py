"""The elements that autocapture saw: from the chain that newer SDKs send, or the list of objects of older ones, to each
other's form.

A chain is a text such as ``a.link:href="/"nth-child="1"nth-of-type="2"text="Home";div``, from the element that was
clicked outwards. It may hold anything, as whoever has the project's token can send it: the patterns take whatever they
have looked at, so that the time that they take grows with the text and not with its square.
"""

import re
from collections.abc import Mapping
from typing import Any

import orjson

#: The last one may lack its end.
_QUOTED = r'"(?:\\.|[^"\\])*+(?:"|\\?\Z)'
_ELEMENT = re.compile(rf'(?:[^;"]|{_QUOTED})++', re.DOTALL)
#: Classes may have colons; attributes begin at one that is followed by a name and a value.
_HEAD = re.compile(r'(?P<head>.*?)(?::(?P<attributes>[\w-]++=".*))?', re.DOTALL)
_ATTRIBUTE = re.compile(rf'(?P<name>[^="]++)=(?P<value>{_QUOTED})|[^="]++|.', re.DOTALL)
_PLACE = re.compile(r"[0-9]{1,9}")
_OWN_FIELDS = {"href": "href", "attr_id": "attr_id", "text": "text"}
_PLACES = {"nth-child": "nth_child", "nth-of-type": "nth_of_type"}
#: What else is in an object of a list has a field of its own.
_IN_LIST = frozenset({"attr__class", "attr__href", "attr__id"})

Element = dict[str, Any]


def elements_in_chain(chain: str) -> list[Element]:
    """The elements of a chain; of what does not look like one, what can be read."""
    return [_in_chain(text, order) for order, text in enumerate(_ELEMENT.findall(chain))]


def elements_in_list(text: str) -> list[Element]:
    """The elements of ``$elements`` as JSON; none of what is no list of objects."""
    try:
        items = orjson.loads(text)
    except orjson.JSONDecodeError:
        return []
    if not isinstance(items, list):
        return []
    return [_in_list(item, order) for order, item in enumerate(items) if isinstance(item, Mapping)]


def chain_of(elements: list[Element]) -> str:
    """The chain that newer SDKs would send."""
    return ";".join(map(_text_of, elements))


def _element(order: int, **known: Any) -> Element:
    nothing = dict.fromkeys(("text", "tag_name", "attr_class", "href", "attr_id", "nth_child", "nth_of_type"))
    return {**nothing, "attributes": {}, "order": order, **known}


def _in_chain(text: str, order: int) -> Element:
    found = _HEAD.fullmatch(text)
    head, attributes = (found["head"], found["attributes"] or "") if found else (text, "")
    tag, *classes = head.split(".")
    element = _element(order, tag_name=tag or None, attr_class=[one for one in classes if one] or None)
    for match in _ATTRIBUTE.finditer(attributes):
        if match["name"] is not None:
            _put(element, match["name"], _unquoted(match["value"]))
    return element


def _unquoted(value: str) -> str:
    """A value may lack its last quote."""
    return value.removeprefix('"').replace('\\"', "\0").removesuffix('"').replace("\0", '"')


def _put(element: Element, name: str, value: str) -> None:
    if name in _PLACES:
        element[_PLACES[name]] = _place(value)
    elif name in _OWN_FIELDS:
        element[_OWN_FIELDS[name]] = value
    else:
        element["attributes"][name] = value


def _in_list(item: Mapping[str, Any], order: int) -> Element:
    classes = item.get("attr__class") or item.get("classes")
    if isinstance(classes, str):
        classes = classes.split()
    return _element(
        order,
        tag_name=_text(item.get("tag_name")),
        text=_text(item.get("$el_text")),
        href=_text(item.get("attr__href")),
        attr_id=_text(item.get("attr__id")),
        attr_class=[str(one) for one in classes] if isinstance(classes, list) and classes else None,
        nth_child=_place(item.get("nth_child")),
        nth_of_type=_place(item.get("nth_of_type")),
        attributes={
            name: _text(value) or ""
            for name, value in item.items()
            if name.startswith("attr__") and name not in _IN_LIST
        },
    )


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _place(value: Any) -> int | None:
    text = str(value)
    return int(text) if _PLACE.fullmatch(text) else None


def _text_of(element: Element) -> str:
    classes = "".join(f".{one}" for one in sorted(element["attr_class"] or ()))
    attributes = {
        **element["attributes"],
        **{name: element[name] for name in _OWN_FIELDS if element[name] is not None},
        **{name: element[field] for name, field in _PLACES.items() if element[field] is not None},
    }
    quoted = "".join(
        '{}="{}"'.format(name, str(value).replace('"', '\\"')) for name, value in sorted(attributes.items())
    )
    return f"{element['tag_name'] or ''}{classes}{':' if quoted else ''}{quoted}"
