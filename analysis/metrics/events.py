"""Predicted spikes as events in time: how many of them are true, and how many of the true ones they find.

An event is a local maximum of the predicted spike probability at or above a threshold, with none higher within 5 ms: a
plateau is one event, at its middle, and the first and last bins of a trial may be one. Without that distance a jagged
probability counts one spike twice: two maxima 2 to 4 ms apart are common in published models, while the cell that they
predict never fires twice within 6 ms (least of 624 intervals of `hay2011` with NMDA input: 6.6 ms).

B trials, T bins of 1 ms, N events, M true spikes, Q tolerances.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .metric import Axis, Metric
from .ratio import ratio

if TYPE_CHECKING:
    from .pair import Pair

TOLERANCES_MS = np.arange(6)
LEAST_DISTANCE_MS = 5


def find_events(probability_bt: np.ndarray, threshold: float) -> np.ndarray:
    """The bins with an event, boolean, (B, T). A higher threshold leaves some of the same events.

    >>> find_events(np.array([[0.1, 0.6, 0.2, 0.1, 0.1, 0.1, 0.3, 0.3, 0.3, 0.2, 0.2, 0.1, 0.1, 0.9]]), 0.3).astype(int)
    array([[0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1]])
    """
    from scipy.signal import find_peaks

    n_trials, n_bins = probability_bt.shape
    apart = np.full((n_trials + 1, n_bins + LEAST_DISTANCE_MS), -np.inf)  # so that a trial's ends can be maxima
    apart[1:, LEAST_DISTANCE_MS:] = probability_bt
    apart = np.append(apart, -np.inf)
    at, _ = find_peaks(apart, height=threshold, distance=LEAST_DISTANCE_MS)
    found = np.zeros(apart.size, bool)
    found[at] = True
    return found[:-1].reshape(n_trials + 1, -1)[1:, LEAST_DISTANCE_MS:]


def matched(true_m: np.ndarray, event_n: np.ndarray, tolerance_q: np.ndarray) -> np.ndarray:
    """Which true spikes have an event of their own within each tolerance, boolean, (M, Q).

    true_m, event_n: times in increasing order. Each spike in turn takes the earliest free event in its reach, which
    matches as many as any one-to-one choice can: all reaches are equally wide, so a later spike that reaches the
    earlier of two events of this one's reaches the later, too, and loses nothing if the earlier is taken.
    """
    tolerance_q = np.asarray(tolerance_q)
    first_mq = np.searchsorted(event_n, true_m[:, None] - tolerance_q)
    return take_turns(first_mq, np.searchsorted(event_n, true_m[:, None] + tolerance_q, "right"))


def take_turns(first_mq: np.ndarray, end_mq: np.ndarray) -> np.ndarray:
    """Which spikes, in order, get one of the events `first` to `end` - 1 that they reach, boolean, (M, Q)."""
    got_mq = np.empty(first_mq.shape, bool)
    free_q = np.zeros(first_mq.shape[1:], int)
    for row, (first_q, end_q) in enumerate(zip(first_mq, end_mq, strict=True)):
        free_q = np.maximum(free_q, first_q)
        got_mq[row] = free_q < end_q
        free_q += got_mq[row]
    return got_mq


def in_a_row(bins_bt: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The bins that are set: their trials, and times in ms that increase through all trials, never within reach."""
    trial_n, at_n = np.nonzero(bins_bt)
    return trial_n, at_n + trial_n * (bins_bt.shape[1] + TOLERANCES_MS[-1] + 1)


class EventScore(Metric):
    """A share of events or true spikes by tolerance; those of one threshold have the same sums.

    Only spikes and events in scored bins count, each matched with one of the other within the trial.
    """

    unit = "1"
    axis = Axis("tolerance_ms", TOLERANCES_MS, "ms")

    def __init__(self, threshold: float) -> None:
        self.threshold = threshold

    def trial_sums(self, pair: Pair) -> np.ndarray:
        """True spikes, events, and the matched at each tolerance, (B, 2 + Q)."""
        scored_bt = pair.kept_b[:, None] & pair.scored_t
        true_bt, event_bt = pair.spikes_bt & scored_bt, find_events(pair.probability_bt, self.threshold) & scored_bt
        (trial_m, true_m), (_, event_n) = in_a_row(true_bt), in_a_row(event_bt)
        sums = np.zeros((len(scored_bt), 2 + TOLERANCES_MS.size))
        sums[:, 0], sums[:, 1] = true_bt.sum(axis=1), event_bt.sum(axis=1)
        np.add.at(sums[:, 2:], trial_m, matched(true_m, event_n, TOLERANCES_MS))
        return sums


class Precision(EventScore):
    """Share of the events that are a true spike's, 0 to 1; NaN without events."""

    name = "precision"
    title = "precision"

    def score(self, total: np.ndarray) -> np.ndarray:
        return ratio(total[..., 2:], total[..., 1:2])


class Recall(EventScore):
    """Share of the true spikes that have an event, 0 to 1; NaN without true spikes."""

    name = "recall"
    title = "recall"

    def score(self, total: np.ndarray) -> np.ndarray:
        return ratio(total[..., 2:], total[..., :1])


class F1(EventScore):
    """Harmonic mean of precision and recall, 0 to 1: twice the matched over all spikes and events; NaN without any."""

    name = "f1"
    title = "F1"

    def score(self, total: np.ndarray) -> np.ndarray:
        return ratio(2 * total[..., 2:], total[..., :1] + total[..., 1:2])
