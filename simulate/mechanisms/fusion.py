"""Membrane mechanisms that stand together become one: the same equations, generated from their NMODL.

A cell's region holds up to a dozen mechanisms. Each costs every time step its own passes over the segments, its own
gathering of voltages and ion concentrations and its own scattering of currents, and those cost more than the kinetics.
The mechanism that `fuse` writes has the union of their states and parameters, sums their currents before it hands them
on, keeps calcium and its reversal potential to itself, and knows its conductance instead of differencing for it.
`step` makes receptors for fixed steps, which take the decay of a state over a step once, not at every step.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from .nmodl import REVERSALS

PASSIVE = """
NEURON { SUFFIX pas NONSPECIFIC_CURRENT i RANGE g, e }
PARAMETER { g = 0.001 (S/cm2) e = -70 (mV) }
ASSIGNED { v (mV) i (mA/cm2) }
BREAKPOINT { i = g * (v - e) }
"""  # NEURON's own mechanism of that name
SHARED = {"v", "eca", "cai", *REVERSALS}  # mean the same in every mechanism
NEURONS_OWN = {"celsius", "dt", "t", "area", "diam"}  # not a mechanism's, though it declares them
CURRENT = re.compile(r"^\s*(i|i\w+)\s*=\s*(.+?)\s*\*\s*\(v - (\w+)\)\s*$")  # what a fused current must look like
DECAY = re.compile(r"(\w+)' = -\1 / (\w+)$")
CONSTANT = re.compile(r"\w+(?=\s*=\s*[\d.+-])")  # in UNITS: a number, not a unit or (faraday)
WORD = re.compile(r"\b[A-Za-z_]\w*\b")


class CannotFuse(ValueError):
    """These mechanisms have to stay single; the message says why."""


def name_of(mechanisms: Sequence[str]) -> str:
    """The name of the mechanism fused from `mechanisms`.

    >>> name_of(["pas", "Ih"]) == name_of(["Ih", "pas"])
    True
    """
    return "Fused_" + hashlib.sha256(" ".join(sorted(mechanisms)).encode()).hexdigest()[:8]


def name_of_stepped(point_process: str) -> str:
    """The name of a point process as `step` writes it."""
    return f"FixedStep_{point_process}"


def step(name: str, text: str) -> str:
    """The NMODL of point process `name` with each state's decay over a step computed once, at initialisation.

    Raises CannotFuse where a state has no constant time constant.
    """
    blocks = _blocks(text)
    derivative = next(header for header in blocks if header.startswith("DERIVATIVE"))
    decaying = [DECAY.match(line) for line in _body(blocks.pop(derivative))]
    if not all(decaying):
        raise CannotFuse(f"{name}: a state does more than decay with a constant time constant")
    decays = {found[1]: found[2] for found in decaying if found}
    blocks["NEURON"] = re.sub(rf"\b{name}\b", name_of_stepped(name), blocks["NEURON"])
    blocks["BREAKPOINT"] = re.sub(r"SOLVE (\w+) METHOD cnexp", r"SOLVE \1", blocks["BREAKPOINT"])
    blocks["ASSIGNED"] += "".join(f"    {state}_decay\n" for state in decays) + "    dt (ms)\n"
    blocks["INITIAL"] += "".join(f"    {state}_decay = exp(-dt / {tau})\n" for state, tau in decays.items())
    advance = "".join(f"    {state} = {state} * {state}_decay\n" for state in decays)
    blocks[derivative.replace("DERIVATIVE", "PROCEDURE") + "()"] = f"\n{advance}"
    return "\n".join(f"{header} {{{body}}}" for header, body in blocks.items()) + "\n"


def fuse(mechanisms: Sequence[str], texts: Mapping[str, str]) -> str:
    """The NMODL of the mechanism fused from `mechanisms`; texts: name -> NMODL (NEURON's own `pas` is known).

    A parameter or state x of mechanism M is M_x in it; ena and ek are its parameters. Conductances are exact, so one
    evaluation of the currents a step does. With its range variable `second_order` at 1 calcium takes the current of the
    step's middle, as NEURON does with secondorder = 2.
    Raises CannotFuse for mechanisms of another form.
    """
    # NEURON advances mechanisms in the order of their names, so calcium before what it opens.
    known = {"pas": PASSIVE} | dict(texts)
    if unknown := set(mechanisms) - set(known):
        raise CannotFuse(f"no NMODL of {', '.join(sorted(unknown))}")
    parts = [_part(name, known[name]) for name in sorted(mechanisms)]
    currents = [current for part in parts for current in part.currents]
    calcium = [current for current in currents if current.ion == "ca"]
    writes_cai = [part for part in parts if "cai" in part.states]
    if (calcium or any("cai" in part.reads for part in parts)) and len(writes_cai) != 1:
        raise CannotFuse("calcium needs one mechanism that keeps its concentration")
    units = {line for part in parts for line in part.units}
    constants = Counter(line.split("=")[0].strip() for line in units if not line.startswith("("))
    if twice := [name for name, n in constants.items() if n > 1]:
        raise CannotFuse(f"{', '.join(sorted(twice))} in UNITS is not the same in all of them")
    states = [name for part in parts for name in part.states]
    reversals = sorted(set(REVERSALS) & {current.reversal for current in currents})
    ranges = [*reversals, *["second_order"] * bool(writes_cai), *(name for part in parts for name in part.ranges)]
    return "\n".join(
        [
            f"TITLE {', '.join(sorted(mechanisms))} as one mechanism, generated: see fusion.py and their own files",
            _block(
                "NEURON",
                "THREADSAFE",
                f"SUFFIX {name_of(mechanisms)}",
                "NONSPECIFIC_CURRENT i",
                *([f"RANGE {', '.join(ranges)}"] if ranges else []),
            ),
            _block("UNITS", *sorted(units | {"(mV) = (millivolt)"})),
            _block(
                "PARAMETER",
                *(f"{name} = 0 (mV)" for name in reversals),
                *(["second_order = 0", "cao = 2 (mM)", "celsius (degC)"] if writes_cai else []),
                *(line for part in parts for line in part.parameters),
            ),
            _block(
                "ASSIGNED",
                "v (mV)",
                "i (mA/cm2)",
                *(["ica (mA/cm2)", "gca (S/cm2)", "v_before (mV)"] if writes_cai else []),
                *(line for part in parts for line in part.assigned),
            ),
            *([_block("STATE", *states)] if states else []),
            _block(
                "BREAKPOINT",
                f"LOCAL conductance, {', '.join(current.conductance_name for current in currents)}"
                + (", eca" if calcium else ""),
                "CONDUCTANCE conductance",
                *(["SOLVE states METHOD cnexp"] if states else []),
                # Nernst as NEURON has it: R and F of CODATA 2018
                *(
                    ["eca = 1000 * 8.31446261815324 * (celsius + 273.15) / (2 * 96485.3321233100184) * log(cao / cai)"]
                    * bool(calcium)
                ),
                *(f"{current.conductance_name} = {current.conductance}" for current in currents),
                f"conductance = {' + '.join(current.conductance_name for current in currents)}",
                f"i = {' + '.join(current.expression for current in currents)}",
                *(
                    [
                        f"gca = {' + '.join(current.conductance_name for current in calcium) or '0'}",
                        f"ica = {'gca * (v - eca)' if calcium else '0'}",
                        "v_before = v",
                    ]
                    if writes_cai
                    else []
                ),
            ),
            _block(
                "INITIAL",
                *_locals(part.initial_locals for part in parts),
                *(["cai = 5e-5"] if writes_cai else []),  # NEURON's default
                *(line for part in parts for line in part.initial),
            ),
            *([_block("DERIVATIVE states", *_derivative(parts, bool(writes_cai)))] if states else []),
            *(function for part in parts for function in part.functions),
            "",
        ]
    )


@dataclass(frozen=True)
class _Current:
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
class _Part:
    """One mechanism in the fused one's names."""

    units: list[str]
    parameters: list[str]
    assigned: list[str]
    ranges: list[str]
    reads: list[str]
    states: list[str]
    currents: list[_Current]
    initial: list[str]
    derivative: list[str]
    initial_locals: list[str]
    derivative_locals: list[str]
    functions: list[str]


def _part(name: str, text: str) -> _Part:
    blocks = _blocks(text)
    ions = re.findall(r"USEION (\w+)([^\n]*)", blocks["NEURON"])
    reads = [word for _, rest in ions for word in re.findall(r"READ ([\w, ]+?)(?: WRITE|$)", rest.strip())]
    parameters = _declared(blocks.get("PARAMETER", ""))
    assigned = _declared(blocks.get("ASSIGNED", ""))
    states = re.findall(r"\w+", re.sub(r"\([^)]*\)", "", blocks.get("STATE", "")))
    constants = CONSTANT.findall(blocks.get("UNITS", ""))
    functions = {h: b for h, b in blocks.items() if h.split()[0] in ("FUNCTION", "PROCEDURE")}
    local = {name for body in blocks.values() for name in _local(body)}
    own = (
        {*parameters, *constants, *assigned, *states, *local, *(re.findall(r"\w+", header)[1] for header in functions)}
        - SHARED
        - {"ica"}
    )

    if own & NEURONS_OWN:
        raise CannotFuse(f"{name}: uses NEURON's {', '.join(sorted(own & NEURONS_OWN))}")

    def renamed(text: str) -> str:
        return WORD.sub(lambda found: f"{name}_{found[0]}" if found[0] in own else found[0], text)

    currents, rest = [], []
    for line in _lines(blocks.get("BREAKPOINT", "")):
        found = CURRENT.match(line)
        if found and not re.search(r"\bv\b", found[2]):  # else the current is not linear in v
            ion = found[1][1:] if found[1][1:] in ("na", "k", "ca") else ""
            currents.append(_Current(name, ion, renamed(found[2]), renamed(found[3])))
        elif not line.startswith("SOLVE"):
            rest.append(line)
    if rest or len(currents) > 1:
        raise CannotFuse(f"{name}: BREAKPOINT is not one current of the form g * (v - e)")
    written = {current.ion for current in currents}
    kept = [n for n in assigned if n not in SHARED and n not in ("i", "ica") and n[1:] not in written]
    ranges = [word for line in re.findall(r"RANGE ([\w, ]+)", blocks["NEURON"]) for word in line.strip().split(", ")]
    derivative = next((b for h, b in blocks.items() if h.startswith("DERIVATIVE")), "")
    return _Part(
        units=_lines(CONSTANT.sub(lambda found: renamed(found[0]), blocks.get("UNITS", ""))),
        parameters=[renamed(f"{n} {rest}".strip()) for n, rest in parameters.items()],
        assigned=[renamed(f"{n} {assigned[n]}".strip()) for n in kept],
        ranges=[renamed(n) for n in ranges if n in parameters or n in kept],
        reads=reads,
        states=[renamed(n) for n in states],
        currents=currents,
        initial=_body(renamed(blocks.get("INITIAL", ""))),
        derivative=_body(renamed(derivative)),
        initial_locals=[renamed(n) for n in _local(blocks.get("INITIAL", ""))],
        derivative_locals=[renamed(n) for n in _local(derivative)],
        functions=[f"{renamed(header)} {{{renamed(body)}}}" for header, body in functions.items()],
    )


def _derivative(parts: Sequence[_Part], calcium: bool) -> list[str]:
    return [
        *_locals(part.derivative_locals for part in parts),
        *(["ica = ica + second_order * gca * (v - v_before) / 2"] if calcium else []),
        *(line for part in parts for line in part.derivative),
    ]


def _locals(names: Iterable[Sequence[str]]) -> list[str]:
    together = ", ".join(name for each in names for name in each)
    return [f"LOCAL {together}"] if together else []


def _blocks(text: str) -> dict[str, str]:
    """Top-level blocks, header -> body, without comments."""
    text = re.sub(r":.*", "", re.sub(r"(?m)^TITLE.*$", "", text))
    blocks, at = {}, 0
    while (start := text.find("{", at)) >= 0:
        depth, end = 1, start + 1
        while depth:
            depth += {"{": 1, "}": -1}.get(text[end], 0)
            end += 1
        blocks[" ".join(text[at:start].split())] = text[start + 1 : end - 1]
        at = end
    return blocks


def _declared(body: str) -> dict[str, str]:
    """Declarations of a PARAMETER or ASSIGNED block: name -> what follows it."""
    return dict(re.findall(r"(\w+)[ ]*((?:=\s*[\w.+-]+)?[ ]*(?:\([^)]*\))?)", body))


def _local(body: str) -> list[str]:
    return [name for line in re.findall(r"LOCAL ([\w, ]+)", body) for name in line.strip().split(", ")]


def _lines(body: str) -> list[str]:
    return [line.strip() for line in body.splitlines() if line.strip()]


def _body(body: str) -> list[str]:
    return [line for line in _lines(body) if not line.startswith("LOCAL")]


def _block(header: str, *lines: str) -> str:
    return "\n".join([f"{header} {{", *(f"    {line}" for line in lines), "}"])
