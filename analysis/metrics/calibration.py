"""Whether a predicted spike probability is one: of the bins given 10 %, 1 in 10 should hold an output spike.

B trials, T bins of 1 ms, P bins of probability.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .metric import Axis, Metric
from .ratio import ratio

if TYPE_CHECKING:
    from .pair import Pair

# Four to a decade, each up to its value, since spikes are rare: about 1 in 1,000 bins. The first starts at 0
PROBABILITY_UP_TO = 10 ** (np.arange(-16, 1) / 4)


class Brier(Metric):
    """Mean squared difference of probability and outcome, 0 for perfect to 1; that of the true rate r is r (1 - r).

    Source: Brier 1950, Monthly Weather Review 78:1, for two outcomes counted once.
    """

    name = "brier"
    unit = "1"
    title = "Brier score"

    def trial_sums(self, pair: Pair) -> np.ndarray:
        """Bins and squared differences, (B, 2)."""
        scored_bt = pair.kept_b[:, None] & pair.scored_t
        squared_bt = np.subtract(pair.probability_bt, pair.spikes_bt, dtype=float) ** 2
        return np.stack([scored_bt.sum(axis=1), squared_bt.sum(axis=1, where=scored_bt)], axis=1)

    def score(self, total: np.ndarray) -> np.ndarray:
        return ratio(total[..., 1], total[..., 0])


class Calibration(Metric):
    """What is read from the bins of probability: those of this kind have the same sums."""

    unit = "1"

    def trial_sums(self, pair: Pair) -> np.ndarray:
        """Bins of time, their predicted probability and their spikes, each by bin of probability, (B, 3 P)."""
        scored_bt = pair.kept_b[:, None] & pair.scored_t
        probability, spikes = pair.probability_bt[scored_bt].astype(float), pair.spikes_bt[scored_bt]
        n_bins = PROBABILITY_UP_TO.size
        at = np.searchsorted(PROBABILITY_UP_TO[:-1], probability) + n_bins * np.nonzero(scored_bt)[0]
        sums = [np.bincount(at, weights, n_bins * len(scored_bt)) for weights in (None, probability, spikes)]
        return np.concatenate([each.reshape(-1, n_bins) for each in sums], axis=1).astype(float)


class ObservedFrequency(Calibration):
    """Spikes per bin of time, by predicted probability: a reliability curve's height; NaN where there are none.

    On the diagonal where it equals `PredictedProbability`.
    """

    name = "observed_frequency"
    title = "observed spike frequency"
    axis = Axis("probability_up_to", PROBABILITY_UP_TO, "1")

    def score(self, total: np.ndarray) -> np.ndarray:
        n, _, spikes = np.split(total, 3, axis=-1)
        return ratio(spikes, n)


class PredictedProbability(Calibration):
    """Mean predicted probability in the same bins: where on a reliability curve its points stand."""

    name = "predicted_probability"
    title = "predicted spike probability"
    axis = Axis("probability_up_to", PROBABILITY_UP_TO, "1")

    def score(self, total: np.ndarray) -> np.ndarray:
        n, probability, _ = np.split(total, 3, axis=-1)
        return ratio(probability, n)


class CalibrationError(Calibration):
    """Distance of the two, averaged over all bins of time, 0 for calibrated to 1: expected calibration error.

    With spikes in 1 of 1,000 bins it is small by nature: a prediction of nothing has their rate.
    Source: Naeini et al. 2015, AAAI 29:2901, with these bins in place of equal ones.
    """

    name = "calibration_error"
    title = "expected calibration error"

    def score(self, total: np.ndarray) -> np.ndarray:
        n, probability, spikes = np.split(total, 3, axis=-1)
        return ratio(np.abs(spikes - probability).sum(axis=-1), n.sum(axis=-1))
