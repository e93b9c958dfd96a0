"""What a parameter file may set: each mechanism's parameters with their units, read from the NMODL itself.

So the list cannot drift from what NEURON compiles, and reading a parameter file does not need NEURON.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path

from .units import normal

# Compiled into NEURON: their units as `h.units` gives them
BUILT_IN = {
    "pas": {"g": "S/cm2", "e": "mV"},
    "hh": {"gnabar": "S/cm2", "gkbar": "S/cm2", "gl": "S/cm2", "el": "mV"},
}


def sources() -> list[Path]:
    """The NMODL files that are shipped, in name order."""
    return sorted(Path(str(f)) for f in files(__package__).joinpath("mechanisms").iterdir() if f.name.endswith(".mod"))


def mechanisms(paths: Iterable[Path]) -> dict[str, dict[str, str]]:
    """Distributed mechanisms -> their parameters that may differ from place to place -> unit ('1' for none).

    Point processes are left out: synapses and electrodes are placed, not spread over a region.
    """
    found = dict(BUILT_IN)
    for file in paths:
        text = _without_comments(file.read_text(encoding="utf-8", errors="replace"))
        declared = _block(text, "NEURON")
        name = re.search(r"\bSUFFIX\s+(\w+)", declared)
        if name:
            ranged = set(re.findall(r"\w+", " ".join(re.findall(r"\bRANGE\s+(\w+(?:\s*,\s*\w+)*)", declared))))
            units = re.findall(r"(\w+)\s*=\s*[-+.\deE]+[ \t]*(?:\(([^)]*)\))?", _block(text, "PARAMETER"))
            found[name[1]] = {parameter: normal(unit) for parameter, unit in units if parameter in ranged}
    return found


def _block(text: str, name: str) -> str:
    found = re.search(rf"\b{name}\s*\{{([^}}]*)\}}", text)
    return found[1] if found else ""


def _without_comments(text: str) -> str:
    text = re.sub(r"\bCOMMENT\b.*?\bENDCOMMENT\b", "", text, flags=re.DOTALL)
    return re.sub(r"[:?].*", "", text)
