"""The output spikes of one integration as a prediction of another's: how probable a spike is in each bin of 1 ms.

A spike that another integration places a hundredth of a millisecond later may fall into the next bin, which is no
failure of the cell. So each spike stands for a distribution of times around its own: a Cauchy distribution, whose only
number is the median shift. Shifts are like that: nearly all are a few steps, and a few are of milliseconds, where it
hung on the next input whether the cell fires. What each score makes of it:
- ROC-AUC, average precision and F1 go by ranks alone, and the mass in a bin falls strictly with the bin's distance from
  the spike, whatever the median shift: one spike's bins rank by distance. That holds however far (a normal
  distribution would be 0 in single precision after some ms, and all bins beyond tied), so a spike that this integration
  lacks counts as much as a bin at its distance from the next one: about chance, which is what its loss is worth.
- The bin that holds a spike has more than half of its mass and ranks before all its neighbours, except where the spike
  lies at the bin's edge; there both rank high, as either may be right.
- Brier score and calibration go by the values; for them the median shift is a measured one.
Several spikes are independent: a bin's probability is that one of them at least falls into it.

K spikes, T bins.
"""

from __future__ import annotations

import numpy as np

from .contract import SPIKE_BIN_OFFSET_MS

JITTER_MS = 0.025  # median of 62 spikes of `hay2011` (preset nmda, seed 1), with steps of 0.0125 and 0.025 ms


def spike_probability(time_ms: np.ndarray, duration_ms: int, jitter_ms: float = JITTER_MS) -> np.ndarray:
    """Probability of an output spike in each bin (T,), where the other integration fires at time_ms (K,).

    Bin b is that of the label convention: times from b + 0.5 ms on and before b + 1.5 ms.

    >>> spike_probability(np.array([2.0]), 3, jitter_ms=0.5).round(4)
    array([0.1476, 0.5   , 0.1476])
    """
    edge_ms = np.arange(duration_ms + 1)[:, None] + SPIKE_BIN_OFFSET_MS
    before = np.arctan((edge_ms - np.asarray(time_ms)) / jitter_ms) / np.pi
    return 0 - np.expm1(np.log1p(-np.diff(before, axis=0)).sum(axis=1))


def shared_labels(time_ms: np.ndarray, duration_ms: int, jitter_ms: float) -> tuple[np.ndarray, np.ndarray]:
    """Bins, ascending, and the label of each, where a spike's is shared between its bin and the two beside it.

    time_ms (K,): of output spikes. Each bin has its part of what falls into the three, so a spike far from any edge is
    its own bin's, and one on an edge half of either's. All other bins have none.

    >>> bins, labels = shared_labels(np.array([7.5, 20.0]), 100, 0.025)
    >>> bins, labels.round(3)
    (array([ 6,  7,  8, 18, 19, 20]), array([0.498, 0.498, 0.004, 0.011, 0.979, 0.011]))
    """
    own = np.maximum(time_ms - SPIKE_BIN_OFFSET_MS, 0).astype(int)
    bins = own[:, None] + np.arange(-1, 2)
    edge_ms = own[:, None] + np.arange(-1, 3) + SPIKE_BIN_OFFSET_MS
    mass = np.diff(np.arctan((edge_ms - time_ms[:, None]) / jitter_ms) / np.pi, axis=1)
    mass /= mass.sum(axis=1, keepdims=True)
    inside = (bins >= 0) & (bins < duration_ms)
    found, at = np.unique(bins[inside], return_inverse=True)
    without = np.ones(len(found))
    np.multiply.at(without, at, 1 - mass[inside])  # two spikes' shares of a bin are independent
    return found, 1 - without
