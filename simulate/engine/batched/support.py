"""Whether mechanisms can be generated, told from their NMODL alone: no cell is built."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from ...cell.function_tables import Numbers
from ...mechanisms.nmodl import Source
from ...schema import InputError
from . import events, program, step, syntax
from .evaluation import DRAWN_OF_IT, OF_THE_SEGMENT, STREAM
from .membrane import Group, writes_concentration
from .syntax import Mechanism


def refusal(
    mechanisms: Iterable[str], own: Mapping[str, Source] | None = None, exact_rates: bool = False
) -> InputError | None:
    """Why one of the mechanisms cannot be generated, or None where all can. own: NMODL of those that a cell brings.

    exact_rates: whether a TABLE is calculated rather than looked up in.
    """
    known = step.nmodl_of_mechanisms() | step.files_and_texts(own or {})
    for name in mechanisms:
        try:
            if name not in known:
                raise InputError(f"mechanism {name}: its NMODL is not known")
            file, text = known[name]
            group = _anywhere(syntax.parse(text, file))
            group.tables.used = set() if exact_rates else {name}
            program.write(group, dt_ms=0.025, v_init_mv=-65.0, second_order=True)
        except InputError as error:
            return error
    return None


def remarks(own: Mapping[str, Source]) -> list[str]:
    """What is passed over of mechanisms that can be generated, with file and line."""
    return [remark for source in own.values() for remark in syntax.parse(source.text, source.file).remarks]


def _anywhere(mechanism: Mechanism) -> Group:
    """The mechanism at one place, all parameters at their defaults."""
    ions = [ion.name for ion in mechanism.ions]
    own = dict.fromkeys((*mechanism.assigned, *mechanism.states), 0.0) | mechanism.parameters
    shared = {*OF_THE_SEGMENT, *mechanism.ion_variables}
    own = {name: value for name, value in own.items() if name not in shared} | dict.fromkeys(
        mechanism.own_currents, 0.0
    )
    numbers = {f"{mechanism.name}.{name}": value for name, value in own.items()}
    if mechanism.streams:
        numbers |= dict.fromkeys([f"{mechanism.name}.{each}" for each in (DRAWN_OF_IT, *STREAM)], 0.0)
    numbers |= dict.fromkeys(("area", "diam", "celsius"), 1.0)
    numbers |= {name: 1.0 for ion in ions for name in (f"e{ion}", f"{ion}i", f"{ion}o", f"i{ion}")}
    group = Group(
        mechanism.name,
        [mechanism],
        np.zeros(1, int),
        mechanism.point,
        {name: np.array([value]) for name, value in numbers.items()},
        dict.fromkeys(ions, 1.0),
        set(ions) if writes_concentration(mechanism) else set(),
    )
    tables = dict.fromkeys(mechanism.function_tables, Numbers(x=(0, 1), y=(0, 1)))  # whatever they are
    group.tables.given = {mechanism.name: tables}
    events.read_weights([group], ())
    return group
