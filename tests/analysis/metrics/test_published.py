"""Each metric against scikit-learn or a plain loop, and its four tests: perfect, known offset, nothing there, NaN."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.metrics import (
    explained_variance_score,
    mean_absolute_error,
    roc_auc_score,
    root_mean_squared_error,
)

from apical.analysis import metrics
from apical.simulate.schema import InputError

VOLTAGE_METRICS = (metrics.rmse_mv, metrics.mae_mv, metrics.explained_variance)


@pytest.fixture
def spikes_and_probability():
    """4 trials of 3,000 bins with 1.5 % spikes, scored by a noisy detector with many ties."""
    rng = np.random.default_rng(3)
    spikes = rng.random((4, 3000)) < 0.015
    return spikes, np.round(1 / (1 + np.exp(-rng.normal(-3 + 2.5 * spikes, 1))), 3).astype("f4")


@pytest.fixture
def voltages():
    rng = np.random.default_rng(4)
    v_mv = -67 + 4 * rng.normal(size=(5, 400))
    return v_mv, v_mv + rng.normal(0.3, 1.2, v_mv.shape)


def roc_by_hand(spikes, probability):
    """The ROC curve by counting at every threshold, without the points inside a straight run."""
    points = [(0, 0)]
    for threshold in sorted(set(probability.ravel().tolist()), reverse=True):
        called = probability >= threshold
        points.append((int((called & ~spikes).sum()), int((called & spikes).sum())))
    corners = [points[1]] if len(points) > 1 else []
    for before, here, after in zip(points[1:], points[2:], points[3:], strict=False):
        steps_differ = (here[0] - before[0], here[1] - before[1]) != (after[0] - here[0], after[1] - here[1])
        if steps_differ:
            corners.append(here)
    corners = [points[0], *corners, points[-1]]
    fp, tp = np.array(corners, dtype=float).T
    return fp / (~spikes).sum(), tp / spikes.sum()


def test_roc_equals_counting_at_every_threshold(spikes_and_probability):
    for found, expected in zip(metrics.roc(*spikes_and_probability), roc_by_hand(*spikes_and_probability), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-12)


def test_roc_auc_equals_scikit_learn_and_the_share_of_ordered_pairs(spikes_and_probability):
    spikes, probability = spikes_and_probability
    found = metrics.roc_auc(metrics.roc(spikes, probability))
    yes, no = probability[spikes][:, None], probability[~spikes][None]
    assert found == pytest.approx(((yes > no) + 0.5 * (yes == no)).mean(), abs=1e-9)
    assert found == pytest.approx(roc_auc_score(spikes.ravel(), probability.ravel()), abs=1e-9)


@pytest.mark.parametrize("fp", [0.0025, 0.01])
def test_rates_at_a_false_positive_rate_equal_a_plain_loop(spikes_and_probability, fp):
    fpr, tpr = roc_by_hand(*spikes_and_probability)
    curve = metrics.roc(*spikes_and_probability)

    nearest = min(range(len(fpr)), key=lambda i: abs(fpr[i] - fp))
    assert metrics.tp_at_fp(curve, fp) == pytest.approx(tpr[nearest], abs=1e-9)

    grid = [i / 19_999 for i in range(20_000)]
    end = min(range(20_000), key=lambda i: abs(grid[i] - fp))
    heights = []
    for x in grid[:end]:
        right = next(i for i in range(len(fpr)) if fpr[i] > x)  # first corner beyond x
        share = (x - fpr[right - 1]) / (fpr[right] - fpr[right - 1])
        heights.append(tpr[right - 1] + share * (tpr[right] - tpr[right - 1]))
    assert metrics.auc_at_fp(curve, fp) == pytest.approx(sum(heights) / end, abs=1e-9)


def test_rates_worked_by_hand():
    # 2 spikes among 10 bins. Ranked by probability: spike, silent, spike, 7 silent, so the corners of the curve are
    # (0, 0), (0, 1/2), (1/8, 1/2), (1/8, 1), (1, 1) and the area is 1/8 x 1/2 + 7/8.
    spikes = np.array([1, 0, 1, 0, 0, 0, 0, 0, 0, 0], dtype=bool)
    curve = metrics.roc(spikes, np.linspace(1, 0.1, 10))
    assert metrics.roc_auc(curve) == pytest.approx(15 / 16)
    assert metrics.tp_at_fp(curve, 0.0025) == 0.5  # nearest is 0, whose first point (0, 0) is never taken
    assert metrics.tp_at_fp(curve, 0.1) == 0.5  # nearest is 1/8, at its lower corner
    assert metrics.tp_at_fp(curve, 0.9) == 1.0
    assert metrics.auc_at_fp(curve, 0.0025) == pytest.approx(0.5)
    assert metrics.auc_at_fp(curve, 0.25) == pytest.approx(0.75, abs=1e-4)


def test_a_perfect_spike_prediction(spikes_and_probability):
    spikes, _ = spikes_and_probability
    curve = metrics.roc(spikes, spikes.astype(float))
    assert metrics.roc_auc(curve) == 1
    assert metrics.tp_at_fp(curve, 0.0025) == metrics.tp_at_fp(curve, 0.01) == 1
    assert metrics.auc_at_fp(curve, 0.0025) == pytest.approx(1)
    assert metrics.roc_auc(metrics.roc(spikes, -spikes.astype(float))) == 0


def test_an_offset_of_the_probability_changes_nothing(spikes_and_probability):
    spikes, probability = spikes_and_probability
    for found, expected in zip(metrics.roc(spikes, probability + 1.0), metrics.roc(spikes, probability), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_a_constant_spike_prediction_is_chance(spikes_and_probability):
    spikes, probability = spikes_and_probability
    curve = metrics.roc(spikes, np.full_like(probability, 0.02))
    assert metrics.roc_auc(curve) == 0.5
    assert metrics.auc_at_fp(curve, 0.01) == pytest.approx(0.01 / 2, rel=0.01)  # mean height of the diagonal


def test_spike_metrics_refuse_what_cannot_be_scored(spikes_and_probability):
    spikes, probability = spikes_and_probability
    for truth in (np.zeros_like(spikes), np.ones_like(spikes)):
        with pytest.raises(InputError, match="only one sort"):
            metrics.roc(truth, probability)
    with pytest.raises(InputError, match="empty"):
        metrics.roc(spikes[:0], probability[:0])
    with pytest.raises(InputError, match="shape"):
        metrics.roc(spikes, probability[:1])
    probability[2, 5] = np.nan
    with pytest.raises(InputError, match="prediction holds NaN"):
        metrics.roc(spikes, probability)


def test_voltage_metrics_equal_scikit_learn(voltages):
    flat = [v.ravel() for v in voltages]
    assert metrics.rmse_mv(*voltages) == pytest.approx(root_mean_squared_error(*flat), abs=1e-9)
    assert metrics.mae_mv(*voltages) == pytest.approx(mean_absolute_error(*flat), abs=1e-9)
    assert metrics.explained_variance(*voltages) == pytest.approx(explained_variance_score(*flat), abs=1e-9)


def test_voltage_metrics_keep_double_precision_for_single_precision_input(voltages):
    single = [v.astype("f4") for v in voltages]
    assert metrics.rmse_mv(*single) == metrics.rmse_mv(*[v.astype("f8") for v in single])
    assert metrics.explained_variance(*single) == metrics.explained_variance(*[v.astype("f8") for v in single])


def test_a_perfect_voltage_and_a_known_offset(voltages):
    v_mv, _ = voltages
    assert [metric(v_mv, v_mv) for metric in VOLTAGE_METRICS] == [0, 0, 1]
    assert [metric(v_mv, v_mv - 1.5) for metric in VOLTAGE_METRICS] == pytest.approx([1.5, 1.5, 1])


def test_a_voltage_prediction_with_nothing_in_it(voltages):
    v_mv, _ = voltages
    mean = np.full_like(v_mv, v_mv.mean())
    assert metrics.rmse_mv(v_mv, mean) == pytest.approx(v_mv.std())
    assert metrics.explained_variance(v_mv, mean) == pytest.approx(0)
    silent = np.full_like(v_mv, -70)
    for guess in (silent, silent + 1, v_mv):  # a truth that never changes: scikit-learn's convention
        expected = explained_variance_score(silent.ravel(), guess.ravel())
        assert metrics.explained_variance(silent, guess) == expected


@pytest.mark.parametrize("metric", VOLTAGE_METRICS)
def test_voltage_metrics_refuse_what_cannot_be_scored(metric, voltages):
    v_mv, predicted_mv = voltages
    with pytest.raises(InputError, match="empty"):
        metric(v_mv[:0], predicted_mv[:0])
    with pytest.raises(InputError, match="shape"):
        metric(v_mv, predicted_mv[:, :-1])
    with pytest.raises(InputError, match="prediction holds NaN"):
        metric(v_mv, np.where(v_mv == v_mv.max(), np.nan, predicted_mv))
    with pytest.raises(InputError, match="truth holds NaN"):
        metric(np.where(v_mv == v_mv.max(), np.inf, v_mv), predicted_mv)


def test_clipping_cuts_spikes_and_nothing_else():
    clipped = metrics.clip_mv(np.array([-80, -55, -54.9, 30], dtype="f4"))
    assert clipped.tolist() == [-80, -55, -55, -55]
    assert clipped.dtype == np.float64


def test_rescaling_equals_a_plain_loop_over_files(voltages):
    v_mv, predicted_mv = voltages
    file = np.array(["b", "a", "b", "b", "a"])
    rescaled = metrics.rescale_per_file(v_mv, predicted_mv, file)
    for trials in ([1, 4], [0, 2, 3]):
        truth = [x for trial in trials for x in v_mv[trial].tolist()]
        guess = [x for trial in trials for x in predicted_mv[trial].tolist()]
        moments = []
        for values in (truth, guess):
            mean = math.fsum(values) / len(values)
            moments += [mean, math.sqrt(math.fsum((x - mean) ** 2 for x in values) / len(values))]
        expected = [(x - moments[2]) / moments[3] * moments[1] + moments[0] for x in guess]
        np.testing.assert_allclose(rescaled[trials].ravel(), expected, rtol=0, atol=1e-9)


def test_rescaling_undoes_offset_and_gain_of_each_file(voltages):
    v_mv, _ = voltages
    file = np.array([0, 0, 1, 1, 1])
    wrong = np.where(file[:, None] == 0, 3 * v_mv - 20, 0.2 * v_mv + 5)
    np.testing.assert_allclose(metrics.rescale_per_file(v_mv, wrong, file), v_mv, rtol=0, atol=1e-9)
    one_file = metrics.rescale_per_file(v_mv, wrong, np.zeros(5))
    assert metrics.rmse_mv(v_mv, one_file) > 1


def test_rescaling_a_prediction_that_never_changes_gives_the_true_mean(voltages):
    v_mv, _ = voltages
    rescaled = metrics.rescale_per_file(v_mv, np.full(v_mv.shape, -61.3, "f4"), np.zeros(5))
    np.testing.assert_allclose(rescaled, v_mv.mean())
    assert np.isnan(metrics.rescale_per_file(v_mv, np.full_like(v_mv, np.nan), np.zeros(5))).all()
