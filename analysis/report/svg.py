"""A figure's SVG as part of a page: what would leak from one figure into the page, or into another, is taken out."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from ..markup import Markup

SVG, XLINK = "http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"
REFERENCE = re.compile(r"url\(#([^)]+)\)")
INHERITED = "stroke-linejoin:round;stroke-linecap:butt"  # what Matplotlib's style sheet says of every element


def inlined(svg: str, prefix: str, label: str) -> Markup:
    """The `svg` element of a file that Matplotlib wrote, to stand in a page among others.

    prefix: goes before every id, so that figures do not take each other's clip paths and glyphs. label: what it shows,
    for those who do not see it. Its style sheet, which would hold for the whole page, becomes a style of its own.
    """
    ElementTree.register_namespace("", SVG)
    root = ElementTree.fromstring(svg)
    width, height = (float(root.get("viewBox", "").split()[at]) for at in (2, 3))
    for parent in root.iter():
        for child in list(parent):
            if child.tag in (f"{{{SVG}}}metadata", f"{{{SVG}}}style"):
                parent.remove(child)
    for each in root.iter():
        for key, value in list(each.attrib.items()):
            if key == "id":
                each.set(key, prefix + value)
            elif key in ("href", f"{{{XLINK}}}href"):
                del each.attrib[key]  # SVG 2 spells it without a namespace, and every browser reads that
                each.set("href", f"#{prefix}{value[1:]}" if value.startswith("#") else value)
            elif "url(#" in value:
                each.set(key, REFERENCE.sub(rf"url(#{prefix}\1)", value))
    for key in ("width", "height"):
        root.attrib.pop(key, None)
    root.attrib |= {"role": "img", "aria-label": label, "style": INHERITED, "class": "figure"}
    root.set("data-aspect", f"{width / height:.3f}")
    return Markup(ElementTree.tostring(root, encoding="unicode"))
