"""Intervals between spikes, true ones and predicted events: whether a prediction fires in bursts as the cell does.

An interval counts where both of its spikes are in scored bins; it is a whole number of 1 ms bins.
B trials, T bins of 1 ms, m classes of length.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .events import find_events
from .metric import Axis, Metric
from .ratio import ratio

if TYPE_CHECKING:
    from .pair import Pair

BURST_BELOW_MS = 25  # shorter ones are within a burst: a third of the intervals of `hay2011` with NMDA input
INTERVAL_FROM_MS = np.round(10 ** (np.arange(15) / 4), 1)  # 1 ms to 3.2 s, four to a decade; the last is open


class Intervals(Metric):
    """What is read from the intervals between the spikes of a trial: true ones, or events at a threshold."""

    def __init__(self, threshold: float | None = None) -> None:
        """threshold: of the prediction's events; None for the true spikes."""
        self.threshold = threshold

    def trial_sums(self, pair: Pair) -> np.ndarray:
        """Intervals, their sum in ms and sum of squares, those of a burst, then those of each class, (B, 4 + m)."""
        bins_bt = pair.spikes_bt if self.threshold is None else find_events(pair.probability_bt, self.threshold)
        trial_n, at_n = np.nonzero(bins_bt & pair.kept_b[:, None] & pair.scored_t)
        same = trial_n[1:] == trial_n[:-1]
        trial_n, interval_n = trial_n[1:][same], np.diff(at_n)[same]
        class_n = np.searchsorted(INTERVAL_FROM_MS, interval_n, "right") - 1
        of_class_nm = class_n[:, None] == np.arange(INTERVAL_FROM_MS.size)
        moments = (np.ones_like(interval_n), interval_n, interval_n**2, interval_n < BURST_BELOW_MS)
        sums = np.zeros((len(bins_bt), 4 + INTERVAL_FROM_MS.size))
        np.add.at(sums, trial_n, np.concatenate([np.stack(moments, axis=1), of_class_nm], axis=1))
        return sums


class IntervalMean(Intervals):
    """Mean interval between spikes, ms; NaN without an interval."""

    name = "interval_mean_ms"
    unit = "ms"
    title = "mean interval between spikes"

    def score(self, total: np.ndarray) -> np.ndarray:
        return ratio(total[..., 1], total[..., 0])


class IntervalCv(Intervals):
    """Standard deviation of the intervals over their mean: 0 for a clock, 1 for a Poisson process, more for bursts."""

    name = "interval_cv"
    unit = "1"
    title = "coefficient of variation of intervals"

    def score(self, total: np.ndarray) -> np.ndarray:
        mean, mean_square = (ratio(total[..., at], total[..., 0]) for at in (1, 2))
        return np.sqrt(np.maximum(mean_square - mean**2, 0)) / mean


class BurstFraction(Intervals):
    """Share of the intervals that are shorter than 25 ms, 0 to 1."""

    name = "burst_fraction"
    unit = "1"
    title = "share of intervals below 25 ms"

    def score(self, total: np.ndarray) -> np.ndarray:
        return ratio(total[..., 3], total[..., 0])


class IntervalHistogram(Intervals):
    """Share of the intervals in each class of length, adding up to 1."""

    name = "interval_histogram"
    unit = "1"
    title = "share of intervals"
    axis = Axis("interval_from_ms", INTERVAL_FROM_MS, "ms")

    def score(self, total: np.ndarray) -> np.ndarray:
        return ratio(total[..., 4:], total[..., :1])
