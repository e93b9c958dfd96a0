"""Spikes of one integration as a prediction of another's, against SciPy's Cauchy distribution and the label's bins."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import cauchy

from apical.simulate.schema import SPIKE_BIN_OFFSET_MS, shared_labels
from apical.simulate.schema.spike_jitter import JITTER_MS, spike_probability


@pytest.mark.parametrize("jitter_ms", [0.01, 0.1, 2.0])
@pytest.mark.parametrize("time_ms", [3.5, 7.93, 12.0])
def test_a_bin_s_probability_is_the_mass_of_shifts_into_it(time_ms, jitter_ms):
    starts_ms = np.arange(20) + 0.5
    expected = cauchy.cdf(starts_ms + 1, time_ms, jitter_ms) - cauchy.cdf(starts_ms, time_ms, jitter_ms)
    np.testing.assert_allclose(spike_probability(np.array([time_ms]), 20, jitter_ms), expected, rtol=1e-9)


def test_half_of_the_shifts_are_smaller_than_the_jitter():
    """Worked by hand: a quarter of the mass lies between the spike and an edge that far after it."""
    before, after = spike_probability(np.array([2.5 - JITTER_MS]), 3)[1:]
    assert (before, after) == pytest.approx((0.75, 0.25), abs=0.02)  # the rest of it lies a bin and more away


def test_bins_rank_by_their_distance_however_far_in_single_precision():
    time_ms = 2000.3
    probability = spike_probability(np.array([time_ms]), 6000).astype("f4")
    distance_ms = np.abs(np.arange(6000) + SPIKE_BIN_OFFSET_MS + 0.5 - time_ms)
    assert (np.diff(probability[np.argsort(distance_ms)]) < 0).all()


def test_the_most_probable_bin_is_the_label_s():
    times_ms = np.random.default_rng(0).uniform(0.5, 99.5, 200)
    for time_ms in times_ms:
        probability = spike_probability(np.array([time_ms]), 100)
        assert probability.argmax() == int(time_ms - SPIKE_BIN_OFFSET_MS)
        assert probability.max() > 0.49


def test_a_spike_at_an_edge_is_as_probable_before_as_after():
    probability = spike_probability(np.array([50.5]), 100)
    assert probability[49] == pytest.approx(probability[50])
    assert probability[[49, 50]].sum() == pytest.approx(2 / np.pi * np.arctan(1 / JITTER_MS))


def test_spikes_are_independent_and_none_is_none():
    one, other = spike_probability(np.array([10.2]), 40), spike_probability(np.array([11.9]), 40)
    both = spike_probability(np.array([10.2, 11.9]), 40)
    np.testing.assert_allclose(both, 1 - (1 - one) * (1 - other), rtol=1e-9)
    nothing = spike_probability(np.array([]), 40)
    assert nothing.tolist() == [0] * 40 and not np.signbit(nothing).any()


@pytest.mark.parametrize("past_edge_ms", [-0.1, 0.0, 0.1, 0.5])
def test_a_label_is_shared_between_the_bins_beside_the_spike(past_edge_ms):
    """Each of three bins has its part of their Cauchy mass: all of a spike within its bin, half of one on the edge."""
    edge_ms = 40 + SPIKE_BIN_OFFSET_MS  # between bins 39 and 40
    bins, labels = shared_labels(np.array([edge_ms + past_edge_ms]), 100, JITTER_MS)
    own = 40 if past_edge_ms >= 0 else 39
    starts_ms = np.arange(own - 1, own + 2) + SPIKE_BIN_OFFSET_MS
    mass = cauchy.cdf(starts_ms + 1, edge_ms + past_edge_ms, JITTER_MS)
    mass -= cauchy.cdf(starts_ms, edge_ms + past_edge_ms, JITTER_MS)
    np.testing.assert_array_equal(bins, np.arange(own - 1, own + 2))
    np.testing.assert_allclose(labels, mass / mass.sum(), rtol=1e-12)
    across = labels[bins < 40].sum()
    expected = {-0.1: 1 - 0.0780, 0.0: 0.5, 0.1: 0.0780, 0.5: 0.0159}[past_edge_ms]  # arctan(0.025 / 0.1) / pi …
    assert across == pytest.approx(expected, abs=0.007)


def test_labels_at_the_ends_of_a_trial_and_of_no_spike():
    bins, labels = shared_labels(np.array([0.2, 9.9]), 10, JITTER_MS)
    assert bins.tolist() == [0, 1, 8, 9] and (labels > 0).all()
    assert [each.tolist() for each in shared_labels(np.array([]), 10, JITTER_MS)] == [[], []]


def test_two_spikes_shares_of_a_bin_are_independent():
    one, other = (dict(zip(*shared_labels(np.array([t]), 20, 0.3), strict=True)) for t in (5.9, 7.2))
    both = dict(zip(*shared_labels(np.array([5.9, 7.2]), 20, 0.3), strict=True))
    assert both.keys() == one.keys() | other.keys() and len(one.keys() & other.keys()) == 2
    for at, label in both.items():
        assert label == pytest.approx(1 - (1 - one.get(at, 0)) * (1 - other.get(at, 0)))


def test_without_jitter_a_label_is_all_or_none():
    times_ms = np.array([3.2, 8.75, 12.5])
    bins, labels = shared_labels(times_ms, 20, 1e-4)
    np.testing.assert_array_equal(bins[labels > 0.3], [2, 8, 11, 12])  # the last lies on an edge
    np.testing.assert_allclose(labels[labels > 0.3], [1, 1, 0.5, 0.5], atol=1e-3)
