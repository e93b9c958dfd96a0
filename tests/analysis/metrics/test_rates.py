"""Firing rates by counting, and their correlation against scipy; perfect, known factor, nothing there."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import pearsonr

from apical.analysis.metrics import EventRate, ExpectedRate, RateCorrelation, TrueRate


def value(metric, pair):
    return metric.score(metric.trial_sums(pair).sum(axis=0))


def test_rates_by_counting(random_pair):
    pair = random_pair()
    spikes, probability = (x[:4, 100:] for x in (pair.spikes_bt, pair.probability_bt))
    seconds = 4 * 0.8
    assert value(TrueRate(), pair) == pytest.approx(spikes.sum() / seconds)
    assert value(ExpectedRate(), pair) == pytest.approx(probability.sum(dtype=float) / seconds)


def test_events_by_hand(make_pair):
    probability = np.zeros((2, 500))
    probability[0, [10, 100, 300]] = 0.2, 0.9, 0.5
    assert value(EventRate(0.5), make_pair(np.zeros((2, 500)), probability)) == pytest.approx(2)
    assert value(EventRate(0.1), make_pair(np.zeros((2, 500)), probability)) == pytest.approx(3)


def test_the_correlation_equals_scipys(random_pair):
    pair = random_pair()
    rates = [x[:4, 100:].sum(axis=1, dtype=float) for x in (pair.spikes_bt, pair.probability_bt)]
    assert value(RateCorrelation(), pair) == pytest.approx(pearsonr(*rates).statistic, rel=1e-9)


@pytest.mark.parametrize("factor, expected", [(1, 1), (0.5, 1), (-1, -1)])
def test_perfect_and_known_factors(random_pair, factor, expected):
    pair = random_pair()
    pair = pair._replace(probability_bt=0.5 + factor * (pair.spikes_bt - 0.5))
    assert value(RateCorrelation(), pair) == pytest.approx(expected)


def test_rates_that_never_differ_have_no_correlation(random_pair, make_pair):
    pair = random_pair()
    assert np.isnan(value(RateCorrelation(), pair._replace(probability_bt=np.full((5, 900), 0.1))))
    assert np.isnan(value(RateCorrelation(), make_pair(np.eye(1, 50))))  # a single trial


def test_silence_is_0_hz(make_pair):
    silent = make_pair(np.zeros((2, 50)))
    assert [value(metric, silent) for metric in (TrueRate(), ExpectedRate(), EventRate(0.5))] == [0, 0, 0]
