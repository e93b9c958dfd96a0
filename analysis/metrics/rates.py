"""How often the cell fires and how often a prediction does, overall and from trial to trial, in scored bins.

B trials, T bins of 1 ms.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .events import find_events
from .metric import Metric
from .ratio import ratio

if TYPE_CHECKING:
    from .pair import Pair

BINS_PER_S = 1000  # 1 ms bins


class TrueRate(Metric):
    """Mean firing rate of the cell, Hz."""

    name = "true_rate_hz"
    unit = "Hz"
    title = "firing rate"

    def trial_sums(self, pair: Pair) -> np.ndarray:
        """Bins and spikes, (B, 2)."""
        return _counts(pair, pair.spikes_bt)

    def score(self, total: np.ndarray) -> np.ndarray:
        return BINS_PER_S * ratio(total[..., 1], total[..., 0])


class ExpectedRate(TrueRate):
    """Mean firing rate of the prediction, Hz: the sum of its spike probability, whatever the threshold."""

    name = "expected_rate_hz"
    title = "expected firing rate"

    def trial_sums(self, pair: Pair) -> np.ndarray:
        """Bins and expected spikes, (B, 2)."""
        return _counts(pair, pair.probability_bt)


class EventRate(TrueRate):
    """Mean rate of the prediction's events at a threshold, Hz."""

    name = "event_rate_hz"
    title = "rate of predicted events"

    def __init__(self, threshold: float) -> None:
        self.threshold = threshold

    def trial_sums(self, pair: Pair) -> np.ndarray:
        """Bins and events, (B, 2)."""
        return _counts(pair, find_events(pair.probability_bt, self.threshold))


class RateCorrelation(Metric):
    """Pearson's correlation across trials of true and expected firing rate, -1 to 1; NaN where either never differs."""

    name = "rate_correlation"
    unit = "1"
    title = "correlation of firing rates"

    def trial_sums(self, pair: Pair) -> np.ndarray:
        """1, both rates in Hz, their squares and product, (B, 6)."""
        n_b, true_b = _counts(pair, pair.spikes_bt).T
        true_b, expected_b = (BINS_PER_S * ratio(x, n_b) for x in (true_b, _counts(pair, pair.probability_bt)[:, 1]))
        sums = (np.ones(len(n_b)), true_b, expected_b, true_b**2, expected_b**2, true_b * expected_b)
        return np.where((n_b > 0)[:, None], np.stack(sums, axis=1), 0)

    def score(self, total: np.ndarray) -> np.ndarray:
        n, x, y, xx, yy, xy = np.moveaxis(total, -1, 0)
        spread = np.sqrt(_spread(n, x, xx) * _spread(n, y, yy))
        return np.clip(ratio(n * xy - x * y, spread), -1, 1)


def _spread(n: np.ndarray, x: np.ndarray, xx: np.ndarray) -> np.ndarray:
    """n squared variances; 0 where rounding has left next to nothing."""
    spread = n * xx - x**2
    return np.where(spread <= 1e-12 * n * xx, 0, spread)


def _counts(pair: Pair, x_bt: np.ndarray) -> np.ndarray:
    """Scored bins, and the sum of x over them, (B, 2)."""
    scored_bt = pair.kept_b[:, None] & pair.scored_t
    return np.stack([scored_bt.sum(axis=1), x_bt.sum(axis=1, dtype=float, where=scored_bt)], axis=1)
