"""Input statistics to seeded spike trains, as published for NeuronIO. Pure NumPy and SciPy.

N segments, T bins of 1 ms, H hold intervals, S = 2 signs.
Source: Beniaguev, Segev & London 2021 (Neuron 109:2727) and its code.
"""

from __future__ import annotations

from copy import deepcopy

import numpy as np
from pydantic import Field, model_validator

from ..schema import Configuration
from .smoothing import Block, blocks

HOLD_MS = (25, 30, 35, 40, 45, 55, 60, 65, 70, 75, 80, 85, 90, 100, 150, 200, 300, 450)
SIGMA_MS = (25, 30, 35, 40, 50, 60, 80, 100, 150, 200, 300, 400, 500, 600)
JITTER_MS = 20  # on both, either way
LENGTH_OFFSET_UM = 10  # a segment's share of its tree's spikes goes with length + 10 um
HETEROGENEITY = (0.5, 1.5)  # factor on each segment and hold interval
TREES = ("basal", "apical")
MOST = 1e6  # spikes per 100 ms: one in every bin of 10,000 segments
BINS = 192_000  # drawn at a time: what stays in a processor's cache; all at once takes two times as long (measured)


class InputStatistics(Configuration):
    """Ranges of the input rates, in spikes per 100 ms over a whole tree; drawn anew for each hold interval."""

    excitatory_basal: tuple[float, float] = Field(description="excitatory spikes per 100 ms over the tree")
    excitatory_apical: tuple[float, float] = Field(description="the same")
    inhibitory_minus_excitatory_basal: tuple[float, float] = Field(description="inhibitory ones, relative to those")
    inhibitory_minus_excitatory_apical: tuple[float, float] = Field(description="the same")

    @model_validator(mode="after")
    def _ranges_ascend(self) -> InputStatistics:
        for name in type(self).model_fields:
            low, high = getattr(self, name)
            if low > high:
                raise ValueError(f"{name}: range ({low:g}, {high:g}) is not ascending")
            if max(-low, high) > MOST:
                raise ValueError(f"{name}: expected {MOST:,.0f} spikes per 100 ms at most, got ({low:g}, {high:g})")
            if name.startswith("excitatory") and low < 0:
                raise ValueError(f"{name}: a count of spikes cannot be negative, got {low:g}")
        return self


def draw(
    statistics: InputStatistics,
    tree: np.ndarray,
    length_um: np.ndarray,
    duration_ms: int,
    seed: int,
    trial: int,
    rate_factor: float | np.ndarray = 1.0,
) -> np.ndarray:
    """Input spikes of one trial, shape (2 N, T), boolean: excitatory segments, then inhibitory ones.

    tree (N,): 'basal' or 'apical'; length_um (N,): segment lengths; a segment that is there k times shares its spikes
    among k synapses. rate_factor: what the smoothed rates are multiplied by, broadcast to (2 N, T). Trial `trial` of
    `seed` is the same whatever else is drawn.
    """
    bits = np.random.PCG64([seed, trial])
    rng = np.random.Generator(bits)
    hold_ms = int(rng.choice(HOLD_MS)) + int(rng.integers(-JITTER_MS, JITTER_MS + 1))
    sigma_ms = int(rng.choice(SIGMA_MS)) + int(rng.integers(-JITTER_MS, JITTER_MS + 1))
    n_hold = -(-duration_ms // hold_ms)
    rate_snh = np.zeros((2, len(tree), n_hold))
    for name in TREES:
        of_tree = np.flatnonzero(tree == name)
        if not len(of_tree):
            continue
        share = (length_um[of_tree] + LENGTH_OFFSET_UM) / (length_um[of_tree] + LENGTH_OFFSET_UM).sum()
        low, high = getattr(statistics, f"inhibitory_minus_excitatory_{name}")
        fewest, most = getattr(statistics, f"excitatory_{name}")
        excitatory = rng.uniform(fewest, most, n_hold)
        least = np.maximum(0, excitatory + low)
        inhibitory = rng.uniform(least, np.maximum(least, excitatory + high))
        for sign, count in enumerate((excitatory, inhibitory)):
            factor = rng.uniform(HETEROGENEITY[0], HETEROGENEITY[1], (len(of_tree), n_hold))
            rate_snh[sign, of_tree] = share[:, None] * factor * count / 100  # per ms
    return _spikes(bits, rate_snh.reshape(2 * len(tree), n_hold), blocks(hold_ms, sigma_ms, duration_ms), rate_factor)


def _spikes(bits: np.random.PCG64, rate_nh: np.ndarray, smooth: list[Block], factor: float | np.ndarray) -> np.ndarray:
    """Spikes (n, T) of held rates: uniform numbers for all rows, and then for all rows exponential ones."""
    shape = len(rate_nh), smooth[-1].bins.stop
    spikes, factor = np.empty(shape, bool), np.broadcast_to(factor, shape)
    uniform = np.random.Generator(bits)
    exponential = np.random.Generator(deepcopy(bits).advance(spikes.size))  # a uniform number takes one of its steps
    n_rows = max(1, BINS // shape[1])
    for first in range(0, len(rate_nh), n_rows):
        rows = slice(first, first + n_rows)
        rate = np.empty(spikes[rows].shape)
        for bins, holds, share in smooth:
            rate[:, bins] = rate_nh[rows, holds] @ share
        rate *= factor[rows]
        rate *= exponential.standard_exponential(rate.shape)
        spikes[rows] = uniform.random(rate.shape) < rate
    return spikes
