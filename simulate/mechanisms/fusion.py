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

from .fusible import CannotFuse, Part, blocks_of, part, without_locals
from .nmodl import REVERSALS

PASSIVE = """
NEURON { SUFFIX pas NONSPECIFIC_CURRENT i RANGE g, e }
PARAMETER { g = 0.001 (S/cm2) e = -70 (mV) }
ASSIGNED { v (mV) i (mA/cm2) }
BREAKPOINT { i = g * (v - e) }
"""  # NEURON's own mechanism of that name
DECAY = re.compile(r"(\w+)' = -\1/(\w+)")


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
    blocks = dict(blocks_of(name, text))
    derivative = next(header for header in blocks if header.startswith("DERIVATIVE"))
    decaying = [DECAY.fullmatch(line) for line in without_locals(blocks.pop(derivative))]
    if not all(decaying):
        raise CannotFuse(f"{name}: a state does more than decay with a constant time constant")
    decays = {found[1]: found[2] for found in decaying if found}
    blocks["NEURON"] = [re.sub(rf"\b{name}\b", name_of_stepped(name), line) for line in blocks["NEURON"]]
    blocks["BREAKPOINT"] = [re.sub(r"SOLVE (\w+) METHOD cnexp", r"SOLVE \1", line) for line in blocks["BREAKPOINT"]]
    blocks["ASSIGNED"] = [*blocks["ASSIGNED"], *(f"{state}_decay" for state in decays), "dt (ms)"]
    blocks["INITIAL"] = [*blocks["INITIAL"], *(f"{state}_decay = exp(-dt / {tau})" for state, tau in decays.items())]
    advance = [f"{state} = {state} * {state}_decay" for state in decays]
    blocks[derivative.replace("DERIVATIVE", "PROCEDURE") + "()"] = advance
    return "\n".join(_block(header, *lines) for header, lines in blocks.items()) + "\n"


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
    parts = [part(name, known[name]) for name in sorted(mechanisms)]
    calcium = any(current.ion == "ca" for part in parts for current in part.currents)
    writes_cai = [part for part in parts if "cai" in part.states]
    if (calcium or any(part.reads & {"cai", "ica", "eca"} for part in parts)) and len(writes_cai) != 1:
        raise CannotFuse("calcium needs one mechanism that keeps its concentration")
    units = _units(line for part in parts for line in part.units)
    constants = Counter(line.split("=")[0].strip() for line in units if not line.startswith("("))
    if twice := [name for name, n in constants.items() if n > 1]:
        raise CannotFuse(f"{', '.join(sorted(twice))} in UNITS is not the same in all of them")
    states = [name for part in parts for name in part.states]
    reversals = sorted({name for part in parts for name in part.reads & set(REVERSALS)})
    celsius = writes_cai or any("celsius" in part.reads for part in parts)
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
            _block("UNITS", *units),
            _block(
                "PARAMETER",
                *(f"{name} = 0 (mV)" for name in reversals),
                *(["second_order = 0", "cao = 2 (mM)"] if writes_cai else []),
                *(["celsius (degC)"] if celsius else []),
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
            _block("BREAKPOINT", *_breakpoint(parts, bool(states), bool(writes_cai))),
            _block(
                "INITIAL",
                *_locals(part.locals["INITIAL"] for part in parts),
                *(["cai = 5e-5"] if writes_cai else []),  # NEURON's default
                *(line for part in parts for line in part.initial),
            ),
            *([_block("DERIVATIVE states", *_derivative(parts, bool(writes_cai)))] if states else []),
            *(function for part in parts for function in part.functions),
            "",
        ]
    )


def _units(lines: Iterable[str]) -> list[str]:
    """The lines of UNITS in the files' order, since one may need another, and each unit once.

    >>> _units(["(molar) = (1/liter)", "(mM) = (millimolar)", "(mM) = (milli/liter)"])
    ['(molar) = (1/liter)', '(mM) = (millimolar)', '(mV) = (millivolt)']
    """
    found: dict[str, str] = {}
    for line in (*lines, "(mV) = (millivolt)"):
        found.setdefault(line.split("=")[0].strip() if line.startswith("(") else line, line)
    return list(found.values())


def _breakpoint(parts: Sequence[Part], solved: bool, calcium: bool) -> list[str]:
    currents = [current for part in parts for current in part.currents]
    conductances = [current.conductance_name for current in currents]
    of_calcium = [current.conductance_name for current in currents if current.ion == "ca"]
    # Nernst as NEURON has it: R and F of CODATA 2018
    nernst = "eca = 1000 * 8.31446261815324 * (celsius + 273.15) / (2 * 96485.3321233100184) * log(cao / cai)"
    return [
        *_locals(
            [["conductance", *conductances, *["eca"] * bool(of_calcium)], *(p.locals["BREAKPOINT"] for p in parts)]
        ),
        "CONDUCTANCE conductance",
        *["SOLVE states METHOD cnexp"] * solved,
        *[nernst] * bool(of_calcium),
        *(line for part in parts for line in part.before),
        *(f"{current.conductance_name} = {current.conductance}" for current in currents),
        f"conductance = {' + '.join(conductances) or '0'}",
        f"i = {' + '.join(current.expression for current in currents) or '0'}",
        *[
            f"gca = {' + '.join(of_calcium) or '0'}",
            f"ica = {'gca * (v - eca)' if of_calcium else '0'}",
            "v_before = v",
        ]
        * calcium,
    ]


def _derivative(parts: Sequence[Part], calcium: bool) -> list[str]:
    return [
        *_locals(part.locals["DERIVATIVE"] for part in parts),
        *(["ica = ica + second_order * gca * (v - v_before) / 2"] if calcium else []),
        *(line for part in parts for line in part.derivative),
    ]


def _locals(names: Iterable[Sequence[str]]) -> list[str]:
    together = ", ".join(name for each in names for name in each)
    return [f"LOCAL {together}"] if together else []


def _block(header: str, *lines: str) -> str:
    return "\n".join([f"{header} {{", *(f"    {line}" for line in lines), "}"])
