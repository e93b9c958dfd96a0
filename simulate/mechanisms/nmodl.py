"""What a parameter file may set: each mechanism's parameters with their units, read from the NMODL itself.

So the list cannot drift from what NEURON compiles, and reading a parameter file does not need NEURON.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib.resources import files as packaged
from pathlib import Path
from typing import NamedTuple

from .units import normal

REVERSALS = {"ek": "mV", "ena": "mV"}  # of an ion, the same for all mechanisms of a region; eca follows the calcium


class Mechanism(NamedTuple):
    """What may be set of it, parameter -> unit ('1' for none), and the reversal potentials that it needs."""

    parameters: dict[str, str]
    reversals: tuple[str, ...] = ()


# Compiled into NEURON: their units as `h.units` gives them
BUILT_IN = {
    "pas": Mechanism({"g": "S/cm2", "e": "mV"}),
    "hh": Mechanism({"gnabar": "S/cm2", "gkbar": "S/cm2", "gl": "S/cm2", "el": "mV"}, ("ek", "ena")),
}


def sources() -> list[Path]:
    """The shipped NMODL files, in name order."""
    return sorted(Path(str(f)) for f in packaged(__package__).iterdir() if f.name.endswith(".mod"))


def mechanisms(files: Iterable[Path]) -> dict[str, Mechanism]:
    """The mechanisms that a region can have: NEURON's own and those of `files`.

    Point processes are left out: synapses and electrodes are placed, not spread over a region.
    """
    found = dict(BUILT_IN)
    for file in files:
        text = _without_comments(file.read_text(encoding="utf-8", errors="replace"))
        declared = _block(text, "NEURON")
        name = re.search(r"\bSUFFIX\s+(\w+)", declared)
        if name:
            ranged = set(re.findall(r"\w+", " ".join(re.findall(r"\bRANGE\s+(\w+(?:\s*,\s*\w+)*)", declared))))
            units = re.findall(r"(\w+)\s*=\s*[-+.\deE]+[ \t]*(?:\(([^)]*)\))?", _block(text, "PARAMETER"))
            found[name[1]] = Mechanism(
                {parameter: normal(unit) for parameter, unit in units if parameter in ranged},
                tuple(each for each in REVERSALS if re.search(rf"\bREAD\b[^\n]*\b{each}\b", declared)),
            )
    return found


def _block(text: str, name: str) -> str:
    found = re.search(rf"\b{name}\s*\{{([^}}]*)\}}", text)
    return found[1] if found else ""


def _without_comments(text: str) -> str:
    text = re.sub(r"\bCOMMENT\b.*?\bENDCOMMENT\b", "", text, flags=re.DOTALL)
    return re.sub(r"[:?].*", "", text)
