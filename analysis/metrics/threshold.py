"""At which spike probability a prediction counts as a spike: chosen on validation trials, then kept.

M true spikes, C candidates.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...simulate.schema import InputError
from .events import find_events, in_a_row, take_turns

if TYPE_CHECKING:
    from .pair import Pair

CHOSEN_AT_MS = 2  # tolerance
CANDIDATES = 256
NEVER = 1.0  # where no threshold finds a spike, hardly anything is an event


def choose_threshold(pair: Pair) -> float:
    """The threshold whose events have the largest F1 at 2 ms; the highest of several such, 1 where no event is true.

    Candidates are the probabilities of the events within 2 ms of a true spike: any threshold between two of them adds
    only false events. Where there are more than 256, 256 quantiles of them. Deterministic.
    pair: of validation trials; those that are not to be scored do not count.
    Raises InputError without a true spike.
    """
    scored_bt = _scored(pair)
    event_bt = find_events(pair.probability_bt, -np.inf) & scored_bt
    (_, true_m), (_, event_n) = in_a_row(pair.spikes_bt & scored_bt), in_a_row(event_bt)
    probability_n = pair.probability_bt[event_bt]
    near_n = np.searchsorted(true_m, event_n - CHOSEN_AT_MS) < np.searchsorted(true_m, event_n + CHOSEN_AT_MS, "right")
    candidate_c = np.unique(probability_n[near_n])[::-1]
    if not candidate_c.size:
        return NEVER
    if candidate_c.size > CANDIDATES:
        candidate_c = candidate_c[np.linspace(0, candidate_c.size - 1, CANDIDATES).round().astype(int)]
    n_events_c = np.searchsorted(np.sort(-probability_n), -candidate_c, "right")
    left = [event_n[near_n & (probability_n >= candidate)] for candidate in candidate_c]
    first_mc = np.stack([np.searchsorted(event_c, true_m - CHOSEN_AT_MS) for event_c in left], axis=1)
    end_mc = np.stack([np.searchsorted(event_c, true_m + CHOSEN_AT_MS, "right") for event_c in left], axis=1)
    matched_c = take_turns(first_mc, end_mc).sum(axis=0)
    return float(candidate_c[np.argmax(matched_c / (true_m.size + n_events_c))])


def threshold_at_fp(pair: Pair, fp: float = 0.002) -> float:
    """The threshold whose false-positive rate over bins is nearest `fp`, as the published papers choose theirs.

    pair: of validation trials. fp: published, 0.2 %. The point at which nothing is a spike is never taken.
    Source: Beniaguev et al. 2021, evaluation code.
    Raises InputError without a true spike.
    """
    from sklearn.metrics import roc_curve

    scored_bt = _scored(pair)
    fp_rate, _, threshold = roc_curve(pair.spikes_bt[scored_bt], pair.probability_bt[scored_bt])
    return float(threshold[max(int(np.argmin(np.abs(fp_rate - fp))), 1)])


def _scored(pair: Pair) -> np.ndarray:
    scored_bt = pair.kept_b[:, None] & pair.scored_t
    if not (pair.spikes_bt & scored_bt).any():
        raise InputError(
            f"spike threshold: no output spike in the {pair.kept_b.sum()} validation trials that can be scored; "
            "predict more validation trials, or give --spike-threshold"
        )
    return scored_bt
