"""The text of an ASC (Neurolucida) file, looked through first for what NEURON's importer would not say, or end at."""

from __future__ import annotations

import math
import re

from ...schema import InputError

# What NEURON's importer takes for a token; another character it meets again and again
TOKEN = re.compile(
    r"""\s*(?: (?P<comment>;.*) | (?P<string>"[^"]*") | (?P<mark>[(),|<>])
    | (?P<number>[-+]?(?:(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?|inf(?:inity)?|nan)(?!\w)) | (?P<word>\w+) | $)""",
    re.IGNORECASE | re.ASCII | re.VERBOSE,
)


def check(text: str, where: str) -> None:
    """Pass text of an ASC file whose parentheses match and whose numbers are finite.

    Raises InputError that names the line.
    """
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
