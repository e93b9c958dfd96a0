"""POINTERs to variables of other mechanisms at the same place: what each is when the mechanism that has it runs.

NEURON runs a block of one mechanism after another, so a POINTER sees what those before have just made of a variable,
and what those after have made of it in the step before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from . import expression as x
from .evaluation import Evaluation
from .expression import Expression
from .membrane import Group
from .syntax import Mechanism


def of(group: Group, mechanism: Mechanism) -> dict[str, str]:
    """The POINTERs of a mechanism -> the variables that they point to."""
    return {name: to for name, to in group.pointing.items() if name.startswith(f"{mechanism.name}.")}


def seen(group: Group, mechanism: Mechanism, values: Mapping[str, Expression]) -> dict[str, Expression]:
    """What the POINTERs of a density mechanism are, before a block of it. Of a point process: see `begin`."""
    return {} if group.point else {name: values[to] for name, to in of(group, mechanism).items()}


def begin(group: Group) -> dict[str, Expression]:
    """What the POINTERs of point processes are, in terms of their segments' variables."""
    return {name: x.symbol(to) for name, to in group.pointing.items()} if group.point else {}


def unchanging(group: Group, of_segments: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The numbers of variables of their segments to which point processes point, where these never change."""
    pointed = {*group.pointing.values()} & of_segments.keys() if group.point else ()
    return {name: of_segments[name][group.place_under] for name in pointed}


def before_initial(group: Group, mechanism: Mechanism, numbers: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The numbers of a mechanism's POINTERs when its INITIAL runs."""
    return {name: numbers[to] for name, to in of(group, mechanism).items()}


def refuse_in_initial(group: Group, execution: Evaluation) -> None:
    """Have what INITIAL follows through a POINTER be refused, where NEURON may not have initialised that yet."""
    mechanism = execution.mechanism
    before = {each.name for each in group.mechanisms[: group.mechanisms.index(mechanism)]}
    for name, to in of(group, mechanism).items():
        if group.point or to.partition(".")[0] not in before:
            what = f"INITIAL that follows POINTER {_short(name)} to {to}, which NEURON may initialise later,"
            execution.values[name] = execution.unsaid(what, _where(name))


def first_seen(
    group: Group, after_currents: Mapping[str, Expression], numbers: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """What POINTERs point to in the first step: NEURON has run each BREAKPOINT once by then, after INITIAL."""
    pointed = sorted({*group.pointing.values()} & after_currents.keys())
    found = x.evaluate([after_currents[name] for name in pointed], numbers)
    return {name: np.broadcast_to(each, len(group.node)) for name, each in zip(pointed, found, strict=True)}


def refuse_set_in_breakpoint(group: Group, set_there: Iterable[str]) -> None:
    """Refuse a point process's POINTER to what a BREAKPOINT of its segment sets, before it or after it."""
    for name, to in group.pointing.items():
        if group.point and to in {*set_there}:
            what = f"POINTER {_short(name)} of a point process to {to}, which a BREAKPOINT sets,"
            raise group.mechanisms[0].refuse(what, _where(name))


def _short(name: str) -> str:
    return name.partition(".")[2]


def _where(name: str) -> str:
    return rf"\bPOINTER\b[^\n]*\b({_short(name)})\b"
