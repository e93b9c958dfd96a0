"""How sure a score is: bootstrap over trials, the unit that is independent; never over bins.

R resamples, B trials.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ..simulate.schema import InputError
from .trial_sums import TrialSums, scores_of

RESAMPLES = 1000
LEVEL = 0.95


class Interval(NamedTuple):
    """A percentile interval of the resamples."""

    low: float
    high: float


class Difference(NamedTuple):
    """Of two models on the same resamples of the same trials."""

    value: float
    interval: Interval

    @property
    def distinguishable(self) -> bool:
        """Whether 0, no difference, lies outside the interval."""
        return not self.interval.low <= 0 <= self.interval.high


def draw(n_trials: int, resamples: int = RESAMPLES, seed: int = 0) -> np.ndarray:
    """How often each trial is in each resample, (R, B): as many are drawn as there are, with replacement.

    Raises InputError for fewer than 2 trials, from which nothing can be said of others, or no resamples.
    """
    if n_trials < 2 or resamples < 1:
        raise InputError(f"bootstrap: takes at least 2 trials and 1 resample, got {n_trials} and {resamples}")
    return np.random.default_rng(seed).multinomial(n_trials, np.full(n_trials, 1 / n_trials), resamples).astype(float)


def intervals(
    sums: TrialSums, *, resamples: int = RESAMPLES, seed: int = 0, level: float = LEVEL
) -> dict[str, Interval]:
    """Each score's interval: between the resamples' (1 - level) / 2 quantiles. Raises InputError as `draw` does."""
    found = scores_of(sums, draw(len(sums.trial_b), resamples, seed))
    return {name: _interval(value_r, level) for name, value_r in found.items()}


def differences(
    one: TrialSums, other: TrialSums, *, resamples: int = RESAMPLES, seed: int = 0, level: float = LEVEL
) -> dict[str, Difference]:
    """Of each score, `one` less `other`: a paired bootstrap, in which both are scored on the same drawn trials.

    Raises InputError where they were not scored on the same trials, and as `draw` does.
    """
    same = (one.trial_b, other.trial_b), (one.kept_b, other.kept_b)
    if not all(np.array_equal(*each) for each in same):
        raise InputError(
            f"paired bootstrap: the models were scored on {one.kept_b.sum()} and {other.kept_b.sum()} trials that are "
            "not the same; predict the same trials"
        )
    weight_rb = np.vstack([np.ones(len(one.trial_b)), draw(len(one.trial_b), resamples, seed)])
    found, less = scores_of(one, weight_rb), scores_of(other, weight_rb)
    difference = {name: found[name] - less[name] for name in found}
    return {name: Difference(float(d_r[0]), _interval(d_r[1:], level)) for name, d_r in difference.items()}


def _interval(value_r: Sequence[float] | np.ndarray, level: float) -> Interval:
    low, high = np.nanquantile(value_r, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high))
