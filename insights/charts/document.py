"""The finishing of an SVG document that matplotlib wrote: nothing from elsewhere is named, and it says what it is."""

import re
from xml.etree import ElementTree

_SVG = "http://www.w3.org/2000/svg"
_XLINK = "http://www.w3.org/1999/xlink"
_FONTS = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'Helvetica Neue', Arial, sans-serif"
_FAMILY = "font-family"
_TEXT = f"{{{_SVG}}}text"
_REFERENCE = re.compile(r"#(\w+)")
#: What is turned by nothing.
_UPRIGHT = "rotate(-0 "
ElementTree.register_namespace("", _SVG)
ElementTree.register_namespace("xlink", _XLINK)


def finished(svg: bytes, *, title: str, description: str) -> str:
    """Pixels in place of points, the fonts of whoever looks, a title and a description that can be read out; without
    the reference to a DTD, and without names of groups that nothing refers to.
    """
    root = ElementTree.fromstring(svg)  # noqa: S314 - it is our own
    referred = set(_REFERENCE.findall(svg.decode()))
    for name in ("width", "height"):
        root.set(name, root.get(name, "").removesuffix("pt"))
    root.set("role", "img")
    root.set(_FAMILY, _FONTS)
    for element in root.iter():
        if element.get("id", "") not in referred:
            element.attrib.pop("id", None)
        if element.tag == _TEXT:
            element.set("style", _without_font(element.get("style", "")))
            if element.get("transform", "").startswith(_UPRIGHT):
                del element.attrib["transform"]
    for place, (tag, text) in enumerate([("title", title), ("desc", description)]):
        told = ElementTree.Element(f"{{{_SVG}}}{tag}")
        told.text = text
        root.insert(place, told)
    return ElementTree.tostring(root, encoding="unicode") + "\n"


def _without_font(style: str) -> str:
    return "; ".join(part.strip() for part in style.split(";") if not part.strip().startswith(_FAMILY))
