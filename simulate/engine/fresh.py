"""A cell as it was before its first trial. NEURON's own initialising leaves what mechanisms have set.

A PARAMETER that a block sets, an ASSIGNED that INITIAL leaves out, a weight that NET_RECEIVE has changed: NEURON begins
the next run with what the one before has left, and a trial would depend on those before it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from ..mechanisms import nmodl


def restore(cell, synapses=None) -> None:
    """Give what mechanisms of the cell's own have set its value of before the first call; weights beyond the first 0.

    Only what NEURON lets others set: RANGE and GLOBAL variables.
    """
    restore_variables(cell, synapses)
    for connection in (each for of_synapse in synapses.connections for each in of_synapse) if synapses else ():
        for number in range(1, int(connection.wcnt())):
            connection.weight[number] = 0


def restore_variables(cell, synapses=None) -> None:
    """The same without weights."""
    before = vars(cell).setdefault("before_trials", {})
    for key, place, variable in _variables(cell, synapses):
        now: Any = getattr(place, variable, None)
        if hasattr(now, "__getitem__"):
            for number, value in enumerate(before.setdefault(key, list(now))):
                now[number] = value
        elif now is not None:  # some files name a LOCAL in RANGE
            setattr(place, variable, before.setdefault(key, now))


def _variables(cell, synapses) -> Iterator[tuple[tuple, Any, str]]:
    """A key, the object that has it, and the name, of each variable that mechanisms of the cell's own set."""
    from neuron import h

    for mechanism, source in getattr(cell, "nmodl", {}).items():
        ranged, shared = _set_by_blocks(source.text)
        for name in shared:
            yield (mechanism, name), h, f"{name}_{mechanism}"
        if nmodl.declared(source.text)[0] == nmodl.POINT:
            alike = (each for each in synapses.processes if _kind(each) == mechanism) if synapses else ()
            yield from (((each.hname(), name), each, name) for each in alike for name in ranged)
            continue
        standing = (section for section in cell.sections() if section.has_membrane(mechanism)) if ranged else ()
        for segment in (each for section in standing for each in section):
            yield from (((str(segment), name), segment, f"{name}_{mechanism}") for name in ranged)
    # What POINTERs point to: INITIAL may look at it before it is initialised
    pointed = {to for each in getattr(cell, "pointing", {}).values() for to in each.values()}
    for mechanism, name in (to.split(".") for to in sorted(pointed)):
        for section in (each for each in cell.sections() if each.has_membrane(mechanism)):
            yield from (((str(segment), name), segment, f"{name}_{mechanism}") for segment in section)


def _kind(process) -> str:
    return process.hname().partition("[")[0]


@cache
def _set_by_blocks(text: str) -> tuple[list[str], list[str]]:
    """RANGE and GLOBAL variables that its blocks set, without ions', and without what only the making of a TABLE sets,
    which is made once."""
    bare = nmodl.without_comments(text)
    tables = nmodl.tabulated(text)
    ions = {name for _, used in nmodl.USEION.findall(bare) for name in re.findall(r"\w+", used)}
    return tuple(  # type: ignore[return-value]
        sorted(
            name
            for name in _declared(bare, word) - ions - nmodl.OF_THE_SEGMENT
            if nmodl.sets(text, name) and not nmodl.sets(tables, name)
        )
        for word in ("RANGE", "GLOBAL")
    )


def _declared(bare: str, word: str) -> set[str]:
    found = re.findall(rf"\b{word}\s+(\w+(?:\s*,\s*\w+)*)", bare)
    return set(re.findall(r"\w+", " ".join(found)))
