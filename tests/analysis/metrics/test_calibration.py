"""Brier score and reliability against scikit-learn and loops; calibrated, off by a known amount, nothing there."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss

from apical.analysis.metrics import Brier, CalibrationError, ObservedFrequency, PredictedProbability
from apical.analysis.metrics.calibration import PROBABILITY_UP_TO

ALL = (Brier, CalibrationError, ObservedFrequency, PredictedProbability)


def value(metric, pair):
    return metric().score(metric().trial_sums(pair).sum(axis=0))


def flat(pair):
    return [x[pair.kept_b][:, pair.scored_t].ravel() for x in (pair.spikes_bt, pair.probability_bt.astype(float))]


def test_brier_equals_scikit_learn(random_pair):
    pair = random_pair()
    assert value(Brier, pair) == pytest.approx(brier_score_loss(*flat(pair)), rel=1e-12)


def test_the_reliability_curve_equals_scikit_learns_on_a_stretched_axis(random_pair):
    pair = random_pair(rate=0.05)
    spikes, probability = flat(pair)
    edges = np.append(0, PROBABILITY_UP_TO)
    stretched = np.interp(probability, edges, np.linspace(0, 1, edges.size))  # its bins are equal ones
    expected, _ = calibration_curve(spikes, stretched, n_bins=PROBABILITY_UP_TO.size)
    found = value(ObservedFrequency, pair)
    assert found[np.isfinite(found)] == pytest.approx(expected, rel=1e-12)


def test_bins_equal_a_loop(random_pair):
    pair = random_pair()
    spikes, probability = flat(pair)
    low, error = 0.0, 0.0
    for up_to, frequency, mean in zip(
        PROBABILITY_UP_TO, value(ObservedFrequency, pair), value(PredictedProbability, pair), strict=True
    ):
        here = (probability > low) & (probability <= up_to)
        low = up_to
        if not here.any():
            assert np.isnan(frequency) and np.isnan(mean)
            continue
        assert (frequency, mean) == pytest.approx((spikes[here].mean(), probability[here].mean()))
        error += here.mean() * abs(spikes[here].mean() - probability[here].mean())
    assert value(CalibrationError, pair) == pytest.approx(error)


def test_a_perfect_prediction(random_pair):
    pair = random_pair()
    pair = pair._replace(probability_bt=pair.spikes_bt.astype("f4"))
    assert value(Brier, pair) == value(CalibrationError, pair) == 0
    assert value(ObservedFrequency, pair)[[0, -1]].tolist() == [0, 1]  # 0 is in the first bin, 1 in the last


def test_the_true_rate_is_calibrated_and_no_more(make_pair):
    spikes = np.arange(400).reshape(2, 200) % 16 == 0
    pair = make_pair(spikes, np.full(spikes.shape, 1 / 16))
    rate = spikes.mean()
    assert value(Brier, pair) == pytest.approx(rate * (1 - rate))
    assert value(CalibrationError, pair) == pytest.approx(0, abs=1e-9)


def test_a_known_offset(make_pair):
    spikes = np.arange(400).reshape(2, 200) % 16 == 0
    pair = make_pair(spikes, np.full(spikes.shape, 1 / 16 + 0.25))
    assert value(CalibrationError, pair) == pytest.approx(0.25)
    assert value(Brier, pair) == pytest.approx(1 / 16 * 15 / 16 + 0.25**2)


def test_a_prediction_of_nothing_has_the_rate_as_its_error(random_pair):
    pair = random_pair()
    pair = pair._replace(probability_bt=np.zeros_like(pair.probability_bt))
    assert value(CalibrationError, pair) == pytest.approx(flat(pair)[0].mean())
    assert value(Brier, pair) == pytest.approx(flat(pair)[0].mean())
