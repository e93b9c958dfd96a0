"""What a parameter file may set: each mechanism's parameters with their units, read from the NMODL itself.

So the list cannot drift from what NEURON compiles, and reading a parameter file does not need NEURON.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files as packaged
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict

from .units import normal

REVERSALS = {"ek": "mV", "ena": "mV"}  # of an ion, the same for all mechanisms of a region
DENSITY, POINT, ARTIFICIAL = "SUFFIX", "POINT_PROCESS", "ARTIFICIAL_CELL"
NO_MECHANISM = "nothing"  # the SUFFIX of a file that only brings functions for hoc
COMMENTS = re.compile(
    r"""
    "[^"\n]*"                           # text, which is none
    | \bCOMMENT\b .*? \bENDCOMMENT\b
    | ^[ \t]*TITLE\b [^\n]*
    | [:?] [^\n]*
    """,
    re.DOTALL | re.MULTILINE | re.VERBOSE,
)
PARAMETER = re.compile(r"(\w+)[ \t]*(?:\[\w+\])?[ \t]*(=\s*[-+.\w]+)?[ \t]*(?:\(([^)]*)\))?(?:\s*<[^>]*>)?")
USEION = re.compile(r"\bUSEION\s+(\w+)((?:\s+(?:READ|WRITE)\s+\w+(?:\s*,\s*\w+)*)*)")
OTHER_THAN_EQUATIONS = re.compile(
    r"\bVERBATIM\b.*?\bENDVERBATIM\b|\b(?:NEURON|ASSIGNED|PARAMETER|UNITS)\s*\{[^}]*\}", re.DOTALL
)
TABLE = r"\bTABLE\b"
FUNCTION_TABLE = r"\bFUNCTION_TABLE\s+(\w+)\s*\(((?:[^()]|\([^()]*\))*)\)"
OF_THE_SEGMENT = {"v", "t", "dt", "celsius", "area", "diam"}


class Source(BaseModel):
    """The NMODL of a mechanism: the name of its file, and the text."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    file: str
    text: str


class Mechanism(NamedTuple):
    """What may be set of it, parameter -> unit ('1' for none), and the reversal potentials that it needs.

    A POINTER is a parameter too: it points to the number that is given for it.

    unset: parameters for which the NMODL has no number. concentrations: ions of which it reads or writes one. weight:
    the unit of an event's weight; None where it receives no events. pointers: POINTER -> its number, if it has one.
    variables: what a POINTER of another mechanism may point to.
    """

    parameters: dict[str, str]
    reversals: tuple[str, ...] = ()
    unset: tuple[str, ...] = ()
    concentrations: tuple[str, ...] = ()
    weight: str | None = None
    pointers: Mapping[str, float | None] = MappingProxyType({})
    variables: tuple[str, ...] = ()


# Compiled into NEURON: their units as `h.units` gives them
BUILT_IN = {
    "pas": Mechanism({"g": "S/cm2", "e": "mV"}),
    "hh": Mechanism(
        {"gnabar": "S/cm2", "gkbar": "S/cm2", "gl": "S/cm2", "el": "mV"},
        ("ek", "ena"),
        variables=("m", "h", "n", "gna", "gk"),
    ),
}
WITH_TABLES = {"hh"}  # of NEURON's own
BUILT_IN_POINTS = {  # those of them that receive events
    "ExpSyn": Mechanism({"tau": "ms", "e": "mV"}, weight="uS"),
    "Exp2Syn": Mechanism({"tau1": "ms", "tau2": "ms", "e": "mV"}, weight="uS"),
}


def sources() -> list[Path]:
    """The shipped NMODL files, in name order."""
    return sorted(Path(str(f)) for f in packaged(__package__).iterdir() if f.name.endswith(".mod"))


def read(file: Path) -> Source:
    """A file's content; comments of old files are often in Latin-1."""
    content = file.read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    return Source(file=file.name, text="\n".join(text.splitlines()) + "\n")


def by_name(files: Iterable[Path], kinds: Iterable[str] = (DENSITY, POINT)) -> dict[str, Source]:
    """The mechanisms of these kinds, by the name that NEURON knows them by."""
    found = {}
    for source in map(read, files):
        kind, name = declared(source.text)
        if kind in kinds:
            found[name] = source
    return found


def mechanisms(files: Iterable[Path]) -> dict[str, Mechanism]:
    """The mechanisms that a region can have: NEURON's own and those of `files`.

    Point processes are left out: synapses and electrodes are placed, not spread over a region.
    """
    return BUILT_IN | {name: mechanism(source.text) for name, source in by_name(files, (DENSITY,)).items()}


def declared(text: str) -> tuple[str, str]:
    """Whether it is a SUFFIX, POINT_PROCESS or ARTIFICIAL_CELL, and its name; two empty texts for no mechanism."""
    found = re.search(rf"\b({DENSITY}|{POINT}|{ARTIFICIAL})\s+(\w+)", _block(without_comments(text), "NEURON"))
    return (found[1], found[2]) if found and found[2] != NO_MECHANISM else ("", "")


@cache
def mechanism(text: str) -> Mechanism:
    """What the NMODL of one mechanism lets a user set."""
    text = without_comments(text)
    neuron = _block(text, "NEURON")
    ranged = _ranged(neuron)
    ions = {ion: re.findall(r"(READ|WRITE)\s+(\w+(?:\s*,\s*\w+)*)", used) for ion, used in USEION.findall(neuron)}
    of_ions = {name for used in ions.values() for _, names in used for name in re.findall(r"\w+", names)}
    pointing = pointed = {*pointers(text)}
    entries = [
        (name, number, unit)
        for name, number, unit in PARAMETER.findall(_block(text, "PARAMETER"))
        if name in (ranged | pointing) - of_ions - OF_THE_SEGMENT
    ]
    pointing = pointing - {name for name, _, _ in entries}
    entries += [each for each in PARAMETER.findall(_block(text, "ASSIGNED")) if each[0] in pointing]
    entries += [(name, "", "") for name in sorted(pointing - {name for name, _, _ in entries})]
    weight = re.search(r"\bNET_RECEIVE\s*\(\s*\w+\s*(?:\(([^)]*)\))?", text)
    return Mechanism(
        {name: normal(unit) for name, _, unit in entries},
        tuple(f"e{ion}" for ion, used in ions.items() if ("READ", f"e{ion}") in _words(used)),
        tuple(name for name, number, _ in entries if not number),
        tuple(ion for ion, used in ions.items() if {f"{ion}i", f"{ion}o"} & {name for _, name in _words(used)}),
        normal(weight[1] or "") if weight else None,
        {name: float(number.lstrip("= ")) if number else None for name, number, _ in entries if name in pointers(text)},
        tuple(sorted((ranged | _states(text)) - of_ions - OF_THE_SEGMENT - pointed - _arrays(text))),
    )


@cache
def of_all_places(text: str) -> dict[str, str]:
    """The parameters of a mechanism that are the same wherever it stands, sorted, with their units."""
    text = without_comments(text)
    neuron = _block(text, "NEURON")
    of_ions = set(re.findall(r"\w+", " ".join(used for _, used in USEION.findall(neuron))))
    units = {name: normal(unit) for name, _, unit in PARAMETER.findall(_block(text, "PARAMETER"))}
    names = units.keys() - _ranged(neuron) - of_ions - OF_THE_SEGMENT - {*pointers(text)}
    return {name: units[name] for name in sorted(names)}


@cache
def pointers(text: str) -> list[str]:
    """The POINTERs that its equations follow; what only VERBATIM follows, that asks whether it is set."""
    written = " ".join(re.findall(r"\bPOINTER\s+(\w+(?:\s*,\s*\w+)*)", without_comments(text)))
    followed = {*re.findall(r"\w+", equations(text))}
    return [name for name in re.findall(r"\w+", written) if name in followed]


@cache
def has_table(text: str) -> bool:
    """Whether one of its routines is looked up in a TABLE."""
    return bool(re.search(TABLE, equations(text)))


@cache
def function_tables(text: str) -> dict[str, int]:
    """Each FUNCTION_TABLE, of which others bring the numbers -> how many arguments it has."""
    found = re.findall(FUNCTION_TABLE, without_comments(text))
    return {name: len(re.sub(r"\([^)]*\)", "", arguments).split(",")) for name, arguments in found}


def tabulated(text: str) -> str:
    """The routines that are looked up in a TABLE, and those that they call, as they are written."""
    _, *rest = re.split(r"\b(?:FUNCTION|PROCEDURE)\s+(?=\w)", without_comments(text))
    routines = {re.match(r"\w+", each)[0]: _to_its_end(each) for each in rest}  # type: ignore[index]
    found = {name for name, written in routines.items() if re.search(TABLE, written)}
    while more := {name for each in found for name in re.findall(r"\w+", routines[each])} & routines.keys() - found:
        found |= more
    return "\n".join(routines[name] for name in sorted(found))


def _to_its_end(block: str) -> str:
    """A block, up to the brace that closes it."""
    depth = 0
    for found in re.finditer(r"[{}]", block):
        depth += 1 if found[0] == "{" else -1
        if not depth:
            return block[: found.end()]
    return block


def sets(text: str, name: str) -> bool:
    """Whether one of its blocks sets that variable, or an element of that array."""
    return bool(re.search(rf"\b{name}\s*(?:\[[^]]*\]\s*)?=(?!=)", equations(text)))


def equations(text: str) -> str:
    """The same without comments, VERBATIM and declarations."""
    return OTHER_THAN_EQUATIONS.sub("", without_comments(text))


@cache
def without_comments(text: str) -> str:
    """The same with comments as spaces, so that places stay what they were."""

    def blank(found: re.Match) -> str:
        return found[0] if found[0].startswith('"') else re.sub(r"[^\n]", " ", found[0])

    return COMMENTS.sub(blank, text)


def line_of(text: str, pattern: str, which: int = 0) -> int:
    """The line where `pattern`, or a group of it, stands outside of comments; `which`: of several places, from 0."""
    found = [*re.finditer(pattern, without_comments(text))][which : which + 1]
    return text.count("\n", 0, found[0].start(found[0].lastindex or 0)) + 1 if found else 1


def _ranged(neuron: str) -> set[str]:
    """What a NEURON block declares to differ from place to place."""
    return set(re.findall(r"\w+", " ".join(re.findall(r"\bRANGE\s+(\w+(?:\s*,\s*\w+)*)", neuron))))


def _states(text: str) -> set[str]:
    """The states of a mechanism, arrays of them left out."""
    beside = r"\([^)]*\)|<[^>]*>|\b(?:FROM|TO|START)\s+\S+|\w+\s*\[[^]]*\]"
    return set(re.findall(r"\w+", re.sub(beside, " ", _block(text, "STATE"))))


def _arrays(text: str) -> set[str]:
    return set(re.findall(r"(\w+)\s*\[", _block(text, "ASSIGNED") + _block(text, "PARAMETER")))


def _words(used: list[tuple[str, str]]) -> set[tuple[str, str]]:
    return {(how, name) for how, names in used for name in re.findall(r"\w+", names)}


def _block(text: str, name: str) -> str:
    found = re.search(rf"\b{name}\s*\{{([^}}]*)\}}", text)
    return found[1] if found else ""
