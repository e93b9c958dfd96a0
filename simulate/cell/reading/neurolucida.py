"""The text of an ASC (Neurolucida) file, looked through first for what NEURON's importer would not say, or end at."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from itertools import pairwise

from ...schema import InputError
from .swc import NO_SOMA

# What NEURON's importer takes for a token; another character it meets again and again
TOKEN = re.compile(
    r"""\s*(?: (?P<comment>;.*) | (?P<string>"[^"]*") | (?P<mark>[(),|<>])
    | (?P<number>[-+]?(?:(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?|inf(?:inity)?|nan)(?!\w)) | (?P<word>\w+) | $)""",
    re.IGNORECASE | re.ASCII | re.VERBOSE,
)
AHEAD = 20  # lines that NEURON may have looked ahead, over empty ones and remarks


def check(text: str, where: str) -> None:
    """Pass text of an ASC file whose parentheses match and whose numbers are finite.

    Raises InputError that names the line.
    """
    if not text.strip():
        raise InputError(f"{where}: {NO_SOMA}")
    opened: list[int] = []  # lines of the parentheses that are not closed yet
    for number, line in enumerate(text.split("\n"), start=1):
        at = 0
        while at < len(line):
            found = TOKEN.match(line, at)
            if not found:
                raise InputError(f"{where}, line {number}: cannot be read from '{line[at:].strip()[:40]}' on")
            if found["number"] and not math.isfinite(float(found["number"])):
                raise InputError(f"{where}, line {number}: expected finite numbers, got '{found['number']}'")
            if found["mark"] == "(":
                opened.append(number)
            if found["mark"] == ")":
                if not opened:
                    raise InputError(f"{where}, line {number}: a parenthesis is closed that was not opened")
                opened.pop()
            at = found.end()
    if opened:
        raise InputError(
            f"{where}, line {opened[-1]}: a parenthesis is opened here, and not closed before the file ends"
        )


def lines_of_points(text: str, told: Iterable[float], x_um: Iterable[float], y_um: Iterable[float]) -> list[int]:
    """The line on which each point that NEURON has read stands.

    told: the lines as NEURON has them: of a tree's first point it is a later one, to which it has looked ahead.
    x_um, y_um: of each point.
    """
    numbers = [[float(each["number"]) for each in TOKEN.finditer(line) if each["number"]] for line in text.split("\n")]
    found = []
    for last, *place in zip(map(int, told), x_um, y_um, strict=True):
        near = range(last, max(last - AHEAD, 0), -1)
        found.append(next((line for line in near if _holds(numbers[line - 1], place)), last))
    return found


def _holds(numbers: Sequence[float], place: Sequence[float]) -> bool:
    return any(list(pair) == place for pair in pairwise(numbers))
