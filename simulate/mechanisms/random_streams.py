"""Random numbers of synapses: the idiom of public files by which C in VERBATIM draws them from NEURON's Random123.

A PROCEDURE takes three numbers that name a stream (`nrnran123_newstream3`), a FUNCTION returns its next number between
0 and 1 (`nrnran123_dblpick`), and INITIAL may go back to its first one (`nrnran123_setseq(…, 0, 0)`).
"""

from __future__ import annotations

import re
from functools import cache
from itertools import pairwise
from typing import NamedTuple

from .nmodl import without_comments

ROUTINE = re.compile(
    r"\b(?:PROCEDURE|FUNCTION)\s+(\w+)\s*\([^)]*\)\s*(?:\([^)]*\)\s*)?\{\s*VERBATIM\b(.*?)\bENDVERBATIM\b\s*\}",
    re.DOTALL,
)
IN_C = re.compile(r"\bVERBATIM\b.*?\bENDVERBATIM\b", re.DOTALL)
NOT_CODE = re.compile(r"/\*.*?\*/|//[^\n]*|^[ \t]*#[^\n]*", re.DOTALL | re.MULTILINE)
NEW_STREAM = re.compile(r"\bnrnran123_newstream3\s*\(")
STATE = r"(?:\(\s*nrnran123_State\s*\*\s*\)\s*)?_p_(\w+)"
PICK = re.compile(rf"(?:(\w+)\s*=|\breturn)\s*nrnran123_dblpick\s*\(\s*{STATE}\s*\)\s*;")
WHERE_SET = r"(?:usingR123|_p_\w+)"
# What may stand around the pick: declarations, what is given without a stream, and the way out
AROUND = [
    re.compile(each)
    for each in (
        r"\bdouble\s+\w+\s*(?:=\s*[\d.]+\s*)?;",
        r"\b\w+\s*=\s*nrn_random_pick\s*\(\s*(?:RANDCAST\s*)?_p_\w+\s*\)\s*;",
        r"\b\w+\s*=\s*[\d.]+\s*;",
        r"\b(?:assert|hoc_execerror)\s*\([^;]*\)\s*;",
        rf"\bif\s*\(\s*{WHERE_SET}\s*\)",
        r"\belse\b",
        r"[{}\s]",
    )
]
FIRST_AGAIN = re.compile(
    rf"(?:if\s*\(\s*{WHERE_SET}\s*\)\s*)?\{{?\s*nrnran123_setseq\s*\(\s*{STATE}\s*,\s*0\s*,\s*0\s*\)\s*;\s*\}}?"
)


class Streams(NamedTuple):
    """The PROCEDURE that takes the three numbers of a stream, the C pointer to it, and the FUNCTIONs that draw."""

    setter: str
    pointer: str
    picks: frozenset[str]


@cache
def of(text: str) -> Streams | None:
    """The random stream that each place of a mechanism has, in NMODL of the idiom; None where there is none."""
    setter, picks, pointers = "", set[str](), set[str]()
    for name, code in ROUTINE.findall(_without_comments_outside(text)):
        if NEW_STREAM.search(code):
            setter = name
        elif pointer := _drawn_from(name, code):
            picks.add(name)
            pointers.add(pointer)
    return Streams(setter, pointers.pop(), frozenset(picks)) if setter and len(pointers) == 1 else None


def goes_back(code: str) -> bool:
    """Whether all that C does is to go back to the first number of a stream."""
    return bool(FIRST_AGAIN.fullmatch(NOT_CODE.sub(" ", code).strip()))


def _drawn_from(function: str, code: str) -> str:
    """The pointer to the stream of which a FUNCTION returns the next number, and does nothing else; '' for another."""
    code = NOT_CODE.sub(" ", code)
    found = PICK.search(code)
    if found is None:
        return ""
    target, result = found[1], f"_l{function}"
    code = code[: found.start()] + " " + code[found.end() :]
    if target and target != result:
        code, left = re.subn(rf"(?:\b{result}\s*=|\breturn)\s*{target}\s*;", " ", code)
        if not left:
            return ""
    for pattern in AROUND:
        code = pattern.sub(" ", code)
    return "" if code.strip() else found[2]


def _without_comments_outside(text: str) -> str:
    """The same without comments, but for those in C, which are C's."""
    ends = [0, *(end for found in IN_C.finditer(text) for end in found.span()), len(text)]
    pieces = [text[first:last] for first, last in pairwise(ends)]
    return "".join(piece if number % 2 else without_comments(piece) for number, piece in enumerate(pieces))
