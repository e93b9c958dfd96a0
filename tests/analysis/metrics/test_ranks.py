"""Ranks give the curves and scores that scikit-learn finds bin by bin, ties and all."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from apical.analysis.metrics import auc_at_fp, roc, roc_auc, tp_at_fp
from apical.analysis.metrics.ranks import TOP_SHARE, Ranks, curve, highest, ordered_kk, rank, rank_scores


def made_up(decimals, seed, n_trials=12, n_ms=4000, rate=0.002):
    rng = np.random.default_rng(seed)
    spikes = rng.random((n_trials, n_ms)) < rate
    probability = (rng.random(spikes.shape) + 0.8 * spikes * rng.random(spikes.shape)).astype("f4")
    return spikes, probability if decimals is None else np.round(probability, decimals)


def ranks_of(spikes, probability, share=TOP_SHARE):
    trial_m, probability_m = np.nonzero(spikes)[0], probability[spikes]
    order = np.argsort(-probability_m, kind="stable")
    probability_m, trial_m = probability_m[order], trial_m[order]
    counts = [rank(probability_m, p[~s]) for s, p in zip(spikes, probability, strict=True)]
    below, tied = (np.stack(each, axis=1) for each in zip(*counts, strict=True))
    top = np.sort(highest(probability[~spikes], int(np.ceil(share * (~spikes).sum()))))[::-1]
    return Ranks(probability_m, trial_m, below, tied, (~spikes).sum(axis=1), top)


@pytest.mark.parametrize("decimals", [None, 4, 3, 2, 1])
def test_the_published_scores_are_those_of_the_whole_curve(decimals):
    for seed in range(4):
        spikes, probability = made_up(decimals, seed)
        found, whole = curve(ranks_of(spikes, probability)), roc(spikes, probability)
        for fp in (0.0025, 0.01):
            assert tp_at_fp(found, fp) == tp_at_fp(whole, fp)
            assert auc_at_fp(found, fp) == pytest.approx(auc_at_fp(whole, fp), abs=1e-14)
        assert roc_auc(found) == pytest.approx(roc_auc(whole), abs=1e-12)


def test_with_all_bins_kept_the_curve_is_scikit_learns():
    spikes, probability = made_up(2, 0)
    found, whole = curve(ranks_of(spikes, probability, share=1)), roc(spikes, probability)
    np.testing.assert_array_equal(found.false_positive_rate, whole.false_positive_rate)
    np.testing.assert_array_equal(found.true_positive_rate, whole.true_positive_rate)


@pytest.mark.parametrize("decimals", [None, 2, 1])
def test_resamples_are_scored_as_the_dataset_of_the_drawn_trials(decimals):
    spikes, probability = made_up(decimals, 7)
    weights = np.random.default_rng(0).multinomial(12, np.full(12, 1 / 12), 8).astype(float)
    found = rank_scores(ranks_of(spikes, probability), weights)
    for r, weight in enumerate(weights):
        drawn = np.repeat(np.arange(12), weight.astype(int))
        y, p = spikes[drawn].ravel(), probability[drawn].ravel()
        assert found["roc_auc"][r] == pytest.approx(roc_auc_score(y, p), abs=1e-12)
        assert found["average_precision"][r] == pytest.approx(average_precision_score(y, p), abs=1e-12)
        if decimals is None:  # with many ties the published rule and the curve's steps are not the same
            assert found["tp_at_fp_01"][r] == pytest.approx(tp_at_fp(roc(y, p), 0.01), abs=1.5 / y.sum())
            assert found["auc_at_fp_01"][r] == pytest.approx(auc_at_fp(roc(y, p), 0.01), abs=1e-3)


def test_ordered_pairs_by_hand():
    spikes = np.array([[True, False, False], [False, True, False]])
    probability = np.array([[0.5, 0.5, 0.2], [0.1, 0.9, 0.7]])
    assert ordered_kk(ranks_of(spikes, probability)).tolist() == [[1.5, 1.0], [2.0, 2.0]]


def test_a_prediction_that_says_nothing_ranks_by_chance():
    spikes, _ = made_up(None, 0)
    found = rank_scores(ranks_of(spikes, np.zeros(spikes.shape)), np.ones((1, 12)))
    assert found["roc_auc"] == [0.5] and found["average_precision"] == pytest.approx(spikes.mean())


@pytest.mark.parametrize("constant", [0.0, 0.25])
def test_the_curve_of_one_threshold_is_scikit_learns(constant):
    spikes, _ = made_up(None, 0)
    probability = np.full(spikes.shape, constant)
    found, whole = curve(ranks_of(spikes, probability)), roc(spikes, probability)
    np.testing.assert_array_equal(found.false_positive_rate, whole.false_positive_rate)
    np.testing.assert_array_equal(found.true_positive_rate, whole.true_positive_rate)


def test_a_resample_without_spikes_has_no_score():
    spikes, probability = made_up(None, 0)
    spikes[3] = False
    weight = np.zeros((1, 12))
    weight[0, 3] = 12
    assert np.isnan(rank_scores(ranks_of(spikes, probability), weight)["roc_auc"]).all()
