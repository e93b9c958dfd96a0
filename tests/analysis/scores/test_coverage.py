"""How often a 95 % interval by bootstrap over trials holds the true score: below LEAST_TRIALS, too seldom to tell."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from apical.analysis.scores.uncertainty import LEAST_TRIALS, draw, interval_of

AUC = 0.97  # of a model as the quickstart makes it
MEAN_SPIKES = 4  # of a trial that has any
REPEATS = 300


def coverage(n_trials: int, trial_sd: float) -> float:
    """Share of intervals that hold the true ROC-AUC, among datasets drawn from a model of which it is known.

    Silent bins, of which there is no end, have scores N(0, 1); a trial's spikes have N(d + u, 1), where u of a trial
    is N(0, trial_sd). The AUC is the mean of what is below each spike.
    """
    rng = np.random.default_rng(n_trials)
    shift = norm.ppf(AUC) * np.sqrt(2 + trial_sd**2)
    n_spikes = 1 + rng.poisson(rng.gamma(1.0, MEAN_SPIKES - 1, (REPEATS, n_trials)))
    of_trial = np.repeat(np.arange(REPEATS * n_trials), n_spikes.ravel())
    own = rng.normal(0, trial_sd, REPEATS * n_trials)[of_trial]
    below = norm.cdf(shift + own + rng.normal(size=of_trial.size))
    sums = np.bincount(of_trial, below, REPEATS * n_trials).reshape(n_spikes.shape)
    weight_rb = draw(n_trials)
    auc_nr = (sums @ weight_rb.T) / (n_spikes @ weight_rb.T)
    return np.mean([low <= AUC <= high for low, high in map(interval_of, auc_nr)])


@pytest.mark.parametrize("trial_sd", [0.3, 0.8])
def test_intervals_from_few_trials_are_too_narrow(trial_sd):
    found = {n: coverage(n, trial_sd) for n in (2, 5, LEAST_TRIALS // 2, LEAST_TRIALS, 5 * LEAST_TRIALS)}
    assert list(found.values()) == sorted(found.values())
    assert found[2] < 0.5 and found[5] < 0.78 and found[LEAST_TRIALS // 2] < 0.85
    assert found[LEAST_TRIALS] > 0.78 and found[5 * LEAST_TRIALS] > 0.86


def test_two_trials_say_no_more_than_that():
    """All resamples of two trials are of the one, the other, or both: the interval ends at the trials' own scores."""
    of_two = np.array([0.95, 0.99])
    assert interval_of(draw(2) @ of_two / 2) == pytest.approx((0.95, 0.99))
