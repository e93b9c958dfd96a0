"""Evaluation of made-up predictions whose scores are known, and one line for each that cannot be scored."""

from __future__ import annotations

import numpy as np
import pytest
import zarr
from sklearn.metrics import roc_auc_score

from apical.analysis.metrics import clip_mv, rescale_per_file, rmse_mv
from apical.analysis.scores.evaluate import Evaluation, evaluate
from apical.simulate import schema
from apical.simulate.schema import InputError

PLAIN = ("rmse_mv", "mae_mv", "explained_variance")
RESCALED = ("rmse_rescaled_mv", "mae_rescaled_mv", "explained_variance_rescaled")


def values(score, names):
    return [getattr(score, name) for name in names]


def noisy(trial, v_mv, probability):
    rng = np.random.default_rng(int(trial))
    return v_mv + rng.normal(0.4, 1, v_mv.shape), 0.2 * probability + rng.random(probability.shape)


def test_the_truth_itself_scores_perfectly(make_dataset, make_prediction):
    truth = make_dataset()
    (score,) = evaluate(truth, [make_prediction(truth)])
    assert values(score, PLAIN) == pytest.approx([0, 0, 1], abs=1e-6)
    assert values(score, RESCALED) == pytest.approx([0, 0, 1], abs=1e-6)
    assert score.roc_auc == score.tp_at_fp_0025 == score.tp_at_fp_01 == 1
    assert (score.family, score.size, score.seed, score.n_parameters) == ("elm", "20", 3, 8002)
    assert (score.dataset_id, score.dataset, score.trained_on, score.spike_times) == (
        "made-up-0-8",
        "made-up-0-8",
        "other",
        "exact",
    )


def test_an_offset_shows_in_the_plain_figures_and_not_in_the_rescaled(make_dataset, make_prediction):
    truth = make_dataset()
    (score,) = evaluate(truth, [make_prediction(truth, change=lambda _, v, p: (v + 2, p))])
    assert values(score, PLAIN) == pytest.approx([2, 2, 1], abs=1e-5)
    assert values(score, RESCALED) == pytest.approx([0, 0, 1], abs=1e-5)


def test_a_prediction_of_nothing_is_chance(make_dataset, make_prediction):
    truth = make_dataset()
    (score,) = evaluate(truth, [make_prediction(truth, change=lambda _, v, p: (0 * v - 67, 0 * p))])
    assert score.roc_auc == 0.5
    assert score.explained_variance == pytest.approx(0, abs=1e-6)
    assert score.explained_variance_rescaled == pytest.approx(0, abs=1e-6)


def test_scores_equal_the_published_order_of_operations(make_dataset, make_prediction):
    truth = make_dataset()
    ds = schema.open_dataset(truth)
    spikes, v_mv = schema.output_spike_bins(ds), clip_mv(schema.read(ds, "soma_v_mv"))
    most = int(np.median(spikes.sum(axis=1)))
    (score,) = evaluate(truth, [make_prediction(truth, change=noisy)], Evaluation(max_output_spikes=most))
    guess = np.array([noisy(trial, v_mv[trial], spikes[trial].astype(float)) for trial in range(6)])
    kept = spikes.sum(axis=1) <= most
    assert 0 < kept.sum() < 6
    rescaled = rescale_per_file(v_mv, guess[:, 0], np.zeros(6))  # before trials and the first 500 ms are dropped
    assert score.n_trials == kept.sum()
    assert score.n_output_spikes == spikes[kept, 500:].sum()
    assert score.roc_auc == pytest.approx(
        roc_auc_score(spikes[kept, 500:].ravel(), guess[kept, 1, 500:].ravel()), abs=1e-6
    )
    assert score.rmse_mv == pytest.approx(rmse_mv(v_mv[kept, 500:], guess[kept, 0, 500:]), abs=1e-5)
    assert score.rmse_rescaled_mv == pytest.approx(rmse_mv(v_mv[kept, 500:], rescaled[kept, 500:]), abs=1e-5)


def test_trials_are_matched_by_number(make_dataset, make_prediction):
    truth = make_dataset()
    backwards = make_prediction(truth, "backwards.zarr", trials=[4, 1, 9], change=noisy)
    forwards = make_prediction(truth, "forwards.zarr", trials=[1, 4], change=noisy)
    first, second = evaluate(truth, [backwards, forwards], Evaluation(max_output_spikes=99))
    assert first.n_trials == 2
    assert values(first, ("roc_auc", *PLAIN, *RESCALED)) == pytest.approx(
        values(second, ("roc_auc", *PLAIN, *RESCALED))
    )


def test_failed_trials_are_left_out(make_dataset, make_prediction):
    truth = make_dataset()
    prediction = make_prediction(truth)
    zarr.open_group(truth, mode="r+")["trial_status"][2] = schema.FAILED
    assert evaluate(truth, [prediction], Evaluation(max_output_spikes=99))[0].n_trials == 5


def test_the_choice_of_spike_times(make_dataset, make_prediction):
    truth = make_dataset()
    prediction = make_prediction(truth)
    with pytest.raises(InputError, match="no published output spike times"):
        evaluate(truth, [prediction], Evaluation(published_spike_times=True))
    group = zarr.open_group(truth, mode="r+")
    exact = group["output_spike_time_ms"]
    late_ms = exact[:] + 7  # so that the exact prediction misses all of them
    times = group.create_array(
        "output_spike_time_published_ms",
        data=np.where(late_ms < 1500, late_ms, np.nan),
        dimension_names=("trial", "spike"),
        chunks=exact.chunks,
    )
    times.attrs.update(units="ms")
    schema.commit(truth)
    by_default = evaluate(truth, [prediction])[0]
    assert by_default == evaluate(truth, [prediction], Evaluation(published_spike_times=True))[0]
    assert (by_default.spike_times, by_default.roc_auc < 0.6) == ("published", True)
    exactly = evaluate(truth, [prediction], Evaluation(published_spike_times=False))[0]
    assert (exactly.spike_times, exactly.roc_auc) == ("exact", 1)


def test_predictions_that_cannot_be_scored_get_one_line(make_dataset, make_prediction):
    truth = make_dataset()

    def nan_in_trial_4(trial, v_mv, probability):
        return np.where((trial == 4) & (v_mv == v_mv.max()), np.nan, v_mv), probability

    cases = {
        "predicts dataset 'elsewhere', not 'made-up-0-8'": make_prediction(truth, "a.zarr", truth_id="elsewhere"),
        "no finished trial in common": make_prediction(truth, "b.zarr", trials=[11, 12]),
        "'soma_v_mv' of trial 4 holds NaN": make_prediction(truth, "c.zarr", change=nan_in_trial_4),
        "time axis of 1400 bins is not the truth's of 1500": make_prediction(truth, "d.zarr", time_ms=np.arange(1400)),
        "does not say the model's 'family'": make_prediction(truth, "e.zarr", config={"name": "x"}),
        "expected a prediction": truth,
    }
    for message, path in cases.items():
        with pytest.raises(InputError, match=message) as caught:
            evaluate(truth, [path])
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)


def test_a_truth_without_output_spikes_is_refused_by_name(make_dataset, make_prediction):
    truth = make_dataset(silent=True)
    with pytest.raises(InputError, match=r"no output spike of dataset 'made-up-0-8' .* ROC-AUC is undefined"):
        evaluate(truth, [make_prediction(truth)])


def test_the_threshold_of_events_is_chosen_on_validation_trials(make_dataset, make_prediction):
    """Test trials have twice the probability: a threshold chosen on them would be another."""
    truth = make_dataset(n_trials=4)

    def half_as_sure(trial, v_mv, probability):
        return v_mv, probability * (0.8 if trial % 2 else 0.4)

    path = make_prediction(truth, change=half_as_sure, part=["validation", "test"] * 2)
    (score,) = evaluate(truth, [path], Evaluation(max_output_spikes=99))
    assert (score.spike_threshold, score.n_trials) == (pytest.approx(0.4), 2)
    assert score.f1_0ms == score.precision_5ms == score.recall_2ms == 1
    (score,) = evaluate(truth, [path], Evaluation(max_output_spikes=99, every_trial=True, spike_threshold=0.6))
    assert (score.spike_threshold, score.n_trials, score.precision_0ms) == (0.6, 4, 1)
    assert 0 < score.recall_0ms < 1


def test_without_validation_trials_there_are_no_events(make_dataset, make_prediction):
    truth = make_dataset()
    (score,) = evaluate(truth, [make_prediction(truth)], Evaluation(max_output_spikes=99))
    assert score.spike_threshold is None and score.f1_2ms is None and score.brier == 0
