"""Correlograms against scipy's and in cases worked by hand; perfect, shifted, nothing there."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import correlate

from apical.analysis.metrics import Autocorrelogram, CrossCorrelogram


def value(metric, pair):
    return metric().score(metric().trial_sums(pair).sum(axis=0))


def test_it_equals_scipys_correlation(random_pair):
    pair = random_pair()
    spikes, probability = (x[:4, 100:].astype(float) for x in (pair.spikes_bt, pair.probability_bt))
    middle = spikes.shape[1] - 1
    lags = slice(middle - 50, middle + 51)
    sums, pairs = (
        sum(correlate(y, x)[lags] for x, y in zip(spikes, what, strict=True))
        for what in (probability, np.ones_like(spikes))
    )
    assert value(CrossCorrelogram, pair) == pytest.approx(1000 * sums / pairs, rel=1e-9)


def test_by_hand(make_pair):
    spikes, probability = np.zeros((1, 100)), np.full((1, 100), 0.002)
    spikes[0, [20, 70]] = 1
    probability[0, 23] = 0.5
    found = value(CrossCorrelogram, make_pair(spikes, probability))
    expected = np.full(101, 2.0)
    expected[50 + 3] = 1000 * (0.5 + 0.002) / 2  # after the first spike; the second has a bin there too
    expected[50 - 47] = 1000 * 0.5  # before the second spike; 47 ms before the first, the trial has not begun
    assert found == pytest.approx(expected)


def test_a_perfect_prediction_is_the_truth_itself(random_pair):
    pair = random_pair()
    perfect = pair._replace(probability_bt=pair.spikes_bt.astype("f4"))
    assert np.array_equal(value(CrossCorrelogram, perfect), value(Autocorrelogram, pair))
    assert value(Autocorrelogram, pair)[50] == 1000


def test_a_late_prediction_is_shifted_to_the_right(make_pair):
    spikes = np.zeros((2, 300))
    spikes[:, [100, 180]] = 1
    pair = make_pair(spikes, np.roll(spikes, 4, axis=1))
    assert np.flatnonzero(value(CrossCorrelogram, pair)).tolist() == [54]


def test_a_constant_is_flat_up_to_the_edges(make_pair):
    spikes = np.zeros((1, 100))
    spikes[0, [3, 50, 98]] = 1
    assert value(CrossCorrelogram, make_pair(spikes, np.full((1, 100), 0.004))) == pytest.approx(4.0)


def test_without_spikes_there_is_none(make_pair):
    assert np.isnan(value(CrossCorrelogram, make_pair(np.zeros((2, 100)), np.full((2, 100), 0.1)))).all()
