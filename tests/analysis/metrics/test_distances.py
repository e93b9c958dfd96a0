"""Distances of spike trains against Elephant, and in cases worked by hand; perfect, shifted, nothing there."""

from __future__ import annotations

import time

import numpy as np
import pytest
import quantities as pq
from elephant.spike_train_dissimilarity import van_rossum_distance, victor_purpura_distance
from neo import SpikeTrain

from apical.analysis.metrics import SpikeDistance, VanRossum, VictorPurpura
from apical.analysis.metrics.distances import van_rossum, victor_purpura

ALL = (VanRossum, VictorPurpura, SpikeDistance)
ONE_SPIKE = {VanRossum: 1, VictorPurpura: 1}


def at(*bins, n_bins=100):
    return np.isin(np.arange(n_bins), bins)


def mean_distance(metric, pair):
    return metric(0.5).score(metric(0.5).trial_sums(pair).sum(axis=0))


def test_both_equal_elephant():
    rng = np.random.default_rng(0)
    rate = np.array([0, 0.002, 0.01, 0.05, 0.002, 0, 0.05])[:, None]
    true, event = rng.random((7, 400)) < rate, rng.random((7, 400)) < rate[::-1]
    event[3] |= true[3]
    trains = [
        [SpikeTrain(np.flatnonzero(x), units="ms", t_stop=400) for x in pair] for pair in zip(true, event, strict=True)
    ]
    expected = [van_rossum_distance(pair, 10 * pq.ms)[0, 1] for pair in trains]
    assert van_rossum(true, event) == pytest.approx(expected, rel=1e-9, abs=1e-9)
    expected = [victor_purpura_distance(pair, 1 / (10 * pq.ms))[0, 1] for pair in trains]
    assert victor_purpura(true, event) == pytest.approx(expected, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("shift_ms", [1, 5, 19, 25])
def test_a_shift_worked_by_hand(shift_ms):
    true, event = at(30)[None], at(30 + shift_ms)[None]
    assert victor_purpura(true, event) == pytest.approx([min(shift_ms / 10, 2)])
    assert van_rossum(true, event) == pytest.approx([np.sqrt(2 - 2 * np.exp(-shift_ms / 10))])


@pytest.mark.parametrize("metric", ALL)
def test_a_perfect_prediction(random_pair, metric):
    pair = random_pair()
    pair = pair._replace(spikes_bt=pair.spikes_bt & (np.arange(900) % 6 == 0))  # events are 5 ms apart
    assert mean_distance(metric, pair._replace(probability_bt=pair.spikes_bt.astype("f4"))) == 0


@pytest.mark.parametrize("metric", ONE_SPIKE)
def test_a_spike_too_many_or_too_few_is_one_and_silence_is_none(make_pair, metric):
    spikes, guess = [at(50), at(), at()], [at(), at(50), at()]
    assert mean_distance(metric, make_pair(spikes, guess)) == pytest.approx(2 / 3)


@pytest.mark.parametrize("metric", ALL)
def test_only_scored_bins_of_scored_trials_count(make_pair, metric):
    spikes, guess = [at(5, 50), at(50)], [at(50), at(10)]
    pair = make_pair(spikes, guess, kept_b=np.array([True, False]), scored_t=np.arange(100) >= 20)
    assert metric(0.5).trial_sums(pair).tolist() == [[1, 0], [0, 0]]


def test_600_trials_take_less_than_2_s(make_pair):
    spikes = np.random.default_rng(0).random((600, 6000)) < 0.001
    pair = make_pair(spikes, np.roll(spikes, 3, axis=1), v_bt=np.broadcast_to(-68.0, spikes.shape))
    began = time.process_time()
    for metric in ALL:
        metric(0.5).trial_sums(pair)
    assert time.process_time() - began < 2
