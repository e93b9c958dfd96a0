"""The currents of a group, its conductance, and its states one step on, as expressions."""

from __future__ import annotations

from . import expression as x
from . import pointing
from .derivative import derivative
from .expression import Expression
from .membrane import Group
from .solving import Solver

GAS_CONSTANT, FARADAY, KELVIN = 8.31446261815324, 96485.3321233100184, 273.15  # CODATA 2018, as NEURON 9 has them
TO_NA = 0.01  # a current density of 1 mA/cm2 over 1 um2, in nA
OF_SYNAPSES = "the current of synapses"  # of an ion
CHANGE_OF_V = "dv"  # what the voltage changed by until the step's middle

Values = dict[str, Expression]  # variable, as Execution calls it -> what it is


def currents(
    group: Group, begin: Values, called: dict[Expression, str], follow: bool = True
) -> tuple[Expression, Expression, Values]:
    """Current into the node (nA), its conductance (uS), and the variables after every BREAKPOINT.

    What a POINTER points to does not change with v, when NEURON asks how a current does. follow: whether POINTERs are
    what they point to, or else symbols.
    """
    values, pointed = dict(begin), Values()
    for ion, charge in group.charge.items():
        values[f"i{ion}"] = x.symbol(OF_SYNAPSES) if ion in group.added else x.ZERO
        values[slope(ion)] = x.ZERO
        if ion in group.advanced:
            values[f"e{ion}"] = _nernst(ion, charge, values)
            called[values[f"e{ion}"]] = f"e{ion}"
    current = conductance = x.ZERO
    for mechanism in group.mechanisms:
        if "BreakpointBlock" not in mechanism.blocks:
            continue
        before = values
        now = pointing.seen(group, mechanism, values)
        pointed |= dict(zip(now, x.substitute(now.values(), pointed), strict=True))
        execution = Solver(mechanism, dict(before), called)
        execution.tables = group.tables
        execution.run(mechanism.blocks["BreakpointBlock"])
        values = execution.values
        outward = [(values[execution.own(name)], 1) for name in mechanism.currents]
        outward += [(values[execution.own(name)], -1) for name in mechanism.electrode]
        for used in mechanism.ions:
            if (name := f"i{used.name}") in used.write:
                its = values[execution.own(name)]
                outward.append((its, 1))
                values[slope(used.name)] = before[slope(used.name)] + derivative(its, "v")
                values[name] = before[name] + its
        for value, sign in outward:
            current = current + value * sign
            conductance = conductance + derivative(value, "v") * sign
    if pointed and follow:
        current, conductance = x.substitute([current, conductance], pointed)
        values = dict(zip(values, x.substitute(values.values(), pointed), strict=True))
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


def slope(ion: str) -> str:
    return f"di{ion}_dv"


def _nernst(ion: str, charge: float, values: Values) -> Expression:
    """Reversal potential in mV."""
    per_log = (values["celsius"] + KELVIN) * (1e3 * GAS_CONSTANT / (charge * FARADAY))
    return per_log * x.call("log", values[f"{ion}o"] / values[f"{ion}i"])


def advanced(group: Group, begin: Values, second_order: bool, called: dict[Expression, str]) -> Values:
    """Every variable after its mechanism has advanced it."""
    values = dict(begin)
    for ion in group.charge if second_order else ():
        values[f"i{ion}"] = begin[f"i{ion}"] + begin[slope(ion)] * x.symbol(CHANGE_OF_V)
    for mechanism in group.mechanisms:
        execution = Solver(mechanism, values | pointing.seen(group, mechanism, values), called)
        execution.tables = group.tables
        for block, method in mechanism.solved.items():
            execution.solve(block, method, second_order)
        values = execution.values
    return values | {f"i{ion}": begin[f"i{ion}"] for ion in group.charge}
