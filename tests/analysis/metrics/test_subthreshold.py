"""Voltage errors by where they are: against loops and scikit-learn; perfect, known offset, nothing there."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import root_mean_squared_error

from apical.analysis.metrics import RmseByRate, RmseByTimeToSpike, SubthresholdRmse
from apical.analysis.metrics.subthreshold import NEAREST_FROM_MS, RATE_FROM_HZ

ALL = (SubthresholdRmse, RmseByTimeToSpike, RmseByRate)


def value(metric, pair):
    return metric().score(metric().trial_sums(pair).sum(axis=0))


def rmse(pair, counted_bt):
    counted_bt = counted_bt & pair.kept_b[:, None] & pair.scored_t
    return root_mean_squared_error(pair.v_bt[counted_bt], pair.predicted_bt[counted_bt]) if counted_bt.any() else np.nan


def distance_ms(pair):
    """From each bin to every spike of its trial, positive after it: trial -> (T, spikes)."""
    return [np.arange(spikes.size)[:, None] - np.flatnonzero(spikes) for spikes in pair.spikes_bt]


def test_outside_spikes_equals_a_loop(random_pair):
    pair = random_pair()
    outside = np.array([~((of >= -2) & (of <= 10)).any(axis=1) for of in distance_ms(pair)])
    assert value(SubthresholdRmse, pair) == pytest.approx(rmse(pair, outside), rel=1e-12)


def test_by_time_to_spike_equals_a_loop(random_pair):
    pair = random_pair(rate=0.003)
    nearest = np.array([np.abs(of).min(axis=1, initial=10_000) for of in distance_ms(pair)])
    ends = [*NEAREST_FROM_MS[1:], np.inf]
    expected = [
        rmse(pair, (nearest >= low) & (nearest < high)) for low, high in zip(NEAREST_FROM_MS, ends, strict=True)
    ]
    assert value(RmseByTimeToSpike, pair) == pytest.approx(expected, nan_ok=True)


def test_by_rate_equals_a_loop(random_pair):
    pair = random_pair(rate=0.0025)
    rate_hz = pair.spikes_bt[:, 100:].sum(axis=1) / 0.8
    ends = [*RATE_FROM_HZ[1:], np.inf]
    expected = [
        rmse(pair, ((rate_hz >= low) & (rate_hz < high))[:, None]) for low, high in zip(RATE_FROM_HZ, ends, strict=True)
    ]
    assert np.isfinite(expected).sum() > 1
    assert value(RmseByRate, pair) == pytest.approx(expected, nan_ok=True)


def test_errors_at_spikes_are_not_subthreshold(make_pair):
    spikes = np.zeros((1, 60), bool)
    spikes[0, 20] = True
    wrong = np.full((1, 60), -68.0)
    wrong[0, 18:31] += 30  # from 2 ms before to 10 ms after
    assert value(SubthresholdRmse, make_pair(spikes, predicted_bt=wrong)) == 0
    for just_outside in (17, 31):
        more = wrong.copy()
        more[0, just_outside] += 4
        assert value(SubthresholdRmse, make_pair(spikes, predicted_bt=more)) == pytest.approx(4 / 47**0.5)


def test_spikes_before_the_scored_bins_are_near_too(make_pair):
    spikes = np.zeros((1, 60), bool)
    spikes[0, 10] = True
    found = value(RmseByTimeToSpike, make_pair(spikes, scored_t=np.arange(60) >= 11))
    assert np.isfinite(found).tolist() == [True] * 5 + [False] * 3  # 1 to 49 ms


@pytest.mark.parametrize("metric", ALL)
def test_perfect_and_a_known_offset(random_pair, metric):
    pair = random_pair()
    for offset_mv in (0.0, -1.5):
        found = np.atleast_1d(value(metric, pair._replace(predicted_bt=pair.v_bt + offset_mv)))
        found = found[np.isfinite(found)]
        assert found.size and found == pytest.approx(abs(offset_mv))


def test_silent_trials_are_in_the_last_class_and_at_no_rate(make_pair):
    pair = make_pair(np.zeros((2, 50)), predicted_bt=np.full((2, 50), -67.0))
    assert value(RmseByTimeToSpike, pair) == pytest.approx([np.nan] * 7 + [1], nan_ok=True)
    assert value(RmseByRate, pair) == pytest.approx([1] + [np.nan] * 5, nan_ok=True)
    assert value(SubthresholdRmse, pair) == pytest.approx(1)
