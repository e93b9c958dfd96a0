"""POINTERs of mechanisms: each points to a number of its own, or to a variable of another mechanism at the same place.

A number is the one that a parameter file gives or the NMODL has; a variable is written as in `far = "Pool.c"`.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..mechanisms import nmodl
from ..mechanisms.nmodl import Mechanism, Source
from ..schema import InputError
from . import parameter_file
from .distance_rules import Value
from .parameter_file import WrongEntry

Pointing = Value | str  # what a parameter that is a POINTER may be


def check(keys: tuple[str, ...], variable: str, own: str, mechanisms: Mapping[str, Mechanism]) -> None:
    """Whether mechanism `own` may point to `variable`. mechanisms: those that stand there. Raises WrongEntry."""
    other, name = variable.split(".")
    if other == own:
        raise WrongEntry(keys, f"points to {own} itself; name a variable of another mechanism at the same place")
    parameter_file.known(keys, "mechanism at the same place", other, mechanisms)
    parameter_file.known(keys, f"variable of {other}", name, mechanisms[other].variables)


def of(mechanism: str, sources: Mapping[str, Source], given: Mapping[str, Pointing]) -> dict[str, Pointing]:
    """What each POINTER of a mechanism is. sources: NMODL of those that are not shipped. given: parameter -> value."""
    known = nmodl.mechanism(sources[mechanism].text).pointers if mechanism in sources else {}
    found = {name: given.get(name, number) for name, number in known.items()}
    return {name: value for name, value in found.items() if value is not None}


def to_number(place, name: str, number: float):
    """Let POINTER `name` of a mechanism at a place be a number, for as long as what this returns is kept.

    place: a density mechanism of a segment, or a point process.
    """
    from neuron import h

    kept = h.Vector([number])
    h.setpointer(kept._ref_x[0], name, place)
    return kept


def to_variable(place, name: str, segment, variable: str) -> None:
    """The same to a variable of a mechanism of `segment`. Raises InputError where that does not stand there."""
    from neuron import h

    other, its = variable.split(".")
    if not hasattr(segment, other):
        raise InputError(f"POINTER {name} to {variable}: {other} does not stand in {segment}; put it there")
    h.setpointer(getattr(getattr(segment, other), f"_ref_{its}"), name, place)
