"""The weights of an ELM's synapses out of fewer numbers: shared in a branch, smooth along it, or a product.

Y synapses, branch after branch, P places on each of K branches, R rank.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

SPREAD_OF_PLACES = (
    0.1  # standard deviation of a product's initial table by place: columns must differ to be learned apart
)


class Spread(NamedTuple):
    """Synapse y has weight `low_y`, or, with `part_y`, lies that far between this and the next."""

    low_y: Tensor  # int64
    part_y: Tensor | None = None  # float32, 0 to 1

    @property
    def n_weights(self) -> int:
        return int(self.low_y.max()) + (1 if self.part_y is None else 2)


def shared_in_a_branch(inhibitory_y: Tensor, n_branches: int) -> Spread:
    """One weight for a branch's excitatory synapses, one for its inhibitory ones."""
    branch_y = torch.arange(n_branches).repeat_interleave(len(inhibitory_y) // n_branches)
    return Spread(2 * branch_y + inhibitory_y)


def smooth_along_a_branch(inhibitory_y: Tensor, n_branches: int, n_knots: int) -> Spread:
    """Two piecewise linear functions of the place on each branch, one for each sign; knots from end to end."""
    n_places = len(inhibitory_y) // n_branches
    at_p = torch.linspace(0, n_knots - 1, n_places, dtype=torch.float64)
    low_p = at_p.long().clamp(max=n_knots - 2)
    first_y = n_knots * shared_in_a_branch(inhibitory_y, n_branches).low_y
    return Spread(first_y + low_p.repeat(n_branches), (at_p - low_p).float().repeat(n_branches))


def spread(weights: Tensor, to: Spread) -> Tensor:
    """The weight of each synapse (…, Y), of weights (…, W)."""
    low = weights.index_select(-1, to.low_y)
    return low if to.part_y is None else torch.lerp(low, weights.index_select(-1, to.low_y + 1), to.part_y)


def initial_tables(n_branches: int, n_places: int, rank: int, weight: float) -> tuple[Tensor, Tensor]:
    """Tables (K, R) and (R, P) whose product is `weight` everywhere; rows after the first are there to be learned."""
    by_branch, by_place = torch.zeros(n_branches, rank), SPREAD_OF_PLACES * torch.randn(rank, n_places)
    by_branch[:, 0], by_place[0] = weight, 1.0
    return by_branch, by_place
