"""Physical constants that NMODL names as units: `FARADAY = (faraday) (coulomb)` is what one faraday is in coulombs."""

from __future__ import annotations

import re

# Name -> number and unit: CODATA 2018, as NEURON 9 has them
CONSTANTS = {
    "faraday": (96485.3321233100184, "coulomb"),
    "k-mole": (8.31446261815324, "joule/K"),
    "pi": (3.141592653589793, "1"),
    "e": (1.602176634e-19, "coulomb"),
}
SPELLINGS = {"C": "coulomb", "coul": "coulomb", "coulombs": "coulomb", "joules": "joule", "degC": "K", "": "1"}
PREFIXES = {"mega": 1e6, "kilo": 1e3, "milli": 1e-3, "micro": 1e-6, "nano": 1e-9}
UNIT = re.compile(rf"(\d+\.?\d*(?:[eE][-+]?\d+)?)?\s*({'|'.join(PREFIXES)})?([a-zA-Z]*)(?:\s*/\s*(\w+))?")


def number(constant: str, unit: str) -> float | None:
    """What a constant is in a unit, or None for a constant or a unit that is not known, or that does not fit.

    >>> number("faraday", "kilocoulombs")
    96.48533212331002
    """
    found = UNIT.fullmatch(unit.strip())
    if found is None or constant not in CONSTANTS:
        return None
    value, its_unit = CONSTANTS[constant]
    times, prefix, base, per = found.groups()
    asked = SPELLINGS.get(base, base) + (f"/{SPELLINGS.get(per, per)}" if per else "")
    return value / (float(times or 1) * PREFIXES.get(prefix, 1.0)) if asked == its_unit else None
