"""Sizes of ELM Networks that have a budget of parameters: neurons, complexity and connections traded for one another.

N neurons, of complexity k_e, the memory units d_m, listen to k_c sources each, branches times synapses of a branch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, get_args

from ...simulate.schema import InputError
from .elm_network_config import ElmNetworkConfig

Axis = Literal["n-vs-ke", "n-vs-kc", "ke-vs-kc"]
Field = Literal["n_neurons", "d_m", "synapses_per_branch"]
TOLERANCE = 0.01  # of the budget
# of each axis: what is turned, and what follows from the budget
TURNED: dict[str, tuple[Field, Field]] = {
    "n-vs-ke": ("d_m", "n_neurons"),
    "n-vs-kc": ("synapses_per_branch", "n_neurons"),
    "ke-vs-kc": ("d_m", "synapses_per_branch"),
}
VALUES: dict[Field, tuple[int, ...]] = {
    "d_m": (2, 3, 4, 5, 7, 9, 11, 15, 20, 25),  # the paper's of SHD-Adding
    "synapses_per_branch": (1, 2, 3, 5, 7, 10, 15, 20, 30, 50),  # chosen: k_c from 30 to 1,500 with 30 branches
}


def sizes_for_budget(
    budget: int, axis: Axis, base: ElmNetworkConfig, values: Sequence[int] | None = None
) -> list[ElmNetworkConfig]:
    """Networks along an axis whose trainable parameters are the budget within 1 %, one for each value that allows it.

    axis: n-vs-ke turns d_m and solves for the neurons, n-vs-kc turns the synapses of a branch and solves for the
    neurons, ke-vs-kc turns d_m and solves for the synapses of a branch. What is solved for is the whole number that
    comes nearest; where that is not within 1 %, there are the fewest branches more or fewer with which it is. base: all
    else. values: of what is turned.
    Raises InputError for an axis that is not known, or a budget that no value meets.
    """
    if axis not in get_args(Axis):
        raise InputError(f"axis '{axis}' is not known; choose one of {', '.join(get_args(Axis))}")
    turned, solved = TURNED[axis]
    values = values or VALUES[turned]
    tried = [(value, _solved(base.model_copy(update={turned: value}), solved, budget)) for value in values]
    found = [config for _, config in tried if config is not None]
    if not found:
        least = base.model_copy(update={turned: min(values), solved: 1}).n_parameters()
        raise InputError(
            f"elm-network: no size along {axis} has {budget:,} parameters within {TOLERANCE:.0%}; with {turned} "
            f"{min(values)} and {solved} 1 it has {least:,}; choose another budget, or other sizes for the rest"
        )
    return found


def _solved(config: ElmNetworkConfig, field: Field, budget: int) -> ElmNetworkConfig | None:
    """With the number in a field that meets the budget, where there is one."""
    for n_branches in _from_near_to_far(config.n_branches):
        at_one, at_two = (
            config.model_copy(update={"n_branches": n_branches, field: value}).n_parameters() for value in (1, 2)
        )
        value = 1 + round((budget - at_one) / (at_two - at_one))  # parameters are linear in either field
        if value >= 1 and abs(at_one + (value - 1) * (at_two - at_one) - budget) <= TOLERANCE * budget:
            return config.model_copy(update={"n_branches": n_branches, field: value})
    return None


def _from_near_to_far(n_branches: int) -> Iterator[int]:
    """
    >>> list(_from_near_to_far(6))
    [6, 7, 5, 8, 4]
    """
    yield n_branches
    for change in range(1, n_branches // 3 + 1):
        yield n_branches + change
        yield n_branches - change
