"""One mechanism as fusion needs it: what it declares and does, each name with the mechanism's before it.

Read from what NEURON's own parser prints, which is a statement a line without comments, however the file was written.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from ..schema.input_error import one_line
from .nmodl import REVERSALS

IONS = ("na", "k", "ca")
OF_IONS = {"cai", "eca", "ica", *REVERSALS}  # variables of ions that a mechanism may read
SHARED = {"v", "celsius", "cai", "eca", *REVERSALS}  # mean the same in every mechanism
NEURONS_OWN = {"dt", "t", "area", "diam"}  # not a mechanism's, though it declares them
BLOCKS = "NEURON UNITS PARAMETER ASSIGNED STATE INITIAL BREAKPOINT DERIVATIVE FUNCTION PROCEDURE".split()  # noqa: SIM905
DECLARATIONS = "THREADSAFE SUFFIX USEION NONSPECIFIC_CURRENT RANGE GLOBAL".split()  # noqa: SIM905
CURRENT = re.compile(r"(i\w*) = (.+)\*\(v-(\w+)\)")  # what a fused current must look like
DECLARED = re.compile(r"(\w+)(?: = (\S+))?(?: (\([^)]*\)))?(?: <[^>]*>)?")  # name, number, unit
CONSTANT = re.compile(r"\w+(?=\s*=\s*[\d.+-])")  # in UNITS: a number, not a unit or (faraday)
NUMBER = re.compile(r"(?<![\w.])(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
WORD = re.compile(r"(?<![\w.])[A-Za-z_]\w*\b")
TEXTS = re.compile(r"^COMMENT$.*?^ENDCOMMENT$|^TITLE\b[^\n]*|:[^\n]*", re.DOTALL | re.MULTILINE)


class CannotFuse(ValueError):
    """These mechanisms have to stay single; the message says why."""


@dataclass(frozen=True)
class Current:
    """A current conductance * (v - reversal); ion: na, k, ca, or '' for one of no ion."""

    mechanism: str
    ion: str
    conductance: str
    reversal: str

    @property
    def conductance_name(self) -> str:
        return f"{self.mechanism}_conductance"

    @property
    def expression(self) -> str:
        return f"{self.conductance_name} * (v - {self.reversal})"


@dataclass(frozen=True)
class Part:
    """One mechanism in the fused one's names. before: what BREAKPOINT calculates for the conductance."""

    units: list[str]
    parameters: list[str]
    assigned: list[str]
    ranges: list[str]
    reads: set[str]
    states: list[str]
    before: list[str]
    currents: list[Current]
    initial: list[str]
    derivative: list[str]
    locals: dict[str, list[str]]
    functions: list[str]


def part(name: str, text: str) -> Part:
    """The mechanism `name` with NMODL `text`. Raises CannotFuse for what the fused text could not say."""
    blocks = blocks_of(name, text)
    for header in blocks:
        if header.split()[0] not in BLOCKS:
            raise CannotFuse(f"{name}: has {header.split()[0]}")
    if "NEURON" not in blocks:
        raise CannotFuse(f"{name}: has no NEURON block")
    reads = _declarations(name, blocks["NEURON"])
    parameters, assigned, states = (_declared(name, blocks.get(kind, [])) for kind in BLOCKS[2:5])
    constants = CONSTANT.findall("\n".join(blocks.get("UNITS", [])))
    calculating = set(blocks) - {"NEURON", "PARAMETER", "ASSIGNED", "BREAKPOINT"}
    routines = [header.split()[1].split("(")[0] for header in blocks if header.startswith(("FUNCTION", "PROCEDURE"))]
    local = {kind: _locals(body) for kind, body in blocks.items()}
    own = {*parameters, *assigned, *states, *constants, *routines, *(word for each in local.values() for word in each)}
    if taken := own & NEURONS_OWN:
        raise CannotFuse(f"{name}: uses NEURON's {', '.join(sorted(taken))}")
    own -= SHARED | {"ica"}

    def renamed(line: str) -> str:
        return WORD.sub(lambda found: f"{name}_{found[0]}" if found[0] in own else found[0], line)

    before, current, solved = _breakpoint(name, blocks.get("BREAKPOINT", []), routines)
    derivatives = [header.split()[1] for header in blocks if header.startswith("DERIVATIVE")]
    if solved != derivatives:
        raise CannotFuse(f"{name}: BREAKPOINT does not solve its one DERIVATIVE with METHOD cnexp")
    if "cai" not in states and re.search(r"\bWRITE\b.*\bcai\b", "\n".join(blocks["NEURON"])):
        raise CannotFuse(f"{name}: writes cai, which is no STATE of it")
    if any("eca" in WORD.findall(line) for header, body in blocks.items() if header in calculating for line in body):
        raise CannotFuse(f"{name}: calculates with eca")
    written = {ion for ion in IONS if re.search(rf"\bWRITE\b.*\bi{ion}\b", "\n".join(blocks["NEURON"]))}
    currents = [
        Current(name, ion if ion in written else "", renamed(conductance), renamed(reversal))
        for ion, conductance, reversal in current
    ]
    kept = {
        each: line for each, line in assigned.items() if each not in SHARED | {"ica", "i"} | {f"i{i}" for i in IONS}
    }
    set_from_outside = {each: line for each, line in parameters.items() if each not in SHARED}
    ranges = re.findall(r"\w+", " ".join(line[5:] for line in blocks["NEURON"] if line.startswith("RANGE")))
    derivative = f"DERIVATIVE {derivatives[0]}" if derivatives else ""
    return Part(
        units=[CONSTANT.sub(lambda found: renamed(found[0]), line) for line in blocks.get("UNITS", [])],
        parameters=[line.replace(each, f"{name}_{each}", 1) for each, line in set_from_outside.items()],
        assigned=[line.replace(each, f"{name}_{each}", 1) for each, line in kept.items()],
        ranges=[renamed(each) for each in ranges if each in {*set_from_outside, *kept}],
        reads=reads | ({"celsius"} & {*parameters, *assigned}),
        states=[renamed(each) for each in states],
        before=[renamed(line) for line in before],
        currents=currents,
        initial=[renamed(line) for line in without_locals(blocks.get("INITIAL", []))],
        derivative=[renamed(line) for line in without_locals(blocks.get(derivative, []))],
        locals={
            kind: [renamed(each) for each in local.get(header, [])]
            for kind, header in (("INITIAL", "INITIAL"), ("DERIVATIVE", derivative), ("BREAKPOINT", "BREAKPOINT"))
        },
        functions=[
            "\n".join([f"{renamed(_without_units(header))} {{", *(f"    {renamed(line)}" for line in body), "}"])
            for header, body in blocks.items()
            if header.startswith(("FUNCTION", "PROCEDURE"))
        ],
    )


@cache
def blocks_of(name: str, text: str) -> dict[str, list[str]]:
    """The top-level blocks of NMODL, header -> lines. Raises CannotFuse for text with other things at its top level."""
    from neuron import nmodl

    try:
        printed = nmodl.to_nmodl(nmodl.NmodlDriver().parse_string(text))
    except RuntimeError as error:
        raise CannotFuse(f"{name}: the NMODL parser cannot read it ({one_line(error)})") from error
    if re.search(r"^ *VERBATIM$", printed, re.MULTILINE):
        raise CannotFuse(f"{name}: has VERBATIM")
    blocks: dict[str, list[str]] = {}
    body: list[str] = []
    for line in TEXTS.sub("", printed).splitlines():
        if line.startswith(" "):
            body.append(line.strip())
        elif line.endswith("{"):
            body = blocks[line.removesuffix("{").strip()] = []
        elif line.strip() not in ("", "}", "UNITSOFF", "UNITSON"):
            raise CannotFuse(f"{name}: has {line.split()[0]} outside of a block")
    idle = ("", "UNITSOFF", "UNITSON")
    return {header: [line for line in lines if line not in idle] for header, lines in blocks.items()}


def without_locals(lines: Sequence[str]) -> list[str]:
    return [line for line in lines if not line.startswith("LOCAL")]


def _locals(lines: Sequence[str]) -> list[str]:
    return [word for line in lines if line.startswith("LOCAL") for word in re.findall(r"\w+", line)[1:]]


def _without_units(header: str) -> str:
    """`FUNCTION f(v(mV)) (1)` as `FUNCTION f(v)`."""
    kind, rest = header.split(maxsplit=1)
    routine, _, arguments = rest.partition("(")
    names = re.sub(r"\([^()]*\)", "", arguments).partition(")")[0]
    return f"{kind} {routine}({names})"


def _declarations(name: str, lines: Sequence[str]) -> set[str]:
    """What it reads of ions."""
    reads: set[str] = set()
    for line in lines:
        words = re.findall(r"\w+", line)
        if words[0] not in DECLARATIONS:
            raise CannotFuse(f"{name}: has {words[0]}")
        if words[0] == "USEION":
            read = re.search(r"READ ([\w, ]+?)(?: WRITE| VALENCE|$)", line)
            write = re.search(r"WRITE ([\w, ]+?)(?: READ| VALENCE|$)", line)
            reads |= set(re.findall(r"\w+", read[1])) if read else set()
            writes = set(re.findall(r"\w+", write[1])) if write else set()
            if words[1] not in IONS or not reads <= OF_IONS or not writes <= {"cai", *(f"i{ion}" for ion in IONS)}:
                raise CannotFuse(f"{name}: {line}")
    return reads


def _declared(name: str, lines: Sequence[str]) -> dict[str, str]:
    """What a PARAMETER, ASSIGNED or STATE block declares: name -> its line, without limits."""
    found = {}
    for line in lines:
        declared = DECLARED.fullmatch(line)
        if declared is None:
            raise CannotFuse(f"{name}: declares {line}")
        found[declared[1]] = re.sub(r" <[^>]*>", "", line)
    return found


def _breakpoint(
    name: str, lines: Sequence[str], routines: Sequence[str]
) -> tuple[list[str], list[tuple[str, str, str]], list[str]]:
    """Statements before the current, the current as (ion, conductance, reversal), and what is solved."""
    before: list[str] = []
    currents: list[tuple[str, str, str]] = []
    solved: list[str] = []
    other = CannotFuse(f"{name}: BREAKPOINT is not one current of the form g * (v - e)")
    for line in without_locals(lines):
        if line.startswith("CONDUCTANCE"):
            continue  # the fused one has its own
        if found := re.fullmatch(r"SOLVE (\w+) METHOD cnexp", line):
            solved.append(found[1])
            continue
        current = CURRENT.fullmatch(line)
        calculated = re.fullmatch(r"(\w+) = (.+)", line)
        conductance = current[2] if current else calculated[2] if calculated else "v"
        if {"v", *routines} & set(WORD.findall(conductance)) or currents:
            raise other
        if current:
            if not _is_product(conductance):
                raise other
            currents.append((current[1][1:], conductance, current[3]))
        else:
            before.append(line)
    if before and not currents:
        raise other
    return before, currents, solved


def _is_product(text: str) -> bool:
    """Whether no + or - stands outside of parentheses: then g * (v - e) multiplies all of it."""
    depth = 0
    for character in NUMBER.sub("1", text):
        depth += {"(": 1, ")": -1}.get(character, 0)
        if depth < 0 or (depth == 0 and character in "+-"):
            return False
    return True
