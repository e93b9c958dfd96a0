"""The chosen threshold against trying every one."""

from __future__ import annotations

import numpy as np
import pytest

from apical.analysis.metrics import F1, choose_threshold, find_events, threshold_at_fp
from apical.simulate.schema import InputError


def f1_at_2_ms(pair, threshold):
    return F1(threshold).score(F1(threshold).trial_sums(pair).sum(axis=0))[2]


@pytest.mark.parametrize("seed", range(5))
def test_no_threshold_has_a_larger_f1(random_pair, seed):
    pair = random_pair(seed)
    found = choose_threshold(pair)
    every = np.unique(pair.probability_bt[find_events(pair.probability_bt, 0.0)])
    of_every = [f1_at_2_ms(pair, threshold) for threshold in every]
    assert f1_at_2_ms(pair, found) == max(of_every) > 0
    assert found == every[np.flatnonzero(of_every == max(of_every))[-1]]  # the highest of several


def test_more_candidates_than_are_tried(random_pair, monkeypatch):
    pair = random_pair()
    best = f1_at_2_ms(pair, choose_threshold(pair))
    monkeypatch.setattr("apical.analysis.metrics.threshold.CANDIDATES", 8)
    found = choose_threshold(pair)
    assert 0.8 * best < f1_at_2_ms(pair, found) <= best
    assert found == choose_threshold(pair)


def test_a_perfect_prediction_is_cut_at_its_spikes(random_pair):
    pair = random_pair()
    pair = pair._replace(probability_bt=0.2 + 0.5 * pair.spikes_bt)
    assert choose_threshold(pair) == 0.7


def test_what_is_not_scored_has_no_say(random_pair):
    pair = random_pair()
    unlike = np.random.default_rng(9).random(pair.probability_bt.shape)
    scored_bt = pair.kept_b[:, None] & pair.scored_t
    far_bt = pair.kept_b[:, None] & (np.arange(900) >= 95)  # an event excludes others up to 5 ms away
    other = pair._replace(probability_bt=np.where(far_bt, pair.probability_bt, unlike))
    assert threshold_at_fp(other) == threshold_at_fp(pair)
    other = pair._replace(spikes_bt=pair.spikes_bt | ~scored_bt)
    assert choose_threshold(other) == choose_threshold(pair)


def test_a_prediction_that_finds_no_spike(make_pair):
    spikes = np.zeros((1, 50), bool)
    spikes[0, 10] = True
    assert choose_threshold(make_pair(spikes, np.zeros((1, 50)))) == 1
    assert choose_threshold(make_pair(spikes, np.roll(spikes, 20))) == 1


@pytest.mark.parametrize("fp", [0.002, 0.05])
def test_the_published_choice_is_nearest_in_false_positives(random_pair, fp):
    pair = random_pair()
    spikes, guess = (x[:4, 100:].ravel() for x in (pair.spikes_bt, pair.probability_bt))
    distance = {threshold: abs((guess[~spikes] >= threshold).mean() - fp) for threshold in guess}
    # the curve leaves out points inside a straight run, which are a few bins long
    assert distance[threshold_at_fp(pair, fp)] <= min(distance.values()) + 10 / (~spikes).sum()


@pytest.mark.parametrize("choose", [choose_threshold, threshold_at_fp])
def test_a_truth_without_spikes_gets_one_line(make_pair, choose):
    with pytest.raises(InputError, match="no output spike in the 2 validation trials that can be scored; predict") as e:
        choose(make_pair(np.zeros((2, 30))))
    assert "\n" not in str(e.value)
