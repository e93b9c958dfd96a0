"""How far the predicted events of a trial are from its true spikes, by three distances of spike trains.

Two of them are in Elephant, which takes 4 ms for one pair of trains; here all trials are worked out at once. A trial
with neither spike nor event has distance 0; a train against an empty one costs its number of spikes (Victor-Purpura),
or its own norm (van Rossum).

B trials, T bins of 1 ms, M and N most true spikes and most events of a trial.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

import numpy as np

from .events import find_events
from .metric import Metric
from .ratio import ratio
from .spike_distance import spike_distance

if TYPE_CHECKING:
    from .pair import Pair

TAU_MS = 10.0  # the time scale of both: a shift by twice as much costs as much as losing one spike and adding another


def van_rossum(true_bt: np.ndarray, event_bt: np.ndarray) -> np.ndarray:
    """Euclidean distance of the trains once each spike is an exponential of 10 ms, (B,): 1 for a single spike too many.

    The sum over all pairs of spikes of their exponential is the train times its own filtered self.
    Source: van Rossum 2001, Neural Computation 13:751, in Elephant's norm (by the factor of the square root of 2).
    """
    from scipy.signal import lfilter

    surplus_bt = np.subtract(true_bt, event_bt, dtype=float)
    filtered_bt = lfilter([1.0], [1.0, -np.exp(-1 / TAU_MS)], surplus_bt, axis=1)
    squared_b = 2 * (surplus_bt * filtered_bt).sum(axis=1) - (surplus_bt**2).sum(axis=1)
    return np.sqrt(np.maximum(squared_b, 0))


def victor_purpura(true_bt: np.ndarray, event_bt: np.ndarray) -> np.ndarray:
    """The least cost of making one train the other, (B,): 1 to add or remove a spike, 1 per 10 ms to shift it.

    Source: Victor & Purpura 1996, J Neurophysiol 76:1310; the algorithm is that of edit distances, for all trials and
    events at once: the cost of what precedes an event is a running minimum.
    """
    (n_true_b, true_bm), (n_event_b, event_bn) = _times(true_bt), _times(event_bt)
    at_n = np.arange(event_bn.shape[1] + 1)
    cost_bn = np.tile(at_n.astype(float), (len(true_bm), 1))  # of making the first events out of no spike
    found_b = n_event_b.astype(float)
    for m, true_b in enumerate(true_bm.T, start=1):
        shifted_bn = cost_bn[:, :-1] + np.abs(true_b[:, None] - event_bn) / TAU_MS
        cost_bn = np.concatenate([np.full((len(cost_bn), 1), m), np.minimum(cost_bn[:, 1:] + 1, shifted_bn)], axis=1)
        cost_bn = np.minimum.accumulate(cost_bn - at_n, axis=1) + at_n
        done = n_true_b == m
        found_b[done] = cost_bn[done, n_event_b[done]]
    return found_b


class TrainDistance(Metric):
    """Mean over the scored trials of a distance of true spikes and events in scored bins; NaN without such trials."""

    unit = "1"

    def __init__(self, threshold: float) -> None:
        self.threshold = threshold

    def trial_sums(self, pair: Pair) -> np.ndarray:
        """1 and the distance, (B, 2)."""
        event_bt = find_events(pair.probability_bt, self.threshold)[:, pair.scored_t]
        distance_b = self.distance(pair.spikes_bt[:, pair.scored_t], event_bt)
        return np.stack([pair.kept_b, np.where(pair.kept_b, distance_b, 0)], axis=1).astype(float)

    def score(self, total: np.ndarray) -> np.ndarray:
        return ratio(total[..., 1], total[..., 0])

    @abstractmethod
    def distance(self, true_bt: np.ndarray, event_bt: np.ndarray) -> np.ndarray:
        """Of each trial's trains, (B,)."""


class VanRossum(TrainDistance):
    """See `van_rossum`; 0 for equal trains, unbounded."""

    name = "van_rossum"
    title = "van Rossum distance, 10 ms"

    def distance(self, true_bt: np.ndarray, event_bt: np.ndarray) -> np.ndarray:
        return van_rossum(true_bt, event_bt)


class VictorPurpura(TrainDistance):
    """See `victor_purpura`; 0 for equal trains, at most the number of spikes and events."""

    name = "victor_purpura"
    title = "Victor–Purpura distance, 10 ms"

    def distance(self, true_bt: np.ndarray, event_bt: np.ndarray) -> np.ndarray:
        return victor_purpura(true_bt, event_bt)


class SpikeDistance(TrainDistance):
    """See `spike_distance`; 0 for equal trains, below 1."""

    name = "spike_distance"
    title = "SPIKE distance"

    def distance(self, true_bt: np.ndarray, event_bt: np.ndarray) -> np.ndarray:
        middle_ms = np.arange(true_bt.shape[1]) + 0.5
        trains = zip(true_bt, event_bt, strict=True)
        return np.array([spike_distance(middle_ms[true], middle_ms[event], middle_ms.size) for true, event in trains])


def _times(bins_bt: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How many bins of each trial are set, (B,), and their times in ms, filled up with 0, (B, most)."""
    trial, at = np.nonzero(bins_bt)
    n_b = bins_bt.sum(axis=1)
    times = np.zeros((len(bins_bt), n_b.max(initial=0)))
    times[trial, np.arange(trial.size) - np.repeat(np.cumsum(n_b) - n_b, n_b)] = at
    return n_b, times
