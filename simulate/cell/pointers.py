"""POINTERs of mechanisms: each points to a number of its own, the one that a parameter file gives or the file has."""

from __future__ import annotations

from collections.abc import Mapping

from ..mechanisms import nmodl
from ..mechanisms.nmodl import Source
from .distance_rules import Value


def numbers(mechanism: str, sources: Mapping[str, Source], given: Mapping[str, Value]) -> dict[str, Value]:
    """What each POINTER of a mechanism is. sources: NMODL of those that are not shipped. given: parameter -> value."""
    known = nmodl.mechanism(sources[mechanism].text).pointers if mechanism in sources else {}
    found = {name: given.get(name, number) for name, number in known.items()}
    return {name: value for name, value in found.items() if value is not None}


def point(place, name: str, number: float):
    """Let POINTER `name` of a mechanism at a place be a number, for as long as what this returns is kept.

    place: a density mechanism of a segment, or a point process.
    """
    from neuron import h

    kept = h.Vector([number])
    h.setpointer(kept._ref_x[0], name, place)
    return kept
