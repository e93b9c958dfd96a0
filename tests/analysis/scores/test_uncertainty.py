"""The bootstrap's scores are those of a dataset made of the drawn trials, and its intervals are the closed form's."""

from __future__ import annotations

import time

import numpy as np
import pytest
import xarray as xr
from sklearn.metrics import average_precision_score, explained_variance_score, mean_squared_error, roc_auc_score

from apical.analysis.metrics import rescale_per_file
from apical.analysis.metrics.pair import Pair, PairedTrials
from apical.analysis.metrics.trial_sums import scores_of, totals, trial_sums
from apical.analysis.scores.evaluate import Evaluation, evaluate
from apical.analysis.scores.uncertainty import difference, draw, interval, interval_of, resample
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


def sums_of(pair):
    """As of two datasets that hold this."""
    dims = ("trial", "time_ms")
    labels = {"trial": pair.trial_b, "source_file": ("trial", pair.file_b.astype(object))}
    truth = xr.Dataset({"soma_v_mv": (dims, pair.v_bt)}, labels, {"dataset_id": "made-up"})
    values = {"soma_v_mv": (dims, pair.predicted_bt), "spike_probability": (dims, pair.probability_bt)}
    at = np.arange(len(pair.trial_b))
    trials = PairedTrials(truth, xr.Dataset(values, labels), at, at, pair.spikes_bt, pair.kept_b, pair.scored_t)
    return trial_sums(trials)


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
        "average_precision": average_precision_score(spikes, probability),
        "rmse_mv": mean_squared_error(v, plain) ** 0.5,
        "rmse_rescaled_mv": mean_squared_error(v, rescaled) ** 0.5,
        "mae_mv": np.abs(v - plain).mean(),
        "explained_variance": explained_variance_score(v, plain),
        "explained_variance_rescaled": explained_variance_score(v, rescaled),
    }


def test_every_resample_has_the_scores_of_the_trials_that_were_drawn():
    pair = made_up()
    weight_rb = np.vstack([np.ones(7), draw(7, 20, seed=1)])
    found = scores_of(sums_of(pair), weight_rb)
    for r, weight_b in enumerate(weight_rb):
        expected = by_the_bin(drawn(pair, weight_b))
        assert {name: found[name][r] for name in expected} == pytest.approx(expected, rel=1e-9)


def test_trials_in_several_blocks_are_as_in_one(monkeypatch):
    pair = made_up(n_trials=9)
    whole = totals(sums_of(pair))
    monkeypatch.setattr(PairedTrials.blocks, "__defaults__", (2,))
    assert totals(sums_of(pair)) == pytest.approx(whole, rel=1e-12)


def test_a_perfect_prediction_is_sure_of_it():
    pair = made_up()
    pair = pair._replace(probability_bt=pair.spikes_bt.astype(float), predicted_bt=pair.v_bt)
    found = resample(sums_of(pair), "made-up", resamples=50).values
    assert interval_of(found["roc_auc"]) == interval_of(found["average_precision"]) == (1, 1)
    assert interval_of(found["explained_variance"]) == (1, 1)
    assert interval_of(found["rmse_mv"]) == pytest.approx((0, 0), abs=1e-6)


def test_a_prediction_that_never_changes_is_the_true_mean_once_rescaled():
    pair = made_up(n_files=1)
    pair = pair._replace(predicted_bt=np.full_like(pair.v_bt, -70.1))
    (found,) = scores_of(sums_of(pair), np.ones((1, 7)))["rmse_rescaled_mv"]
    assert found == pytest.approx(by_the_bin(pair)["rmse_rescaled_mv"], rel=1e-9)


def test_the_interval_is_that_of_the_closed_form():
    """Squared errors of independent trials: their mean's standard error, 1.96 times to each side."""
    pair = made_up(n_trials=401, n_ms=60, noise_mv=2.0)
    squared_b = ((pair.v_bt - pair.predicted_bt)[:400, pair.scored_t] ** 2).mean(axis=1)
    found = resample(sums_of(pair), "made-up", resamples=4000).values["rmse_mv"]
    low, high = (bound**2 for bound in interval_of(found))
    error = 1.96 * squared_b.std() / 400**0.5
    assert (low, high) == pytest.approx((squared_b.mean() - error, squared_b.mean() + error), abs=0.12 * error)


def test_models_with_the_same_errors_are_not_distinguishable_and_others_are(make_dataset, make_prediction):
    truth = make_dataset(n_trials=20)

    def noisy(trial, v_mv, probability):
        rng = np.random.default_rng(trial)
        return v_mv + rng.normal(0, 1, v_mv.shape) * (1 + trial % 3), probability + rng.random(v_mv.shape)

    def slightly_worse(trial, v_mv, probability):
        noisy_mv, probability = noisy(trial, v_mv, probability)
        return v_mv + 1.02 * (noisy_mv - v_mv), probability  # far less than either interval is wide

    paths = [make_prediction(truth, "a.zarr", change=noisy), make_prediction(truth, "b.zarr", change=slightly_worse)]
    one, other = evaluate(truth, paths, Evaluation(max_output_spikes=99))
    apart, same = difference(other, one, "rmse_mv"), difference(one, one, "rmse_mv")
    assert apart.distinguishable and apart.value == other.rmse_mv - one.rmse_mv
    assert not same.distinguishable and same == (0, (0, 0))
    low, high = interval(one, "rmse_mv")
    assert high - low > 2 * apart.value
    few = make_prediction(truth, "c.zarr", trials=range(9), change=noisy)
    (on_others,) = evaluate(truth, [few], Evaluation(max_output_spikes=99))
    assert difference(one, on_others, "rmse_mv") is None


def test_one_trial_has_no_interval(make_dataset, make_prediction):
    truth = make_dataset()
    (score,) = evaluate(truth, [make_prediction(truth, trials=[2])], Evaluation(max_output_spikes=99))
    assert score.resamples is None and interval(score, "roc_auc") is None


def test_same_seed_same_resamples():
    sums = sums_of(made_up())
    assert resample(sums, "a", seed=4) == resample(sums, "a", seed=4) != resample(sums, "a", seed=5)


def test_what_cannot_be_resampled_is_said():
    with pytest.raises(InputError, match="at least 2 trials and 1 resample, got 1 and 1000"):
        draw(1)


@pytest.mark.slow
def test_a_thousand_resamples_of_600_trials_take_less_than_5_s():
    sums = sums_of(made_up(n_trials=600, n_ms=6000, rate=0.0012))
    began = time.process_time()
    resample(sums, "made-up")
    assert time.process_time() - began < 5
