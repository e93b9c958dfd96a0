"""Variables of which NEURON has one for all places: GLOBAL, LOCAL outside of blocks, a PARAMETER without RANGE.

Where a block sets one, a place may see what the place before it has left. Generated code has one for each place, which
is the same as long as it is what no place has for itself alone.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ...mechanisms import nmodl
from . import expression as x
from .currents import Values
from .expression import Expression
from .membrane import Group
from .syntax import Mechanism

EVERYWHERE = {"t", "dt", "celsius"}


def refuse_carried(group: Group, needed: Sequence[Expression], blocks: Sequence[Values], initial: Values) -> None:
    """Refuse a variable that goes from place to place, and is used later than where it is set.

    needed: all that is computed. blocks, initial: what the blocks of a step, and INITIAL, set.
    """
    used = x.symbols(needed)
    for mechanism in group.mechanisms:
        settable = mechanism.ranges | mechanism.shared
        for name in mechanism.assigned:
            own = f"{mechanism.name}.{name}"
            if own in used and name.partition("[")[0] not in settable and own in x.symbols([initial.get(own, x.ZERO)]):
                what = f"INITIAL that sets {name} from what the run before has left of it"
                raise mechanism.refuse(what, rf"\b({name.partition('[')[0]})\s*=(?!=)")
    for mechanism in group.mechanisms:
        alike = EVERYWHERE | _of_all_places(mechanism)
        for name in sorted(used & alike - EVERYWHERE):
            for values, same in (*((block, alike) for block in blocks), (initial, alike | {"v"})):
                if name in values and not x.symbols([values[name]]) <= same:
                    short = name.removeprefix(f"{mechanism.name}.")
                    what = f"{short}, which is no RANGE variable, so that one place sees what another has left,"
                    where = rf"\b({short.partition('[')[0]})\s*(?:\[[^]]*\]\s*)?=(?!=)"
                    of_numbers = len(re.findall(where, nmodl.without_comments(mechanism.text)))
                    of_numbers -= len(re.findall(where, nmodl.equations(mechanism.text)))
                    raise mechanism.refuse(what, where, of_numbers)


def _of_all_places(mechanism: Mechanism) -> set[str]:
    """As expressions call them; an array's elements each."""
    names = (*mechanism.parameters, *mechanism.assigned)
    own = mechanism.ranges | mechanism.pointers | mechanism.ion_variables.keys()
    shared = mechanism.shared | mechanism.parameters.keys()
    return {
        f"{mechanism.name}.{name}"
        for name in names
        if (name in shared or name.partition("[")[0] in shared) and name.partition("[")[0] not in own
    }
