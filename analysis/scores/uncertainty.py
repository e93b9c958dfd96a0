"""How sure a score is: bootstrap over trials, the unit that is independent; never over bins, nor over too few trials.

R resamples, B trials.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from ...simulate.schema import InputError
from ..metrics.trial_sums import TrialSums, scores_of
from .resamples import Resamples
from .rows import Score

RESAMPLES = 1000
LEVEL = 0.95
# Trials with output spikes below which no interval is told. Of 95 % intervals of a ROC-AUC of 0.97, with 4 spikes in a
# trial, 37 to 41 % hold the true one with 2 trials, 65 to 73 % with 5, 75 to 81 % with 10, 83 to 87 % with 20, and
# 88 to 92 % with 50: tests/analysis/scores/test_coverage.py has the model
LEAST_TRIALS = 20
VOLTAGE = ("rmse", "mae", "explained_variance")  # what scores begin with that every trial adds to, spikes or none


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
    n_spiking = np.unique(sums.ranks.trial_m).size
    return Resamples(hashlib.sha256(drawn.encode()).hexdigest()[:16], values, n_spiking)


def interval_of(value_r: np.ndarray, level: float = LEVEL) -> Interval:
    """Between the (1 - level) / 2 quantiles of both ends; resamples with nothing to score do not count."""
    counted = value_r[np.isfinite(value_r)]
    if not counted.size:
        return Interval(float("nan"), float("nan"))
    low, high = np.quantile(counted, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high))


def spiking_trials(score: Score) -> int:
    """Trials with an output spike to score; where a file of before does not say, as many as there can be."""
    told = None if score.resamples is None else score.resamples.n_spiking
    return min(score.n_trials, score.n_output_spikes) if told is None else told


def enough_trials(n: int) -> bool:
    """Whether a bootstrap over so many trials, those with output spikes where these are scored, gives an interval."""
    return n >= LEAST_TRIALS


def enough(score: Score, name: str) -> bool:
    """Whether that many trials are behind the score `name`."""
    return enough_trials(score.n_trials if name.startswith(VOLTAGE) else spiking_trials(score))


def too_few(scores: Iterable[Score]) -> str | None:
    """What to tell people where trials are too few for intervals and claims of how well spikes are predicted."""
    fewest = min(scores, key=spiking_trials)
    n = spiking_trials(fewest)
    if enough_trials(n):
        return None
    return (
        f"Too few trials with output spikes were scored, {n} of {fewest.n_trials}: from fewer than {LEAST_TRIALS} an "
        "interval by bootstrap is too narrow, so none is told of spikes, and nothing is claimed. Simulate more trials, "
        "or hold more of them out."
    )


def interval(score: Score, name: str, level: float = LEVEL) -> Interval | None:
    """Of the score `name`; None where no resample is known, none has anything to score, or trials are too few."""
    if score.resamples is None or name not in score.resamples.values or not enough(score, name):
        return None
    found = interval_of(score.resamples.values[name], level)
    return found if np.isfinite(found.low) else None


def difference(one: Score, other: Score, name: str, level: float = LEVEL) -> Difference | None:
    """Of the score `name`, `one` less `other`, paired: both on the same drawn trials.

    None where they were not, or trials are too few.
    """
    mine, others = one.resamples, other.resamples
    if mine is None or others is None or mine.trials_id != others.trials_id:
        return None
    if name not in mine.values or name not in others.values or getattr(one, name) is None or not enough(one, name):
        return None
    value = getattr(one, name) - getattr(other, name)
    return Difference(value, interval_of(mine.values[name] - others.values[name], level))
