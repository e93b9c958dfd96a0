"""Intervals against Elephant and by hand; perfect, a known factor, nothing there."""

from __future__ import annotations

import numpy as np
import pytest
from elephant.statistics import cv, isi

from apical.analysis.metrics import BurstFraction, IntervalCv, IntervalHistogram, IntervalMean
from apical.analysis.metrics.intervals import INTERVAL_FROM_MS

ALL = (BurstFraction, IntervalCv, IntervalHistogram, IntervalMean)


def value(metric, pair):
    return metric.score(metric.trial_sums(pair).sum(axis=0))


def test_they_equal_elephant(random_pair):
    pair = random_pair(rate=0.03)
    interval = np.concatenate([isi(100.0 + np.flatnonzero(spikes[100:])) for spikes in pair.spikes_bt[:4]])
    assert value(IntervalMean(), pair) == pytest.approx(interval.mean())
    assert value(IntervalCv(), pair) == pytest.approx(cv(interval))
    assert value(BurstFraction(), pair) == pytest.approx((interval < 25).mean())
    edges = [*INTERVAL_FROM_MS, 1e6]
    expected = np.histogram(interval, edges)[0] / interval.size
    assert value(IntervalHistogram(), pair) == pytest.approx(expected)


def test_a_clock(make_pair):
    every_20_ms = make_pair((np.arange(600) % 20 == 7).reshape(2, 300))  # no interval from trial to trial
    assert [value(metric, every_20_ms) for metric in (IntervalMean(), IntervalCv(), BurstFraction())] == [20, 0, 1]
    every_40_ms = make_pair(np.arange(300)[None] % 40 == 7)
    assert [value(metric, every_40_ms) for metric in (IntervalMean(), IntervalCv(), BurstFraction())] == [40, 0, 0]


@pytest.mark.parametrize("metric", ALL)
def test_events_of_a_perfect_prediction_have_those_of_the_truth(make_pair, metric):
    spikes = np.random.default_rng(0).random((3, 100)) < 0.2
    pair = make_pair(np.kron(spikes, np.eye(1, 7)))  # at least 7 ms apart
    assert value(metric(0.5), pair).tolist() == value(metric(), pair).tolist()


@pytest.mark.parametrize("metric", ALL)
def test_one_spike_a_trial_has_no_interval(make_pair, metric):
    assert np.isnan(value(metric(), make_pair(np.eye(3, 50)))).all()
