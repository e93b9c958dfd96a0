"""Events against another matching, loops and cases worked by hand; perfect, shifted, nothing there."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching

from apical.analysis.metrics import F1, Precision, Recall, find_events, matched


def at(*bins, n_bins=60):
    return np.isin(np.arange(n_bins), bins)


def scored(pair, threshold=0.5):
    """Precision, recall and F1 at each tolerance."""
    metrics = Precision(threshold), Recall(threshold), F1(threshold)
    total = metrics[0].trial_sums(pair).sum(axis=0)
    return [metric.score(total) for metric in metrics]


def test_as_many_are_matched_as_can_be():
    rng = np.random.default_rng(2)
    tolerances = np.arange(6)
    for _ in range(200):
        true, event = (np.sort(rng.choice(60, rng.integers(0, 15), replace=False)) for _ in range(2))
        found = matched(true, event, tolerances).sum(axis=0)
        for tolerance, n in zip(tolerances, found, strict=True):
            reach = csr_array(np.abs(true[:, None] - event) <= tolerance)
            most = (maximum_bipartite_matching(reach, "column") >= 0).sum() if reach.nnz else 0
            assert n == most


def test_an_event_serves_one_spike():
    assert matched(np.array([10, 12]), np.array([11]), [0, 1, 2]).tolist() == [[0, 1, 1], [0, 0, 0]]
    assert matched(np.array([10, 14]), np.array([8, 12]), [1, 2]).tolist() == [[0, 1], [0, 1]]


def test_events_are_the_maxima_above_a_threshold():
    p = np.zeros((2, 30))
    p[0, [0, 7, 8, 9, 20]] = 0.4, 0.6, 0.6, 0.6, 0.2  # the first bin, a plateau, one too low
    p[1, [3, 12, 13, 29]] = 0.3, 0.5, 0.4, 0.9  # one with a shoulder, the last bin
    assert [np.flatnonzero(row).tolist() for row in find_events(p, 0.3)] == [[0, 8], [3, 12, 29]]
    assert [np.flatnonzero(row).tolist() for row in find_events(p, 0.55)] == [[8], [29]]


def test_a_jagged_probability_counts_once():
    p = np.zeros((1, 30))
    p[0, [10, 12, 14, 17]] = 0.5, 0.7, 0.6, 0.4  # 2, 2 and 5 ms from the highest
    assert np.flatnonzero(find_events(p, 0.3)).tolist() == [12, 17]


def test_trials_do_not_touch():
    p = np.zeros((2, 20))
    p[0, 19], p[1, 0] = 0.5, 0.9
    assert find_events(p, 0.3).nonzero()[0].tolist() == [0, 1]


def test_a_higher_threshold_leaves_some_of_the_same_events():
    p = np.random.default_rng(0).random((4, 500))
    for low, high in ((0, 0.5), (0.5, 0.9), (0.9, 0.99)):
        assert np.array_equal(find_events(p, high), find_events(p, low) & (p >= high))


def test_a_perfect_prediction(make_pair):
    for values in scored(make_pair([at(5, 20, 28), at(40)])):
        assert values.tolist() == [1] * 6


@pytest.mark.parametrize("shift_ms", [-3, 3])
def test_a_shift_is_seen_by_a_tolerance_below_it(make_pair, shift_ms):
    spikes = np.array([at(10, 30), at(50)])
    for values in scored(make_pair(spikes, np.roll(spikes, shift_ms, axis=1))):
        assert values.tolist() == [0, 0, 0, 1, 1, 1]


def test_by_hand(make_pair):
    # 4 true spikes and 3 events, of which 1, 1, 2, 2, 2 and 3 are true at 0 to 5 ms
    precision, recall, f1 = scored(make_pair([at(10, 25, 40), at(30)], [at(10, 27), at(35)]))
    assert precision == pytest.approx([1 / 3, 1 / 3, 2 / 3, 2 / 3, 2 / 3, 1])
    assert recall == pytest.approx([1 / 4, 1 / 4, 1 / 2, 1 / 2, 1 / 2, 3 / 4])
    assert f1 == pytest.approx([2 / 7, 2 / 7, 4 / 7, 4 / 7, 4 / 7, 6 / 7])
    assert f1 == pytest.approx(2 * precision * recall / (precision + recall))


def test_only_scored_bins_of_scored_trials_count(make_pair):
    spikes = [at(5, 30), at(8, 40), at(30)]
    guess = [at(5, 30, 50), at(40), at(10)]
    pair = make_pair(spikes, guess, kept_b=np.array([True, True, False]), scored_t=np.arange(60) >= 10)
    sums = F1(0.5).trial_sums(pair)
    assert sums.tolist() == [[1, 2, *[1] * 6], [1, 1, *[1] * 6], [0] * 8]


def test_nothing_there(make_pair):
    spikes, none = [at(5, 20)], [at()]
    precision, recall, f1 = scored(make_pair(spikes, none))
    assert np.isnan(precision).all() and recall.tolist() == f1.tolist() == [0] * 6
    precision, recall, f1 = scored(make_pair(none, spikes))
    assert np.isnan(recall).all() and precision.tolist() == f1.tolist() == [0] * 6
    assert np.isnan(scored(make_pair(none, none))).all()
