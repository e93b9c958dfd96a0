"""A folder of a user's own NMODL: its mechanisms by name, and what no engine may run of them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from functools import cache
from pathlib import Path

from ..schema import InputError
from . import linearity, nmodl
from .nmodl import Source

NEURONS_OWN = (
    *("pas", "hh", "fastpas", "capacitance", "extracellular", "morphology", "na_ion", "k_ion", "ca_ion"),
    *("IClamp", "SEClamp", "VClamp", "AlphaSynapse", "ExpSyn", "Exp2Syn", "APCount", "PatternStim"),
    *("NetStim", "IntFire1", "IntFire2", "IntFire4", "PointProcessMark"),
)  # names that NEURON has before anything is compiled
NAMES_A_MECHANISM = rf"\b(?:{nmodl.DENSITY}|{nmodl.POINT}|{nmodl.ARTIFICIAL})\s+(\w+)"
KINETIC = r"\bKINETIC\s+\w+"
TWO_SCHEMES = (
    "a second KINETIC block, with which NEURON's translation counts reactions of the first one twice without a word; "
    "put all reactions into one"
)
STANDS_NOWHERE = (
    "is an ARTIFICIAL_CELL, which stands on no membrane; to drive synapses with it, run it in NEURON and give its "
    "spikes (apical simulate --input-spikes FILE)"
)
INCLUDE = r"(?m)^\s*INCLUDE\s*\""


def files(folder: Path) -> list[Path]:
    """Its .mod files, in name order. Raises InputError where there is none."""
    if not folder.is_dir():
        is_file = "is a file, expected a folder of .mod files" if folder.exists() else "no such folder"
        raise InputError(f"mechanisms {folder}: {is_file}")
    found = _mod_files(folder)
    if not found:
        inner = next((each for each in sorted(folder.iterdir()) if each.is_dir() and _mod_files(each)), None)
        raise InputError(f"mechanisms {folder}: has no .mod file" + (f"; there are in {inner}" if inner else ""))
    return found


def read(folder: Path) -> dict[str, Source]:
    """Mechanism -> its file and text. Raises InputError for a folder without a mechanism, or two files of one name."""
    found: dict[str, Source] = {}
    for file in files(folder):
        try:
            source = nmodl.read(file)
        except OSError as error:
            raise InputError(f"mechanisms {file}: cannot be read ({error.strerror})") from error
        kind, name = nmodl.declared(source.text)
        if name in found:
            both = f"{found[name].file} and {source.file}"
            raise InputError(f"mechanisms {folder}: {both} are both of mechanism {name}; keep one of them")
        if kind:
            found[name] = source
    if not found:
        raise InputError(f"mechanisms {folder}: none of its .mod files has a SUFFIX or POINT_PROCESS")
    return found


def check(names: Iterable[str], sources: dict[str, Source]) -> None:
    """Raise InputError, with file and line, for one of these that no engine may run."""
    for name in names:
        if wrong := refusal(sources[name]):
            raise InputError(wrong)


def check_taken(names: Iterable[str], sources: dict[str, Source]) -> None:
    """Raise InputError, with file and line, for one of these that code of a model has set what it needs: a POINTER, or
    the numbers of a FUNCTION_TABLE."""
    for name in sorted(names):
        for pointer in nmodl.pointers(sources[name].text):
            why = f"POINTER {pointer} is set by code of the model, which a cell that was taken over is without"
            raise InputError(_at(sources[name], _declared(pointer), why))
        if wrong := without_numbers(sources[name]):
            raise InputError(wrong)


def without_numbers(source: Source, given: Collection[str] = ()) -> str:
    """The FUNCTION_TABLE of a file, with its line, whose numbers are not `given`; empty where none lacks them."""
    for function in nmodl.function_tables(source.text).keys() - given:
        table = f"tables.{nmodl.declared(source.text)[1]}.{function} = {{ x = […], y = […] }}"
        what = f"FUNCTION_TABLE {function} has its numbers from a parameter file: give {table} there"
        return _at(source, rf"\bFUNCTION_TABLE\s+({function})\b", what)
    return ""


@cache
def refusal(source: Source) -> str:
    """Why no engine may run it, with file and line; empty where one may."""
    kind, name = nmodl.declared(source.text)
    if name in NEURONS_OWN:
        return _at(source, NAMES_A_MECHANISM, f"NEURON has a {name} of its own; give yours another name")
    if kind == nmodl.POINT and name in nmodl.by_name(nmodl.sources(), (nmodl.POINT,)):
        why = f"apical puts a point process {name} of its own on cells; give yours another name"
        return _at(source, NAMES_A_MECHANISM, why)
    if kind == nmodl.ARTIFICIAL:
        return _at(source, NAMES_A_MECHANISM, f"{name} {STANDS_NOWHERE}")
    if re.search(INCLUDE, nmodl.without_comments(source.text)):
        return _at(source, INCLUDE, "INCLUDE of another file; write its text here, so that a dataset can keep it")
    for function, arguments in nmodl.function_tables(source.text).items():
        if arguments != 1:
            what = f"FUNCTION_TABLE {function} has {arguments} arguments, and apical knows tables of one"
            return _at(source, rf"\bFUNCTION_TABLE\s+({function})\b", what)
    for name in nmodl.pointers(source.text):
        if nmodl.sets(source.text, name):
            why = f"it sets POINTER {name}, a variable of another mechanism, or a number that stays what it is"
            return _at(source, _declared(name), why)
    if len(re.findall(KINETIC, nmodl.equations(source.text))) > 1:
        return f"{source.file}, line {nmodl.line_of(source.text, KINETIC, 1)}: {TWO_SCHEMES}"
    if state := linearity.wrong_state(source.text):
        return _at(source, rf"\b{state}\s*'", linearity.WRONG.format(state=state))
    return ""


def _at(source: Source, pattern: str, what: str) -> str:
    return f"{source.file}, line {nmodl.line_of(source.text, pattern)}: {what}"


def _declared(pointer: str) -> str:
    return rf"\bPOINTER\b[^\n]*\b{pointer}\b"


def _mod_files(folder: Path) -> list[Path]:
    return sorted(each for each in folder.iterdir() if each.suffix.lower() == ".mod" and each.is_file())
