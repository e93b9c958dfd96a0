"""Error by frequency: sines, scipy's periodogram, Parseval; perfect, known offset, nothing there."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import periodogram

from apical.analysis.metrics import RmseByFrequency, TrueRmsByFrequency
from apical.analysis.metrics.frequency import BAND_FROM_HZ

ALL = (RmseByFrequency, TrueRmsByFrequency)


def value(metric, pair):
    return metric().score(metric().trial_sums(pair).sum(axis=0))


@pytest.mark.parametrize("n_dropped", [100, 101])  # an even and an odd number of scored bins
def test_the_squares_add_up_to_the_mean_square(random_pair, n_dropped):
    pair = random_pair()._replace(scored_t=np.arange(900) >= n_dropped)
    error, v = (pair.v_bt - pair.predicted_bt)[:4, n_dropped:], pair.v_bt[:4, n_dropped:]
    assert (value(RmseByFrequency, pair) ** 2).sum() == pytest.approx((error**2).mean(), rel=1e-12)
    assert (value(TrueRmsByFrequency, pair) ** 2).sum() == pytest.approx(v.var(axis=1).mean(), rel=1e-12)


@pytest.mark.parametrize("n_dropped", [100, 101])
def test_bands_equal_scipys_periodogram(random_pair, n_dropped):
    pair = random_pair()._replace(scored_t=np.arange(900) >= n_dropped)
    error = (pair.v_bt - pair.predicted_bt)[:4, n_dropped:]
    hz, power = periodogram(error, fs=1000, detrend=False, scaling="spectrum")
    ends = [*BAND_FROM_HZ[1:], 501]
    expected = [power[:, (hz >= low) & (hz < high)].sum() / 4 for low, high in zip(BAND_FROM_HZ, ends, strict=True)]
    assert value(RmseByFrequency, pair) ** 2 == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("hz, band", [(3, 0), (5, 1), (10, 1), (30, 2), (60, 3), (150, 4), (200, 5), (400, 5)])
def test_a_sine_is_in_its_band(make_pair, hz, band):
    wave = 2 * np.sin(2 * np.pi * hz * np.arange(1000) / 1000)
    pair = make_pair(np.zeros((1, 1000)), v_bt=-70 + wave[None], predicted_bt=np.full((1, 1000), -70.0))
    expected = np.zeros(6)
    expected[band] = 2**0.5
    assert value(RmseByFrequency, pair) == pytest.approx(expected, abs=1e-6)
    assert value(TrueRmsByFrequency, pair) == pytest.approx(expected, abs=1e-6)


def test_perfect_and_a_known_offset(random_pair):
    pair = random_pair()
    for offset_mv in (0, 1.5):
        found = value(RmseByFrequency, pair._replace(predicted_bt=pair.v_bt + offset_mv))
        assert found == pytest.approx([offset_mv] + [0] * 5, abs=1e-6)


def test_a_prediction_of_each_trials_mean_misses_all_there_is(random_pair):
    pair = random_pair()
    mean = np.broadcast_to(pair.v_bt[:, pair.scored_t].mean(axis=1, keepdims=True), pair.v_bt.shape)
    pair = pair._replace(predicted_bt=mean)
    assert value(RmseByFrequency, pair) == pytest.approx(value(TrueRmsByFrequency, pair), rel=1e-9)


@pytest.mark.parametrize("metric", ALL)
def test_no_scored_bins(random_pair, metric):
    assert np.isnan(value(metric, random_pair()._replace(scored_t=np.zeros(900, bool)))).all()
