"""The bootstrap's scores are those of a dataset made of the drawn trials, and its intervals are the closed form's."""

from __future__ import annotations

import time

import numpy as np
import pytest
from sklearn.metrics import explained_variance_score, mean_squared_error, roc_auc_score

from apical.analysis.evaluate import evaluate, scored_pairs
from apical.analysis.metrics import rescale_per_file
from apical.analysis.pair import Pair
from apical.analysis.trial_sums import ordered_pairs, scores_of, trial_sums
from apical.analysis.uncertainty import differences, draw, intervals
from apical.simulate.schema import InputError


def made_up(n_trials=7, n_ms=300, n_files=3, seed=0, noise_mv=1.0, rate=0.02):
    """Truth and a noisy prediction with ties in the probability; the last trial is not scored."""
    rng = np.random.default_rng(seed)
    v = rng.normal(-65, 3, (n_trials, n_ms)).clip(max=-55)
    spikes = rng.random((n_trials, n_ms)) < rate
    probability = np.round(0.3 * spikes + rng.random((n_trials, n_ms)), 2)
    kept = np.arange(n_trials) < n_trials - 1
    file = np.array([f"file {n % n_files}" for n in range(n_trials)])
    predicted = 0.8 * v - 12 + rng.normal(0, noise_mv, v.shape)
    return Pair(np.arange(n_trials) + 5, file, spikes, probability, v, predicted, kept, np.arange(n_ms) >= 50)


def drawn(pair, weight_b):
    """The dataset in which each trial is as often as it was drawn."""
    at = np.repeat(np.arange(len(weight_b)), weight_b.astype(int))
    return pair._replace(**{name: getattr(pair, name)[at] for name in Pair._fields if name != "scored_t"})


def by_the_bin(pair):
    rescaled = rescale_per_file(pair.v_bt, pair.predicted_bt, pair.file_b)
    spikes, probability, v, plain, rescaled = (
        x[pair.kept_b][:, pair.scored_t].ravel()
        for x in (pair.spikes_bt, pair.probability_bt, pair.v_bt, pair.predicted_bt, rescaled)
    )
    return {
        "roc_auc": roc_auc_score(spikes, probability),
        "rmse_mv": mean_squared_error(v, plain) ** 0.5,
        "rmse_rescaled_mv": mean_squared_error(v, rescaled) ** 0.5,
        "mae_mv": np.abs(v - plain).mean(),
        "explained_variance": explained_variance_score(v, plain),
        "explained_variance_rescaled": explained_variance_score(v, rescaled),
    }


def test_every_resample_has_the_scores_of_the_trials_that_were_drawn():
    pair = made_up()
    weight_rb = np.vstack([np.ones(7), draw(7, 20, seed=1)])
    found = scores_of(trial_sums(pair), weight_rb)
    for r, weight_b in enumerate(weight_rb):
        expected = by_the_bin(drawn(pair, weight_b))
        assert {name: value_r[r] for name, value_r in found.items()} == pytest.approx(expected, rel=1e-9)


def test_all_trials_once_score_as_evaluate_says(make_dataset, make_prediction):
    truth = make_dataset()
    rng = np.random.default_rng(0)
    path = make_prediction(truth, change=lambda _, v, p: (v + rng.normal(0.4, 1, v.shape), rng.random(p.shape) + p / 5))
    ((score, pair),) = scored_pairs(truth, [path])
    assert [score] == evaluate(truth, [path])
    for name, value_r in scores_of(trial_sums(pair), np.ones((1, 6))).items():
        assert value_r[0] == pytest.approx(getattr(score, name), rel=1e-6)


def test_ordered_pairs_by_hand():
    spikes = np.array([[True, False, False], [False, True, False]])
    probability = np.array([[0.5, 0.5, 0.2], [0.1, 0.9, 0.7]])
    assert ordered_pairs(spikes, probability).tolist() == [[1.5, 1.0], [2.0, 2.0]]


def test_a_perfect_prediction_is_sure_of_it():
    pair = made_up()
    pair = pair._replace(probability_bt=pair.spikes_bt.astype(float), predicted_bt=pair.v_bt)
    found = intervals(trial_sums(pair), resamples=50)
    assert found["roc_auc"] == found["explained_variance"] == (1, 1)
    assert found["rmse_mv"] == pytest.approx((0, 0), abs=1e-6)


def test_a_prediction_that_never_changes_is_the_true_mean_once_rescaled():
    pair = made_up(n_files=1)
    pair = pair._replace(predicted_bt=np.full_like(pair.v_bt, -70.1))
    (found,) = scores_of(trial_sums(pair), np.ones((1, 7)))["rmse_rescaled_mv"]
    assert found == pytest.approx(by_the_bin(pair)["rmse_rescaled_mv"], rel=1e-9)


def test_the_interval_is_that_of_the_closed_form():
    """Squared errors of independent trials: their mean's standard error, 1.96 times to each side."""
    pair = made_up(n_trials=401, n_ms=60, noise_mv=2.0)
    squared_b = ((pair.v_bt - pair.predicted_bt)[:400, pair.scored_t] ** 2).mean(axis=1)
    sums = trial_sums(pair)
    low, high = (bound**2 for bound in intervals(sums, resamples=4000)["rmse_mv"])
    error = 1.96 * squared_b.std() / 400**0.5
    assert (low, high) == pytest.approx((squared_b.mean() - error, squared_b.mean() + error), abs=0.12 * error)


def test_models_with_the_same_errors_are_not_distinguishable_and_others_are():
    pair = made_up(n_trials=60)
    worse = pair._replace(predicted_bt=pair.predicted_bt + 0.02)  # far less than either interval is wide
    apart, same = differences(trial_sums(worse), trial_sums(pair)), differences(trial_sums(pair), trial_sums(pair))
    assert apart["rmse_mv"].distinguishable and apart["rmse_mv"].value != 0
    assert not same["rmse_mv"].distinguishable and same["rmse_mv"] == (0, (0, 0))
    low, high = intervals(trial_sums(pair))["rmse_mv"]
    assert high - low > abs(apart["rmse_mv"].value)


def test_same_seed_same_intervals():
    sums = trial_sums(made_up())
    assert intervals(sums, seed=4) == intervals(sums, seed=4) != intervals(sums, seed=5)


def test_what_cannot_be_resampled_is_said():
    sums = trial_sums(made_up())
    with pytest.raises(InputError, match="at least 2 trials and 1 resample, got 1 and 1000"):
        draw(1)
    other = trial_sums(made_up(n_trials=8))
    with pytest.raises(InputError, match="scored on 6 and 7 trials that are not the same"):
        differences(sums, other)


@pytest.mark.slow
def test_a_thousand_resamples_of_600_trials_take_less_than_5_s():
    pair = made_up(n_trials=600, n_ms=6000, rate=0.0012)
    began = time.process_time()
    intervals(trial_sums(pair))
    assert time.process_time() - began < 5
