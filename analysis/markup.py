"""HTML from values: whatever is not markup already is escaped, so no string of a file can become part of the page."""

from __future__ import annotations

import json
from html import escape
from typing import Any

# What could end a script element, or a line of JavaScript, is written as JSON's own escape
IN_SCRIPT = {ord(character): f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"}


class Markup(str):
    """Text that is HTML."""

    __slots__ = ()


def joined(*children: object) -> Markup:
    """The children one after another; None is left out, and what is not Markup is escaped.

    >>> joined(Markup("<b>"), "a < b", None, 3)
    '<b>a &lt; b3'
    """
    return Markup("".join(c if isinstance(c, Markup) else escape(str(c)) for c in children if c is not None))


def element(name: str, *children: object, **attributes: object) -> Markup:
    """An element around the children; `class_` is class, `data_at` is data-at, an attribute that is None is left out.

    >>> element("td", "<b>", class_="number", data_value=None)
    '<td class="number">&lt;b&gt;</td>'
    """
    given = {key.rstrip("_").replace("_", "-"): value for key, value in attributes.items() if value is not None}
    told = "".join(f' {key}="{escape(str(value))}"' for key, value in given.items())
    return Markup(f"<{name}{told}>{joined(*children)}</{name}>")


def definitions(rows: dict[str, object]) -> Markup:
    """A list of terms and what they are; those that are None or empty are left out."""
    told = [element("div", element("dt", k), element("dd", v)) for k, v in rows.items() if v not in (None, "")]
    return element("dl", *told)


def embedded_json(name: str, value: Any) -> Markup:
    """`value` for the page's scripts, which find it by its id `name`.

    >>> embedded_json("data", "</script>")
    '<script type="application/json" id="data">"\\\\u003c/script\\\\u003e"</script>'
    """
    text = json.dumps(value, allow_nan=False, separators=(",", ":")).translate(IN_SCRIPT)
    return element("script", Markup(text), type="application/json", id=name)
