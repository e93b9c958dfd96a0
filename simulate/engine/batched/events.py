"""What an event does to a synapse: NET_RECEIVE, and the weights beyond the first, which a connection keeps."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...mechanisms.tree import everything, kind, parts
from ...schema import InputError
from . import expression as x
from .expression import Expression
from .membrane import Group
from .solving import Solver
from .syntax import Mechanism, Routine

WEIGHT = "weight"  # of an event: the first of its connection's

Values = dict[str, Expression]


def received(group: Group, begin: Values, called: dict[Expression, str]) -> tuple[Values, Expression]:
    """Every variable after an event, those of its connection included, and how long after it that is, in ms.

    An event that does nothing but net_send is that one, later.
    """
    if (routine := _receiving(group)) is None:
        return {}, x.ZERO
    (mechanism,) = group.mechanisms
    execution = Solver(mechanism, dict(begin), called)
    execution.sent = []
    left = execution.run(*_of_event(mechanism, routine))
    delay = x.ZERO
    if execution.sent:
        ((delay, flag), *more), before = execution.sent, dict(zip(*_names_and_weights(mechanism), strict=True))
        idle = execution.values == begin and all(left[name] is weight for name, weight in before.items())
        if more or not idle or flag.op != "constant" or not flag.value:
            what = "net_send by an event that does more than one of a constant flag"
            raise mechanism.refuse(what, r"\bnet_send\s*\(")
        execution = Solver(mechanism, dict(begin), called)
        left = execution.run(*_of_event(mechanism, routine, flag))
    _refuse_change_of_weight(mechanism, left)
    return execution.values | {kept_as(mechanism, name): left[name] for name in routine.arguments[1:]}, delay


def kept_as(mechanism: Mechanism, argument: str) -> str:
    """How a place's variables call a weight beyond the first, since a place has one connection."""
    return f"{mechanism.name}.NetCon.{argument}"


def read_weights(groups: Sequence[Group], connections: Sequence[Sequence]) -> None:
    """Add to each place what its NetCon keeps, as NEURON has initialised it: 0, or what INITIAL in NET_RECEIVE says."""
    of_process: dict[str, list] = {}
    for connection in (each for of_synapse in connections for each in of_synapse):
        of_process.setdefault(connection.syn().hname(), []).append(connection)
    for group in groups:
        routine = _receiving(group)
        if routine is None or len(routine.arguments) < 2:
            continue
        of_place = [of_process.get(name, []) for name in group.names] or [[]]  # without names: one place
        for name, alike in zip(group.names, of_place, strict=False):
            if len(alike) > 1:
                raise InputError(f"{name}: has several connections, each with weights of its own; make it one")
        for number, argument in enumerate(routine.arguments[1:], start=1):
            weights = [sum(connection.weight[number] for connection in alike) for alike in of_place]
            group.values[kept_as(group.mechanisms[0], argument)] = np.array(weights, float)


def check_first_weights(group: Group, begin: Values, kept: set[str]) -> None:
    """Refuse what INITIAL in NET_RECEIVE leaves as the run before has left it, and what else it sets."""
    if (routine := _receiving(group)) is None:
        return
    (mechanism,) = group.mechanisms
    for node in everything(parts(routine.body)):
        if kind(node) == "InitialBlock":
            execution = Solver(mechanism, dict(begin))
            left = execution.run(*_of_event(mechanism, Routine(routine.arguments, parts(node)[0])))
            _refuse_change_of_weight(mechanism, left)
            if any(value is not begin[name] for name, value in execution.values.items()):
                what = "INITIAL in NET_RECEIVE that sets other than weights"
                raise mechanism.refuse(what, r"\bNET_RECEIVE\b[^{]*\{[^}]*?\b(INITIAL)\b")
            names = {kept_as(mechanism, name): name for name in routine.arguments[1:]}
            for name in sorted(names.keys() & kept):
                if x.symbols([left[names[name]]]) & names.keys():
                    what = f"weight {names[name]}, which INITIAL in NET_RECEIVE leaves as the run before left it,"
                    raise mechanism.refuse(what, rf"\bNET_RECEIVE\b[^{{]*?\b({names[name]})\b")


def _receiving(group: Group) -> Routine | None:
    return group.mechanisms[0].blocks.get("NetReceiveBlock") if group.point else None


def _of_event(mechanism: Mechanism, routine: Routine, flag: Expression = x.ZERO) -> tuple[Routine, list[Expression]]:
    """The block with its arguments; flag is 0 of all events that are no mechanism's own."""
    names, weights = _names_and_weights(mechanism)
    return Routine((*names, "flag"), routine.body), [*weights, flag]


def _names_and_weights(mechanism: Mechanism) -> tuple[tuple[str, ...], list[Expression]]:
    """Arguments of NET_RECEIVE, and what stands for them."""
    names = mechanism.blocks["NetReceiveBlock"].arguments
    weights = [x.symbol(kept_as(mechanism, name)) for name in names]
    weights[:1] = [x.symbol(WEIGHT)] * bool(weights)
    return names, weights


def _refuse_change_of_weight(mechanism: Mechanism, left: Values) -> None:
    """NEURON goes on with a first weight that was changed in all runs to come."""
    arguments = mechanism.blocks["NetReceiveBlock"].arguments
    if arguments and left[arguments[0]] is not x.symbol(WEIGHT):
        what = f"a change of weight {arguments[0]}, which NEURON keeps from run to run,"
        raise mechanism.refuse(what, rf"\bNET_RECEIVE\b[\s\S]*?\b({arguments[0]})\s*=(?!=)")
