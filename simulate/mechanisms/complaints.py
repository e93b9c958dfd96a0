"""What the compilers said of a user's NMODL, as one line with the file's own line."""

from __future__ import annotations

import re
from collections.abc import Mapping

from . import nmodl
from .nmodl import Source

TRANSLATOR = re.compile(r"^(?P<said>.*?) at line (?P<line>\d+) in file (?P<name>\w+)\.mod", re.MULTILINE)
WITHOUT_LINE = re.compile(
    r"^Translating (?P<name>\w+)\.mod into.*\n(?:(?!Translating).*\n)*?Error: (?P<said>.*)", re.MULTILINE
)
COMPILER = re.compile(
    r"^\S*?(?P<name>\w+)\.c(?:pp)?:\d+:\d+: (?:fatal )?error: (?P<said>.*)(?:\n\s*\d+ \| (?P<code>.*))?", re.MULTILINE
)
QUOTED = re.compile(r"[\u2018'`](\w+)[\u2019']")


def of_a_file(output: str, sources: Mapping[str, Source]) -> str:
    """The first complaint about one of `sources`, mechanism -> file and text, with the line; empty where there is none.

    NEURON's translator names the line. The C++ compiler names one of the translation: the file's line is that with the
    same code, or with the name that it does not know.
    """
    for found in TRANSLATOR.finditer(output):
        if found["name"] in sources:
            return f"{sources[found['name']].file}, line {found['line']}: {found['said'].strip()}"
    for found in COMPILER.finditer(output):
        if found["name"] in sources:
            source = sources[found["name"]]
            line = _line(source.text, found["code"] or "", found["said"])
            return f"{source.file}{f', line {line}' if line else ''}: {found['said']}"
    for found in WITHOUT_LINE.finditer(output):
        if found["name"] in sources:
            return f"{sources[found['name']].file}: {found['said']}"
    return ""


def _line(text: str, code: str, said: str) -> int | None:
    lines = nmodl.without_comments(text).splitlines()
    squeezed = _squeezed(code)
    same = [number for number, line in enumerate(lines, start=1) if squeezed and _squeezed(line) == squeezed]
    if same:
        return same[0]
    for name in QUOTED.findall(said):
        for number, line in enumerate(lines, start=1):
            if re.search(rf"\b{name}\b", line):
                return number
    return None


def _squeezed(code: str) -> str:
    return re.sub(r"[\s;]+", "", code)
