"""What a time step does at each place of a group, as expressions: currents, states, and what an event changes.

NEURON's fixed step: events that are due; currents I and conductances dI/dv at the present voltage; the tree is solved
for the voltage; states advance by dt at the new voltage, the mechanisms that write a concentration first. Second order
(Crank-Nicolson, secondorder = 2): the states take ion currents of the step's middle.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from . import elements, events, pointing
from . import expression as x
from .currents import CHANGE_OF_V, Values, advanced, currents
from .evaluation import OF_THE_SEGMENT, STREAM, UNIFORM, Sent
from .execution import Unsettled
from .expression import Expression
from .initial import Initialised, assigned, initialised, refuse_unsaid, settled
from .membrane import Group, ion_names
from .shared import refuse_carried
from .twice import refuse_counting

TO_DENSITY = 100.0  # a current of 1 nA over 1 um2, in mA/cm2
OF_EVENTS = ("v", "t", events.WEIGHT, events.FLAG)  # what differs between events
NEVER = np.inf
WAITING = 8  # events of a place's own that may be on their way


@dataclass
class Program:
    """The step of one group with I places.

    current (nA), conductance (uS): into and at each place's node, from the stored variables and v, mV.
    kept: variables that a trial keeps from step to step, with their first values (I,).
    after_currents, advanced, received: new values of kept variables, once currents are computed, once the states have
    advanced, and after an event, by `delay_ms` (I,). sent: events of its own that such an event sends; own, of_own:
    what one of these does, and sends. waiting: whether `kept` has room for them, see `waiting_name`.
    alone: the states advance without voltage, time or currents.
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
    sent: list[Sent]
    own: Values
    of_own: list[Sent]
    waiting: bool
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
    begin = initialised(group, dt_ms, v_init_mv)
    try:
        return _written(group, begin, {}, dt_ms, second_order, under)
    except Unsettled:
        if not (known := settled(group, begin.numbers)):
            raise
        return _written(group, begin, known, dt_ms, second_order, under)


def _written(
    group: Group,
    initial: Initialised,
    known: Values,
    dt_ms: float,
    second_order: bool,
    under: Program | None,
) -> Program:
    numbers, sent = initial.numbers | pointing.unchanging(group, under.constants if under else {}), initial.sent
    begin = {name: x.symbol(name) for name in numbers} | {"dt": x.constant(dt_ms)} | known
    begin |= pointing.begin(group)
    called: dict[Expression, str] = {}
    current, conductance, after_currents = currents(group, begin, called)
    after_step = advanced(group, begin, second_order, called)
    event = events.received(group, begin, called, [flag for _, flags in sent for flag in np.unique(flags)])
    blocks = [
        {name: value for name, value in assigned(each).items() if value is not begin.get(name)}
        for each in (after_currents, after_step, event.values, event.own)
    ]
    blocks[2:] = [_certain(group, each, numbers, blocks) for each in blocks[2:]]
    sends = [
        [Sent(*_certain(group, dict(enumerate(s)), numbers, blocks).values()) for s in each]
        for each in (event.sent, event.of_own)
    ]
    of_sending = [each for some in sends for s in some for each in s]
    if group.point:
        _refuse_to_follow(group, [event.delay_ms, *of_sending, *(v for block in blocks[1:] for v in block.values())])
    changed = {name for block in blocks for name in block} - set(OF_THE_SEGMENT)
    changed |= {f"{each.name}.{name}" for each in group.mechanisms if each.streams for name in STREAM[1:]}
    delay_ms = _unchanging(group, event.delay_ms, changed, numbers)
    arrays = elements.of_arrays([current, conductance, *of_sending, *(v for block in blocks for v in block.values())])
    for array in arrays:  # the elements of one lie in rows where any of them changes, or differs from place to place
        if array & changed or not all(_same(numbers[name]) for name in array & numbers.keys()):
            changed |= array & numbers.keys()
    outputs = [current, conductance, *of_sending, *map(x.symbol, sorted(group.wanted))]
    kept = _kept(changed, outputs, blocks)
    needed = [*outputs, *(block[name] for block in blocks for name in kept if name in block)]
    refuse_unsaid(group, needed)
    group.tables.refuse_left_out(needed)
    refuse_carried(group, needed, blocks, initial.values)
    each_alone = currents(group, begin, {}, follow=False) if group.pointing else (current, conductance, blocks[0])
    refuse_counting(group, kept, each_alone[2], each_alone[:2], numbers, dt_ms)
    elsewhere = under.kept.keys() if under else set()
    followed = {*group.pointing.values(), *(name for ion in group.charge for name in ion_names(ion))} & elsewhere
    pointing.refuse_set_in_breakpoint(group, under.after_currents if under else ())
    constants = {name: each for name, each in numbers.items() if name not in changed | followed | {"v", "t"}}
    in_code = set[str]().union(*arrays)
    fixed = {name: x.constant(each[0]) for name, each in constants.items() if _alike(each) or name in in_code}
    group.tables.refuse_changing(constants.keys() - group.pointing.keys())

    def with_numbers(values: Mapping[str, Expression]) -> Values:
        return dict(zip(values, x.substitute(values.values(), fixed), strict=True))

    after_currents, after_step, received, own = (
        with_numbers({name: block[name] for name in sorted(kept) if name in block}) for block in blocks
    )
    current, conductance = x.substitute([current, conductance], fixed)
    of_ions = blocks[0] if group.point else {}
    added = {name: of_ions[name] * TO_DENSITY / begin["area"] for name in sorted(of_ions.keys() & elsewhere)}
    first = numbers | pointing.first_seen(group, blocks[0], numbers)
    free = x.symbols(after_step.values())
    waiting = _waiting(group, sent) if sends != [[], []] or sent else {}
    return Program(
        group=group,
        current=current,
        conductance=conductance,
        kept={name: first[name] for name in sorted(kept, key=_in_order)} | waiting,
        after_currents=after_currents,
        advanced=after_step,
        received=received,
        sent=[Sent(*x.substitute(each, fixed)) for each in sends[0]],
        own=own,
        of_own=[Sent(*x.substitute(each, fixed)) for each in sends[1]],
        waiting=bool(waiting),
        delay_ms=delay_ms,
        followed=followed,
        added=with_numbers(added),
        alone=not free & {"v", "t", CHANGE_OF_V} and not after_currents and not group.wanted,
        constants=constants,
        called=dict(zip(x.substitute(called, fixed), called.values(), strict=True)),
    )


def _in_order(name: str) -> tuple[str, int]:
    """For elements of an array that stand one after another."""
    array, _, number = name.partition("[")
    return array, int(number.removesuffix("]") or 0)


def waiting_name(group: Group, what: str, number: int) -> str:
    """How `kept` calls what is known of a place's own events: when, flag or weight; the next one has number 0."""
    return f"{group.name} own event {what}[{number}]"


def _waiting(group: Group, sent: list[tuple[np.ndarray, np.ndarray]]) -> dict[str, np.ndarray]:
    """The events that wait at each place to begin with, in order, and room for others."""
    n = len(group.node)
    when, flag = np.full((WAITING, n), NEVER), np.zeros((WAITING, n))
    for number, (time_ms, its) in enumerate(sent[:WAITING]):
        when[number], flag[number] = time_ms, its
    order = np.argsort(when, axis=0, kind="stable")
    rows = {"when": np.take_along_axis(when, order, 0), "flag": np.take_along_axis(flag, order, 0)}
    rows["weight"] = np.zeros((WAITING, n))
    return {waiting_name(group, what, k): row for what, each in rows.items() for k, row in enumerate(each)}


def _certain(group: Group, values: dict, numbers: Mapping[str, np.ndarray], blocks: list[Values]) -> dict:
    """The same where what random numbers between 0 and 1 decide is settled, where they decide nothing.

    A release that never fails, for example, which asks whether one is above a rate of failures of 0.
    """
    if not any(name.startswith(UNIFORM) for name in x.symbols(values.values())):
        return values
    changed = {name for block in blocks for name in block}
    own = [name for name in numbers if name.partition(".")[0] in {each.name for each in group.mechanisms}]
    fixed = {name: x.constant(numbers[name][0]) for name in own if name not in changed and _same(numbers[name])}
    return dict(zip(values, x.rewrite(x.substitute(values.values(), fixed), _decided), strict=True))


def _decided(node: Expression, of: tuple[Expression, ...]) -> Expression:
    if node.op in ("<", "<=", ">", ">=") and {each.op for each in of} == {"symbol", "constant"}:
        drawn, other = of if of[0].op == "symbol" else of[::-1]
        above = (node.op in (">", ">=")) == (drawn is of[0])  # whether it asks if the drawn number is above the other
        if drawn.name.startswith(UNIFORM) and not 0 < other.value < 1:
            return x.constant(float((other.value <= 0) == above))
    return x.build(node.op, *of) if node.of else node


def _same(numbers: np.ndarray) -> bool:
    return bool((numbers == numbers[0]).all())


def _alike(numbers: np.ndarray) -> bool:
    """Whether it is one number at several places: it then stands in the code; else it comes from a table."""
    return len(numbers) > 1 and _same(numbers)


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
    names = {*group.pointing.values(), *(name for ion in group.charge for name in ion_names(ion))}
    if found := sorted(x.symbols(values) & names):
        (mechanism,) = group.mechanisms
        what = f"a point process of which a state or an event follows {found[0]}"
        pointers = "|".join(name.partition(".")[2] for name, to in group.pointing.items() if to == found[0])
        where = rf"\bPOINTER\b[^\n]*\b({pointers})\b" if pointers else rf"\bUSEION\b[^\n]*\b{found[0]}\b"
        raise mechanism.refuse(what, where)


def _kept(changed: set[str], outputs: list[Expression], blocks: list[Values]) -> set[str]:
    """The changed variables that what comes out depends on, a step or more later."""
    kept: set[str] = set()
    while True:
        values = [block[name] for block in blocks for name in kept if name in block]
        needed = x.symbols([*outputs, *values]) & changed
        if needed <= kept:
            return kept
        kept |= needed
