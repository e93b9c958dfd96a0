"""At which frequencies the voltage error is, against the truth's own power there.

Power comes from the Fourier transform of each trial's scored bins, without a window, and is counted in bins of time, so
that by Parseval's theorem the squares of all bands add up to the mean square exactly, for any choice of trials.
B trials, T bins of 1 ms, m bands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .metric import Axis, Metric
from .ratio import ratio

if TYPE_CHECKING:
    from .pair import Pair

BAND_FROM_HZ = np.array([0.0, 5, 20, 50, 100, 200])  # each band ends where the next begins, the last at 500 Hz
BINS_PER_S = 1000  # 1 ms bins


def band_power(x_bt: np.ndarray) -> np.ndarray:
    """Sum of squares over time of each trial, by band, (B, m); the mean is part of the first band."""
    n_bins = x_bt.shape[1]
    power_bf = np.abs(np.fft.rfft(x_bt, axis=1)) ** 2 / max(n_bins, 1)
    power_bf[:, 1 : (n_bins + 1) // 2] *= 2  # their negative frequencies; 0 Hz, and 500 Hz of even T, have none
    band_f = np.searchsorted(BAND_FROM_HZ, np.fft.rfftfreq(n_bins, 1 / BINS_PER_S), "right") - 1
    return np.stack([power_bf[:, band_f == band].sum(axis=1) for band in range(BAND_FROM_HZ.size)], axis=1)


class _ByFrequency(Metric):
    unit = "mV"
    axis = Axis("band_from_hz", BAND_FROM_HZ, "Hz")

    def score(self, total: np.ndarray) -> np.ndarray:
        return np.sqrt(ratio(total[..., 1:], total[..., :1]))


class RmseByFrequency(_ByFrequency):
    """Root mean square of the plain voltage error, by frequency; a constant offset is in the first band."""

    name = "rmse_by_frequency_mv"
    title = "RMSE by frequency"

    def trial_sums(self, pair: Pair) -> np.ndarray:
        """Bins, then squared errors by band, (B, 1 + m)."""
        return _sums(pair, np.subtract(pair.v_bt, pair.predicted_bt, dtype=float))


class TrueRmsByFrequency(_ByFrequency):
    """Root mean square of the true voltage's distance from its mean over the trial, by frequency.

    The error over this is what a prediction of each trial's mean, which misses everything, scores as 1.
    """

    name = "true_rms_by_frequency_mv"
    title = "true voltage by frequency"

    def trial_sums(self, pair: Pair) -> np.ndarray:
        """Bins, then squares by band, (B, 1 + m)."""
        scored_v = pair.v_bt[:, pair.scored_t]
        return _sums(pair, pair.v_bt - (scored_v.mean(axis=1, keepdims=True) if scored_v.size else 0))


def _sums(pair: Pair, x_bt: np.ndarray) -> np.ndarray:
    n_bins = int(pair.scored_t.sum())
    if not n_bins:
        return np.zeros((len(x_bt), 1 + BAND_FROM_HZ.size))
    sums = np.concatenate([np.full((len(x_bt), 1), n_bins), band_power(x_bt[:, pair.scored_t])], axis=1)
    return sums * pair.kept_b[:, None]
