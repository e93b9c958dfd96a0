"""Where the voltage error is: away from spikes, by time to the nearest one, and by how fast the cell fires.

All are root mean squares in mV of the plain error over scored bins, truth clipped as `pair.Pair` has it.
B trials, T bins of 1 ms, m classes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .metric import Axis, Metric
from .ratio import ratio

if TYPE_CHECKING:
    from .pair import Pair

# A spike's bins, measured on `hay2011` with NMDA input: up to 2 ms before its bin the upstroke passes the -55 mV at
# which truth is clipped; by 10 ms after it the afterhyperpolarisation and a doublet's next spike (7 to 10 ms) are over.
BEFORE_MS, AFTER_MS = 2, 10
NEAREST_FROM_MS = np.array([0.0, 2, 5, 10, 20, 50, 100, 200])  # each class ends where the next begins; the last is open
RATE_FROM_HZ = np.array([0.0, 0.1, 0.5, 1, 2, 4])  # the first holds silent trials only, if they last less than 10 s


def since_and_until_ms(spikes_bt: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Time since each bin's last spike and until its next, (B, T) each: 0 in a spike's own bin, inf without one.

    >>> since_and_until_ms(np.array([[False, True, False, False]]))
    (array([[inf,  0.,  1.,  2.]]), array([[ 1.,  0., inf, inf]]))
    """
    at_t = np.arange(spikes_bt.shape[1], dtype=float)
    last_bt = np.maximum.accumulate(np.where(spikes_bt, at_t, -np.inf), axis=1)
    next_bt = np.minimum.accumulate(np.where(spikes_bt, at_t, np.inf)[:, ::-1], axis=1)[:, ::-1]
    return at_t - last_bt, next_bt - at_t


class SubthresholdRmse(Metric):
    """Voltage error outside spikes, from 2 ms before to 10 ms after each true one: what is left is subthreshold."""

    name = "rmse_subthreshold_mv"
    unit = "mV"
    title = "RMSE outside spikes"

    def trial_sums(self, pair: Pair) -> np.ndarray:
        """Bins and squared errors, (B, 2)."""
        since_bt, until_bt = since_and_until_ms(pair.spikes_bt)
        counted_bt = _scored(pair) & (since_bt > AFTER_MS) & (until_bt > BEFORE_MS)
        return np.stack([counted_bt.sum(axis=1), _squared_error(pair).sum(axis=1, where=counted_bt)], axis=1)

    def score(self, total: np.ndarray) -> np.ndarray:
        return np.sqrt(ratio(total[..., 1], total[..., 0]))


class RmseByClass(Metric):
    """What is read from bins by class: their number and squared errors, (…, 2 m)."""

    unit = "mV"

    def score(self, total: np.ndarray) -> np.ndarray:
        n, squared = np.split(total, 2, axis=-1)
        return np.sqrt(ratio(squared, n))


class RmseByTimeToSpike(RmseByClass):
    """Voltage error by time to the nearest true spike, before or after; the last class has silent trials."""

    name = "rmse_by_time_to_spike_mv"
    title = "RMSE by time to nearest spike"
    axis = Axis("time_to_spike_from_ms", NEAREST_FROM_MS, "ms")

    def trial_sums(self, pair: Pair) -> np.ndarray:
        """Bins by class, then squared errors by class, (B, 2 m)."""
        nearest_bt = np.minimum(*since_and_until_ms(pair.spikes_bt))
        return _by_class(pair, np.searchsorted(NEAREST_FROM_MS, nearest_bt, "right") - 1, NEAREST_FROM_MS.size)


class RmseByRate(RmseByClass):
    """Voltage error by the firing rate of the trial, from its true spikes in scored bins."""

    name = "rmse_by_rate_mv"
    title = "RMSE by firing rate of the trial"
    axis = Axis("rate_from_hz", RATE_FROM_HZ, "Hz")

    def trial_sums(self, pair: Pair) -> np.ndarray:
        """Bins by class, then squared errors by class, (B, 2 m)."""
        rate_hz_b = 1000 * pair.spikes_bt[:, pair.scored_t].sum(axis=1) / max(pair.scored_t.sum(), 1)
        class_b = np.searchsorted(RATE_FROM_HZ, rate_hz_b, "right") - 1
        return _by_class(pair, np.broadcast_to(class_b[:, None], pair.spikes_bt.shape), RATE_FROM_HZ.size)


def _by_class(pair: Pair, class_bt: np.ndarray, n_classes: int) -> np.ndarray:
    scored_bt = _scored(pair)
    at = class_bt[scored_bt] + n_classes * np.nonzero(scored_bt)[0]
    sums = [np.bincount(at, weights, n_classes * len(scored_bt)) for weights in (None, _squared_error(pair)[scored_bt])]
    return np.concatenate([each.reshape(-1, n_classes) for each in sums], axis=1).astype(float)


def _scored(pair: Pair) -> np.ndarray:
    return pair.kept_b[:, None] & pair.scored_t


def _squared_error(pair: Pair) -> np.ndarray:
    return np.subtract(pair.v_bt, pair.predicted_bt, dtype=float) ** 2
