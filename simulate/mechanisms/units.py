"""A quantity that a user wrote with its unit, as a number in the unit that NEURON counts in."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation

# Quantity -> its units, each as a multiple of the first. Decimal, so that '0.3 pS/um2' is 3e-5 to the last bit.
QUANTITIES = {
    "conductance density": {"S/cm2": "1", "mS/cm2": "1e-3", "uS/cm2": "1e-6", "pS/um2": "1e-4", "S/m2": "1e-4"},
    "conductance": {"uS": "1", "nS": "1e-3", "pS": "1e-6", "mS": "1e3", "S": "1e6"},
    "current": {"nA": "1", "pA": "1e-3", "uA": "1e3", "mA": "1e6"},
    "permeability": {"cm/s": "1", "um/s": "1e-4"},
    "voltage": {"mV": "1", "V": "1e3", "uV": "1e-3"},
    "time": {"ms": "1", "s": "1e3", "us": "1e-3"},
    "rate": {"/ms": "1", "/s": "1e-3"},
    "slope": {"/um": "1", "/mm": "1e-3"},
    "length": {"um": "1", "mm": "1e3", "nm": "1e-3"},
    "capacitance": {"uF/cm2": "1", "F/cm2": "1e6", "F/m2": "1e2", "pF/um2": "1e2"},
    "resistivity": {"ohm cm": "1", "kohm cm": "1e3", "Mohm cm": "1e6", "ohm m": "1e2"},
    "concentration": {"mM": "1", "M": "1e3", "uM": "1e-3", "nM": "1e-6"},
    "temperature": {"degC": "1"},
    "plain number": {"1": "1", "%": "1e-2"},
}
SPELLINGS = (("µ", "u"), ("μ", "u"), ("Ω", "ohm"), ("^", ""), ("²", "2"), ("mho", "S"), ("Ohm", "ohm"), ("°", "deg"))
NUMBER = re.compile(r"\s*([-+]?[\d.]+(?:[eE][-+]?\d+)?)\s*(.*)")


def normal(unit: str) -> str:
    """One spelling of a unit: `mho/cm^2` is `S/cm2`, `ohm-cm` and `Ω*cm` are `ohm cm`, no unit is `1`.

    >>> normal("Ω·cm"), normal("µS/cm²"), normal("")
    ('ohm cm', 'uS/cm2', '1')
    """
    for written, meant in SPELLINGS:
        unit = unit.replace(written, meant)
    unit = re.sub(r"\s*/\s*", "/", unit.strip())
    return re.sub(r"[\s*·-]+|(?<=ohm)(?=c?m$)", " ", unit) or "1"


def quantity(unit: str) -> str | None:
    """What is measured in `unit`, in words; None for a unit that is not listed."""
    return next((name for name, units in QUANTITIES.items() if normal(unit) in units), None)


def number(text: str, unit: str) -> float:
    """The value of `text`, such as '0.3 pS/um2', in `unit`, such as 'S/cm2'.

    Raises ValueError that says which units fit, where `text` is no number with a unit or its unit does not fit.

    >>> number("0.3 pS/um2", "S/cm2")
    3e-05
    """
    unit = normal(unit)
    fitting = QUANTITIES.get(quantity(unit) or "", {unit: "1"})
    expected = f"expected a number with a unit out of {', '.join(fitting)}"
    found = NUMBER.fullmatch(text)
    try:
        value = Decimal(found[1]) if found else None
    except InvalidOperation:
        value = None
    if found is None or value is None:
        raise ValueError(f"{expected}, got '{text}'")
    written = normal(found[2])
    if written not in fitting:
        what = "has no unit" if written == "1" else f"is in '{found[2]}', which does not fit"
        raise ValueError(f"'{text}' {what}: {expected}")
    return float(value * Decimal(fitting[written]) / Decimal(fitting[unit]))
