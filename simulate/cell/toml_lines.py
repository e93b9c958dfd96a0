"""The line of a TOML file on which a key stands, which tomllib does not tell."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence


def line_of(text: str, keys: Sequence[str]) -> int | None:
    """The line, from 1, on which the value at `keys` is first there; its nearest parent's where it is nowhere.

    text: TOML that is valid. It is found by parsing ever more lines, so what counts is what tomllib reads.

    >>> line_of("[soma]\\nRa = 100\\npas.g = 3e-5", ("soma", "pas", "g"))
    3
    >>> line_of("[soma]\\nRa = 100", ("soma", "cm"))
    1
    """
    lines = text.split("\n")
    starts = list(map(_parsed, ("\n".join(lines[:end]) for end in range(1, len(lines) + 1))))
    for depth in range(len(keys), 0, -1):
        for number, start in enumerate(starts, start=1):
            if _holds(start, keys[:depth]):
                return number
    return None


def _parsed(text: str) -> dict:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:  # cut off within a value
        return {}


def _holds(table: object, keys: Sequence[str]) -> bool:
    for key in keys:
        if not isinstance(table, dict) or key not in table:
            return False
        table = table[key]
    return True
