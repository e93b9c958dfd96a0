"""How sure a score is: bootstrap over trials, the unit that is independent; never over bins.

R resamples, B trials.
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple

import numpy as np

from ...simulate.schema import InputError
from ..metrics.trial_sums import TrialSums, scores_of
from .resamples import Resamples
from .rows import Score

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


def resample(sums: TrialSums, dataset_id: str, *, resamples: int = RESAMPLES, seed: int = 0) -> Resamples:
    """Every score of each resample of the trials. Raises InputError as `draw` does."""
    values = scores_of(sums, draw(len(sums.trial_b), resamples, seed))
    drawn = f"{dataset_id} {sums.trial_b.tolist()} {sums.kept_b.tolist()} {resamples} {seed}"
    return Resamples(hashlib.sha256(drawn.encode()).hexdigest()[:16], values)


def interval_of(value_r: np.ndarray, level: float = LEVEL) -> Interval:
    """Between the (1 - level) / 2 quantiles of both ends; resamples with nothing to score do not count."""
    counted = value_r[np.isfinite(value_r)]
    if not counted.size:
        return Interval(float("nan"), float("nan"))
    low, high = np.quantile(counted, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high))


def interval(score: Score, name: str, level: float = LEVEL) -> Interval | None:
    """Of the score `name`; None where no resample is known, as of a single trial, or none has anything to score."""
    if score.resamples is None or name not in score.resamples.values:
        return None
    found = interval_of(score.resamples.values[name], level)
    return found if np.isfinite(found.low) else None


def difference(one: Score, other: Score, name: str, level: float = LEVEL) -> Difference | None:
    """Of the score `name`, `one` less `other`, paired: both on the same drawn trials; None where they were not."""
    mine, others = one.resamples, other.resamples
    if mine is None or others is None or mine.trials_id != others.trials_id:
        return None
    if name not in mine.values or name not in others.values or getattr(one, name) is None:
        return None
    value = getattr(one, name) - getattr(other, name)
    return Difference(value, interval_of(mine.values[name] - others.values[name], level))
