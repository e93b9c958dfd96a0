"""What a model predicts around a true spike: expected spikes per second at each lag, and the truth's own.

Only pairs of which both bins are scored count, and each lag is divided by how many of those there are: the edges of
trials, where some lags have no bin, leave no dent.
B trials, T bins of 1 ms, m lags.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .metric import Axis, Metric
from .ratio import ratio

if TYPE_CHECKING:
    from .pair import Pair

LAGS_MS = np.arange(-50, 51)
BINS_PER_S = 1000  # 1 ms bins


class CrossCorrelogram(Metric):
    """Expected spikes of the prediction around a true spike, Hz; a positive lag is after it.

    A perfect prediction equals `Autocorrelogram`, one that is late is shifted to the right, an independent one is flat
    at its rate.
    """

    name = "cross_correlogram_hz"
    unit = "Hz"
    title = "predicted rate around a true spike"
    axis = Axis("lag_ms", LAGS_MS, "ms")

    def trial_sums(self, pair: Pair) -> np.ndarray:
        """Bins at each lag, then what is predicted there, (B, 2 m)."""
        return around_spikes(pair, pair.probability_bt)

    def score(self, total: np.ndarray) -> np.ndarray:
        n, spikes = np.split(total, 2, axis=-1)
        return BINS_PER_S * ratio(spikes, n)


class Autocorrelogram(CrossCorrelogram):
    """True spikes around a true spike, Hz: at lag 0 itself, 1,000 Hz in bins of 1 ms."""

    name = "autocorrelogram_hz"
    title = "true rate around a true spike"

    def trial_sums(self, pair: Pair) -> np.ndarray:
        """Bins at each lag, then true spikes there, (B, 2 m)."""
        return around_spikes(pair, pair.spikes_bt)


def around_spikes(pair: Pair, x_bt: np.ndarray) -> np.ndarray:
    """Number of scored bins at each lag from true spikes, then the sum of x in them, (B, 2 m)."""
    scored_bt = pair.kept_b[:, None] & pair.scored_t
    n_trials, n_bins = scored_bt.shape
    trial_n, at_n = np.nonzero(pair.spikes_bt & scored_bt)
    at_nm = at_n[:, None] + LAGS_MS
    within_nm = (at_nm >= 0) & (at_nm < n_bins)
    at_nm, row_nm = np.where(within_nm, at_nm, 0), trial_n[:, None]
    within_nm &= scored_bt[row_nm, at_nm]
    sums = np.zeros((n_trials, 2, LAGS_MS.size))
    np.add.at(sums[:, 0], trial_n, within_nm)
    np.add.at(sums[:, 1], trial_n, np.where(within_nm, x_bt[row_nm, at_nm], 0.0))
    return sums.reshape(n_trials, -1)
