"""The SPIKE distance: by hand, against PySpike's values, and what must hold of it for any two trains."""

from __future__ import annotations

import numpy as np
import pytest

from apical.analysis.metrics.spike_distance import spike_distance

# PySpike 0.9.0: spike_distance(SpikeTrain(one, [0, 100]), SpikeTrain(other, [0, 100])), installed from PyPI
PYSPIKE = [
    ([20, 60], [25, 70], 0.18408304498269895),
    ([50], [40], 0.197979797979798),
    ([], [50], 0.4444444444444444),
    ([], [], 0.0),
    ([12, 13, 80], [40], 0.40779243677033916),
    ([10, 30, 45, 70], [12, 33, 60, 61, 95], 0.24240779996581863),
    ([0, 50], [50, 99], 0.002601775329048056),
]


def distance(one, other, stop_ms=100.0):
    return spike_distance(np.array(one, dtype=float), np.array(other, dtype=float), stop_ms)


def random_trains(n, stop=1000):
    rng = np.random.default_rng(1)
    for _ in range(n):
        yield [np.sort(rng.choice(stop, rng.integers(0, 15), replace=False)) + 0.5 for _ in range(2)]


@pytest.mark.parametrize("one, other, expected", PYSPIKE)
def test_it_equals_pyspike(one, other, expected):
    assert distance(one, other) == pytest.approx(expected, rel=1e-12)


def test_one_spike_each_by_hand():
    # Each is 10 ms from the other, always. The interval of the first is 50 ms on both sides, of the other 40 ms up to
    # its spike and 60 ms after it; of intervals a and b, 10 (a + b) / (2 ((a + b) / 2)^2) is 20 / (a + b).
    assert distance([50], [40]) == pytest.approx((40 * 20 / 90 + 60 * 20 / 110) / 100)


def test_a_silent_train_by_hand():
    # Spikes at 0 and 100 stand for silence: the one spike is 50 ms from them, they are 0 from the edges of its train.
    # The intervals are 50 and 100 ms: (50 · 100 + 0 · 50) / 2 / 75^2.
    assert distance([], [50]) == pytest.approx(50 * 100 / 2 / 75**2)


def test_equal_trains_have_none_and_the_order_does_not_matter():
    for one, other in random_trains(100):
        assert distance(one, one, 1000) == 0
        assert distance(one, other, 1000) == pytest.approx(distance(other, one, 1000), abs=1e-12)
        assert 0 <= distance(one, other, 1000) < 1


def test_it_has_no_time_scale_and_no_direction():
    for one, other in random_trains(50):
        found = distance(one, other, 1000)
        assert distance(7 * one, 7 * other, 7000) == pytest.approx(found)
        assert distance(1000 - one[::-1], 1000 - other[::-1], 1000) == pytest.approx(found)


def test_it_grows_with_a_shift():
    train = np.arange(50, 1000, 100.0)
    found = [distance(train, train + shift, 1000) for shift in (0, 1, 5, 20, 40)]
    assert np.all(np.diff(found) > 0)
