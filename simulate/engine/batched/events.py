"""What an event does to a synapse: NET_RECEIVE, and the weights beyond the first, which a connection keeps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from ...mechanisms.tree import everything, kind, parts
from ...schema import InputError
from . import expression as x
from .evaluation import Sent
from .expression import Expression
from .membrane import Group
from .solving import Solver
from .syntax import Mechanism, Routine

WEIGHT = "weight"  # of an event: the first of its connection's
FLAG = "flag"  # of an event of the mechanism's own

Values = dict[str, Expression]


@dataclass
class Received:
    """Every variable after an event, those of its connection included, `delay_ms` after it arrives.

    sent: the events of its own that the mechanism sends. own, of_own: the same of such an event, whose flag is FLAG;
    its weight is that of the event that sent it.
    """

    values: Values = field(default_factory=dict)
    delay_ms: Expression = x.ZERO
    sent: list[Sent] = field(default_factory=list)
    own: Values = field(default_factory=dict)
    of_own: list[Sent] = field(default_factory=list)


def received(
    group: Group, begin: Values, called: dict[Expression, str], from_initial: Iterable[float] = ()
) -> Received:
    """What events do. from_initial: flags of those that INITIAL sends.

    An event that does nothing but net_send, always as much later, is that one later.
    """
    if (routine := _receiving(group)) is None:
        return Received()
    (mechanism,) = group.mechanisms
    for flag in from_initial:
        _refuse_weights(group, routine, begin, flag)
    values, left, sent = _after(group, routine, begin, called, x.ZERO)
    names = routine.arguments[1:]
    after = values | {kept_as(mechanism, name): left[name] for name in names}
    if not sent and not from_initial:
        return Received(after)
    before = dict(zip(*_names_and_weights(mechanism), strict=True))
    idle = values == begin and all(left[name] is weight for name, weight in before.items())
    if idle and not from_initial and len(sent) == 1 and _always(mechanism, sent[0]):
        values, left, more = _after(group, routine, begin, called, sent[0].flag)
        if not more:
            after = values | {kept_as(mechanism, name): left[name] for name in names}
            return Received(after, sent[0].delay_ms)
    values, left, of_own = _after(group, routine, begin, called, x.symbol(FLAG))
    own = values | {kept_as(mechanism, name): left[name] for name in names}
    return Received(after, x.ZERO, sent, own, of_own)


def _after(
    group: Group, routine: Routine, begin: Values, called: dict[Expression, str], flag: Expression
) -> tuple[Values, Values, list[Sent]]:
    """Variables and weights after an event of a flag, and what it sends."""
    (mechanism,) = group.mechanisms
    execution = Solver(mechanism, dict(begin), called)
    execution.sent, execution.tables, execution.draws = [], group.tables, True
    left = execution.run(*_of_event(mechanism, routine, flag))
    _refuse_change_of_weight(mechanism, left)
    return execution.values, left, execution.sent


def _refuse_weights(group: Group, routine: Routine, begin: Values, flag: float) -> None:
    """Refuse what looks at weights when an event comes that INITIAL has sent, which comes by no connection."""
    (mechanism,) = group.mechanisms
    values, left, sent = _after(group, routine, begin, {}, x.constant(flag))
    _, weights = _names_and_weights(mechanism)
    names = {weight.name for weight in weights}
    new = [value for name, value in values.items() if value is not begin[name]]
    needed = x.symbols([*new, *(each for event in sent for each in event)])
    if needed & names or [*left.values()][: len(weights)] != weights:
        what = "net_send in INITIAL for an event that looks at weights, of which it has none,"
        raise mechanism.refuse(what, r"\bINITIAL\b[^}]*?\b(net_send)\s*\(")


def _always(mechanism: Mechanism, sent: Sent) -> bool:
    """Whether it is always sent, with a flag and a delay that do not change."""
    own = {f"{mechanism.name}.{name}" for name in {*mechanism.parameters, *mechanism.assigned} - mechanism.changing}
    constant = x.symbols([sent.delay_ms]) <= own | {"dt", "celsius", "area", "diam"}
    return sent.condition is x.ONE and sent.flag.op == "constant" and bool(sent.flag.value) and constant


def kept_as(mechanism: Mechanism, argument: str) -> str:
    """How a place's variables call a weight beyond the first, since a place has one connection."""
    return f"{mechanism.name}.NetCon.{argument}"


def read_weights(groups: Sequence[Group], connections: Sequence[Sequence]) -> None:
    """Note which places have a NetCon, and what it keeps, as NEURON has initialised it: 0, or what its INITIAL says."""
    of_process: dict[str, list] = {}
    for connection in (each for of_synapse in connections for each in of_synapse):
        of_process.setdefault(connection.syn().hname(), []).append(connection)
    for group in groups:
        if (routine := _receiving(group)) is None:
            continue
        of_place = [of_process.get(name, []) for name in group.names] or [[]]  # without names: one place
        group.connected = np.array([bool(alike) or not group.names for alike in of_place])
        if len(routine.arguments) < 2:
            continue
        for name, alike in zip(group.names, of_place, strict=False):
            if len(alike) > 1:
                raise InputError(f"{name}: has several connections, each with weights of its own; make it one")
        for number, argument in enumerate(routine.arguments[1:], start=1):
            weights = [sum(connection.weight[number] for connection in alike) for alike in of_place]
            group.values[kept_as(group.mechanisms[0], argument)] = np.array(weights, float)


def initial(group: Group, begin: Values) -> Values:
    """What INITIAL in NET_RECEIVE sets other than weights, which NEURON runs for each connection after all INITIALs.

    Raises InputError for what follows from a weight, or from what the same block of another connection has left.
    """
    if (routine := _receiving(group)) is None:
        return {}
    (mechanism,) = group.mechanisms
    _, weights = _names_and_weights(mechanism)
    for node in everything(parts(routine.body)):
        if kind(node) == "InitialBlock":
            execution = Solver(mechanism, dict(begin))
            execution.tables = group.tables
            left = execution.run(*_of_event(mechanism, Routine(routine.arguments, parts(node)[0])))
            _refuse_change_of_weight(mechanism, left)
            new = {name: value for name, value in execution.values.items() if value is not begin[name]}
            if x.symbols(new.values()) & {*new, *(weight.name for weight in weights)}:
                what = "INITIAL in NET_RECEIVE that sets other than weights from weights, or from what it was,"
                raise mechanism.refuse(what, r"\bNET_RECEIVE\b[^{]*\{[^}]*?\b(INITIAL)\b")
            return new
    return {}


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
