"""A made-up truth and prediction in memory, as metrics take them."""

from __future__ import annotations

import numpy as np
import pytest


@pytest.fixture
def make_pair():
    """A function that gives a Pair of boolean spikes and whatever is predicted, (B, T); any field replaced."""
    from apical.analysis.metrics.pair import Pair

    def make(spikes_bt, probability_bt=None, v_bt=None, predicted_bt=None, **fields):
        spikes_bt = np.asarray(spikes_bt, dtype=bool)
        n_trials, n_bins = spikes_bt.shape
        v_bt = np.full(spikes_bt.shape, -68.0) if v_bt is None else np.asarray(v_bt, dtype=float)
        whole = {
            "trial_b": np.arange(n_trials),
            "file_b": np.array(["made-up"] * n_trials),
            "spikes_bt": spikes_bt,
            "probability_bt": np.asarray(spikes_bt if probability_bt is None else probability_bt, dtype="f4"),
            "v_bt": v_bt,
            "predicted_bt": np.asarray(v_bt if predicted_bt is None else predicted_bt, dtype="f4"),
            "kept_b": np.ones(n_trials, dtype=bool),
            "scored_t": np.ones(n_bins, dtype=bool),
        }
        return Pair(**whole | fields)

    return make


@pytest.fixture
def random_pair(make_pair):
    """A function that gives 5 trials of 900 bins, of which the last trial and the first 100 bins are not scored."""

    def make(seed=0, rate=0.01):
        rng = np.random.default_rng(seed)
        spikes = rng.random((5, 900)) < rate
        chance = 1 / (1 + np.exp(-rng.normal(-4 + 3 * spikes, 1.2)))
        v_mv = np.minimum(-66 + 4 * rng.normal(size=spikes.shape), -55)
        return make_pair(
            spikes,
            chance,
            v_mv,
            v_mv + rng.normal(0.3, 1.1, v_mv.shape),
            kept_b=np.array([1, 1, 1, 1, 0], dtype=bool),
            scored_t=np.arange(900) >= 100,
        )

    return make
