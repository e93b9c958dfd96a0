"""What a time step does at each place of a group, as expressions: currents, states, and what an event changes.

NEURON's fixed step: events that are due; currents I and conductances dI/dv at the present voltage; the tree is solved
for the voltage; states advance by dt at the new voltage, the mechanisms that write a concentration first. Second order
(Crank-Nicolson, secondorder = 2): the states take ion currents of the step's middle.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from . import events
from . import expression as x
from .derivative import derivative
from .execution import OF_THE_SEGMENT
from .expression import Expression
from .membrane import Group, ion_names
from .solving import Solver

GAS_CONSTANT, FARADAY, KELVIN = 8.31446261815324, 96485.3321233100184, 273.15  # CODATA 2018, as NEURON 9 has them
TO_NA = 0.01  # a current density of 1 mA/cm2 over 1 um2, in nA
OF_EVENTS = ("v", "t", events.WEIGHT)  # what differs between events
OF_SYNAPSES = "the current of synapses"  # of an ion
CHANGE_OF_V = "dv"  # what the voltage changed by until the step's middle
TO_DENSITY = 100.0  # a current of 1 nA over 1 um2, in mA/cm2

Values = dict[str, Expression]  # variable, as Execution calls it -> what it is


@dataclass
class Program:
    """The step of one group with I places.

    current (nA), conductance (uS): into and at each place's node, from the stored variables and v, mV.
    kept: variables that a trial keeps from step to step, with their first values (I,).
    after_currents, advanced, received: new values of kept variables, once currents are computed, once the states have
    advanced, and after an event, by `delay_ms` (I,). alone: the states advance without voltage, time or currents.
    followed: variables of the segment's group (`Group.under`) that the currents follow. added: what they add to others
    of that group, which hold an ion's current density.
    constants: symbol -> numbers (I,) of variables that never change. called: how NMODL calls an expression.
    """

    group: Group
    current: Expression
    conductance: Expression
    kept: dict[str, np.ndarray]
    after_currents: Values
    advanced: Values
    received: Values
    delay_ms: np.ndarray
    followed: set[str]
    added: Values
    alone: bool
    constants: dict[str, np.ndarray]
    called: dict[Expression, str]


def write(group: Group, dt_ms: float, v_init_mv: float, second_order: bool, under: Program | None = None) -> Program:
    """The program of a group at step `dt_ms`. under: of the group that it stands on.

    Raises InputError for what generated code cannot say.
    """
    numbers = _after_initial(group, dt_ms, v_init_mv)
    begin = {name: x.symbol(name) for name in numbers} | {"dt": x.constant(dt_ms)}
    called: dict[Expression, str] = {}
    current, conductance, after_currents = _currents(group, begin, called)
    advanced = _advanced(group, begin, second_order, called)
    received, delay = events.received(group, begin, called)
    blocks = [_assigned(each) for each in (after_currents, advanced, received)]
    if group.point:
        _refuse_to_follow(group, [delay, *(value for block in blocks[1:] for value in block.values())])
    changed = {name for block in blocks for name in block} - set(OF_THE_SEGMENT)
    delay_ms = _unchanging(group, delay, changed, numbers)
    kept = _kept(changed, [current, conductance, *map(x.symbol, sorted(group.wanted))], blocks)
    events.check_first_weights(group, begin, kept)
    elsewhere = under.kept.keys() if under else set()
    followed = {name for ion in group.charge for name in ion_names(ion)} & elsewhere
    constants = {name: each for name, each in numbers.items() if name not in changed | followed | {"v", "t"}}
    fixed = {name: x.constant(each[0]) for name, each in constants.items() if _alike(each)}

    def with_numbers(values: Mapping[str, Expression]) -> Values:
        return dict(zip(values, x.substitute(values.values(), fixed), strict=True))

    after_currents, advanced, received = (
        with_numbers({name: block[name] for name in sorted(kept) if name in block}) for block in blocks
    )
    current, conductance = x.substitute([current, conductance], fixed)
    currents = blocks[0] if group.point else {}
    added = {name: currents[name] * TO_DENSITY / begin["area"] for name in sorted(currents.keys() & elsewhere)}
    free = x.symbols(advanced.values())
    return Program(
        group=group,
        current=current,
        conductance=conductance,
        kept={name: numbers[name] for name in sorted(kept)},
        after_currents=after_currents,
        advanced=advanced,
        received=received,
        delay_ms=delay_ms,
        followed=followed,
        added=with_numbers(added),
        alone=not free & {"v", "t", CHANGE_OF_V} and not after_currents and not group.wanted,
        constants=constants,
        called=dict(zip(x.substitute(called, fixed), called.values(), strict=True)),
    )


def _alike(numbers: np.ndarray) -> bool:
    """Whether it is one number at several places: it then stands in the code; else it comes from a table."""
    return len(numbers) > 1 and bool((numbers == numbers[0]).all())


def _after_initial(group: Group, dt_ms: float, v_init_mv: float) -> dict[str, np.ndarray]:
    """The number of every variable at every place, once NEURON has initialised it."""
    n = len(group.node)
    numbers = group.values | {"v": np.full(n, v_init_mv), "t": np.zeros(n), "dt": np.full(n, dt_ms)}
    numbers |= {_slope(ion): np.zeros(n) for ion in group.charge}
    for mechanism in group.mechanisms:
        if "InitialBlock" in mechanism.blocks:
            execution = Solver(mechanism, {name: x.symbol(name) for name in numbers})
            execution.run(mechanism.blocks["InitialBlock"])
            new = _assigned(execution.values)
            found = zip(new, x.evaluate(new.values(), numbers), strict=True)
            numbers |= {name: np.broadcast_to(np.asarray(value, float), n) for name, value in found}
    return numbers | {f"i{ion}": np.zeros(n) for ion in group.charge}


def _assigned(values: Values) -> Values:
    """The variables that are no longer what they were."""
    return {name: value for name, value in values.items() if value is not x.symbol(name)}


def _currents(group: Group, begin: Values, called: dict[Expression, str]) -> tuple[Expression, Expression, Values]:
    """Current into the node (nA), its conductance (uS), and the variables after every BREAKPOINT."""
    values = dict(begin)
    for ion, charge in group.charge.items():
        values[f"i{ion}"] = x.symbol(OF_SYNAPSES) if ion in group.added else x.ZERO
        values[_slope(ion)] = x.ZERO
        if ion in group.advanced:
            values[f"e{ion}"] = _nernst(ion, charge, values)
            called[values[f"e{ion}"]] = f"e{ion}"
    current = conductance = x.ZERO
    for mechanism in group.mechanisms:
        if "BreakpointBlock" not in mechanism.blocks:
            continue
        before = values
        execution = Solver(mechanism, dict(before), called)
        execution.run(mechanism.blocks["BreakpointBlock"])
        values = execution.values
        outward = [(values[execution.own(name)], 1) for name in mechanism.currents]
        outward += [(values[execution.own(name)], -1) for name in mechanism.electrode]
        for used in mechanism.ions:
            if (name := f"i{used.name}") in used.write:
                its = values[execution.own(name)]
                outward.append((its, 1))
                values[_slope(used.name)] = before[_slope(used.name)] + derivative(its, "v")
                values[name] = before[name] + its
        for value, sign in outward:
            current = current + value * sign
            conductance = conductance + derivative(value, "v") * sign
    if not group.point:
        to_na = begin["area"] * TO_NA
        current, conductance = current * to_na, conductance * to_na
    if group.added:
        values = _without_synapses(group, values, [current, conductance])
    return -current, conductance, values


def _without_synapses(group: Group, values: Values, outputs: list[Expression]) -> Values:
    """The variables with nothing in the currents of ions yet of the synapses, which add theirs when all have theirs.

    NEURON adds up in the order of its mechanisms, which a BREAKPOINT would see that reads a current.
    """
    others = [value for name, value in values.items() if name not in {f"i{ion}" for ion in group.added}]
    if OF_SYNAPSES in x.symbols([*outputs, *others]):
        for mechanism in group.mechanisms:
            for ion in mechanism.ions:
                if ion.name in group.added and f"i{ion.name}" in ion.read:
                    what = f"a BREAKPOINT that reads i{ion.name}, which a synapse writes,"
                    raise mechanism.refuse(what, rf"\bUSEION\s+{ion.name}\b")
    return dict(zip(values, x.substitute(values.values(), {OF_SYNAPSES: x.ZERO}), strict=True))


def _slope(ion: str) -> str:
    return f"di{ion}_dv"


def _nernst(ion: str, charge: float, values: Values) -> Expression:
    """Reversal potential in mV."""
    per_log = (values["celsius"] + KELVIN) * (1e3 * GAS_CONSTANT / (charge * FARADAY))
    return per_log * x.call("log", values[f"{ion}o"] / values[f"{ion}i"])


def _advanced(group: Group, begin: Values, second_order: bool, called: dict[Expression, str]) -> Values:
    """Every variable after its mechanism has advanced it."""
    values = dict(begin)
    for ion in group.charge if second_order else ():
        values[f"i{ion}"] = begin[f"i{ion}"] + begin[_slope(ion)] * x.symbol(CHANGE_OF_V)
    for mechanism in group.mechanisms:
        execution = Solver(mechanism, values, called)
        for block, method in mechanism.solved.items():
            execution.solve(block, method, second_order)
        values = execution.values
    return values | {f"i{ion}": begin[f"i{ion}"] for ion in group.charge}


def _unchanging(group: Group, delay: Expression, changed: set[str], numbers: Mapping[str, np.ndarray]) -> np.ndarray:
    """The delay of each place's events (I,), which is the same for all of them."""
    if x.symbols([delay]) & {*changed, *OF_EVENTS}:
        raise group.mechanisms[0].refuse("net_send with a delay that changes", r"\bnet_send\s*\(")
    delay_ms = np.broadcast_to(np.asarray(x.evaluate([delay], numbers)[0], float), len(group.node))
    if (delay_ms < 0).any():
        raise group.mechanisms[0].refuse("net_send with a negative delay", r"\bnet_send\s*\(")
    return delay_ms


def _refuse_to_follow(group: Group, values: list[Expression]) -> None:
    """Of a point process: what an ion is at its segment changes between the events, its states and its currents."""
    names = {name for ion in group.charge for name in ion_names(ion)}
    if found := sorted(x.symbols(values) & names):
        (mechanism,) = group.mechanisms
        what = f"a point process of which a state or an event follows {found[0]}"
        raise mechanism.refuse(what, rf"\bUSEION\b[^\n]*\b{found[0]}\b")


def _kept(changed: set[str], outputs: list[Expression], blocks: list[Values]) -> set[str]:
    """The changed variables that what comes out depends on, a step or more later."""
    kept: set[str] = set()
    while True:
        values = [block[name] for block in blocks for name in kept if name in block]
        needed = x.symbols([*outputs, *values]) & changed
        if needed <= kept:
            return kept
        kept |= needed
