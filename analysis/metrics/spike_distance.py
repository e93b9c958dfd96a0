"""The SPIKE distance of two spike trains: how far apart nearest spikes are, in units of the intervals around them.

It has no time scale of its own. Source: Kreuz et al. 2013, J Neurophysiol 109:1457 (the profile);
its edges as in SPIKY and PySpike (Kreuz et al. 2015, J Neurophysiol 113:3432). Elephant has none.
"""

from __future__ import annotations

import numpy as np


def spike_distance(one_ms: np.ndarray, other_ms: np.ndarray, stop_ms: float) -> float:
    """Mean of the dissimilarity over 0 to `stop_ms`, 0 for equal trains, below 1; symmetric.

    one_ms, other_ms: times in increasing order within 0 to stop_ms. At any time, each train has the interval between
    its spikes around it, and the distance of either of them to the other train's nearest spike, interpolated; the
    dissimilarity is the mean of both trains' distances, each weighted by the other's interval, over the mean interval.
    It is linear between spikes, and so its mean is exact.
    Edges: before its first spike a train has that spike's distance, and the interval from 0 or its first interval,
    whichever is longer; as much after its last. A train without spikes has one at 0 and one at stop_ms; two have 0.
    """
    if not (one_ms.size or other_ms.size):
        return 0.0
    one, other = _with_edges(one_ms, stop_ms), _with_edges(other_ms, stop_ms)
    edges = np.unique(np.concatenate([[0.0, stop_ms], one_ms, other_ms]))
    middle = (edges[1:] + edges[:-1]) / 2
    interval = [np.diff(x)[np.searchsorted(x, middle) - 1] for x in (one, other)]
    apart = [_apart(one, other), _apart(other, one)]
    mean_interval = (interval[0] + interval[1]) / 2
    total = 0.0
    for ends in (edges[:-1], edges[1:]):
        far = [np.interp(ends, x, distance) for x, distance in zip((one, other), apart, strict=True)]
        total += ((far[0] * interval[1] + far[1] * interval[0]) / 2 / mean_interval**2 * np.diff(edges)).sum() / 2
    return float(total / stop_ms)


def _with_edges(x_ms: np.ndarray, stop_ms: float) -> np.ndarray:
    """The spikes, and one on either side of them where the edges' intervals end."""
    if not x_ms.size:
        x_ms = np.array([0.0, stop_ms])
    first, last = (x_ms[1] - x_ms[0], x_ms[-1] - x_ms[-2]) if x_ms.size > 1 else (0.0, 0.0)
    return np.concatenate([[min(0.0, x_ms[0] - first)], x_ms, [max(stop_ms, x_ms[-1] + last)]])


def _apart(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Distance from each spike of x to the nearest of y, edges' included; x's own edges have their neighbours'."""
    after = np.clip(np.searchsorted(y, x), 1, y.size - 1)
    nearest = np.minimum(np.abs(x - y[after - 1]), np.abs(y[after] - x))
    nearest[[0, -1]] = nearest[[1, -2]]
    return nearest
