"""What NEURON has initialised: the number of every variable, and the events that INITIAL sends."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np

from . import events, pointing
from . import expression as x
from .currents import Values, slope
from .expression import Expression
from .membrane import Group
from .solving import Solver


class Initialised(NamedTuple):
    """numbers: of every variable, at every place (I,). values: what INITIAL set, in terms of what was before it.

    sent: when each event comes that INITIAL sends, infinite for one that is not sent, and its flag.
    """

    numbers: dict[str, np.ndarray]
    values: Values
    sent: list[tuple[np.ndarray, np.ndarray]]


def initialised(group: Group, dt_ms: float, v_init_mv: float) -> Initialised:
    """A group once NEURON has initialised it."""
    n = len(group.node)
    sent: list[tuple[np.ndarray, np.ndarray]] = []
    values: Values = {}
    numbers = group.values | {"v": np.full(n, v_init_mv), "t": np.zeros(n), "dt": np.full(n, dt_ms)}
    numbers |= {slope(ion): np.zeros(n) for ion in group.charge}
    for mechanism in group.mechanisms:
        if "InitialBlock" in mechanism.blocks:
            numbers |= pointing.before_initial(group, mechanism, numbers)
            execution = Solver(mechanism, {name: x.symbol(name) for name in numbers})
            pointing.refuse_in_initial(group, execution)
            execution.sent, execution.numbers = [], numbers
            execution.tables, group.tables.numbers = group.tables, numbers
            execution.run(mechanism.blocks["InitialBlock"])
            new = group.tables.without_left_out(mechanism, assigned(execution.values))
            refuse_unsaid(group, [*new.values(), *(each for event in execution.sent for each in event)])
            for event in execution.sent:
                condition, delay_ms, flag = (np.broadcast_to(each, n) for each in x.evaluate(event, numbers))
                sent.append((np.where(condition, delay_ms, np.inf), flag))
            values |= new
            found = zip(new, x.evaluate(new.values(), numbers), strict=True)
            numbers |= {name: np.broadcast_to(np.asarray(value, float), n) for name, value in found}
    of_connections = events.initial(group, {name: x.symbol(name) for name in numbers})
    refuse_unsaid(group, of_connections.values())
    values |= of_connections
    for name, value in zip(of_connections, x.evaluate(of_connections.values(), numbers), strict=True):
        numbers[name] = np.where(group.connected, value, numbers[name])
    numbers |= {f"i{ion}": np.zeros(n) for ion in group.charge}
    group.tables.numbers = numbers
    return Initialised(numbers, values, sent)


def settled(group: Group, numbers: Mapping[str, np.ndarray]) -> Values:
    """The variables that no block but INITIAL sets, where they are the same at all places."""
    found = {}
    for mechanism in group.mechanisms:
        known = mechanism.ion_variables
        for name in (*mechanism.parameters, *mechanism.assigned):
            own = f"{mechanism.name}.{name}"
            if (
                name.partition("[")[0] in mechanism.changing
                or name in known
                or own not in numbers.keys() - group.pointing
            ):
                continue
            if (numbers[own] == numbers[own][0]).all():
                found[own] = x.constant(numbers[own][0])
    return found


def refuse_unsaid(group: Group, values: Iterable[Expression]) -> None:
    """Refuse what follows from a number that generated code cannot say; see Evaluation.unsaid."""
    needed = x.symbols(values)
    for mechanism in group.mechanisms:
        for name, said in mechanism.unsaid.items():
            if name in needed:
                raise mechanism.refuse(*said)


def assigned(values: Values) -> Values:
    """The variables that are no longer what they were."""
    return {name: value for name, value in values.items() if value is not x.symbol(name)}
