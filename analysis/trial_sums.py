"""What each trial adds to the scores, so that the scores of any resample of trials follow without its bins.

A resample is a weight per trial: how often it was drawn. Every score here is a ratio of sums over trials, or over pairs
of trials, and so it is exact: the score of a dataset in which each trial is there as often as it was drawn.

B trials, K scored ones, F source files, R resamples.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .pair import Pair


class Moments(NamedTuple):
    """Sums over a trial's bins, (B,) each, of the truth v and the prediction p, in mV from the truth's mean."""

    n: np.ndarray
    v: np.ndarray
    p: np.ndarray
    vv: np.ndarray
    pp: np.ndarray
    vp: np.ndarray


class TrialSums(NamedTuple):
    """Of one prediction.

    trial_b: numbers of the trials in the dataset. file_b: 0 to F-1. kept_b: those that are scored.
    ordered_kk: as `ordered_pairs` gives them. spikes_k, silent_k: scored bins with an output spike, and without.
    whole: over all bins, which the published rescaling takes its mean and spread from. scored: over the scored bins, 0
        for a trial that is not scored. absolute_b: sum of absolute errors over those, mV.
    """

    trial_b: np.ndarray
    file_b: np.ndarray
    kept_b: np.ndarray
    ordered_kk: np.ndarray
    spikes_k: np.ndarray
    silent_k: np.ndarray
    whole: Moments
    scored: Moments
    absolute_b: np.ndarray


def trial_sums(pair: Pair) -> TrialSums:
    """The sums of one prediction's trials."""
    spikes, probability = (x[pair.kept_b][:, pair.scored_t] for x in (pair.spikes_bt, pair.probability_bt))
    centre_mv = pair.v_bt.mean()  # sums of squares far from 0 would cancel
    v_bt, p_bt = pair.v_bt - centre_mv, pair.predicted_bt.astype(float) - centre_mv
    scored_bt = pair.kept_b[:, None] & pair.scored_t
    return TrialSums(
        pair.trial_b,
        np.unique(pair.file_b, return_inverse=True)[1],
        pair.kept_b,
        ordered_pairs(spikes, probability),
        spikes.sum(axis=1, dtype=float),
        (~spikes).sum(axis=1, dtype=float),
        _moments(v_bt, p_bt, np.ones_like(scored_bt)),
        _moments(v_bt, p_bt, scored_bt),
        (np.abs(v_bt - p_bt) * scored_bt).sum(axis=1),
    )


def ordered_pairs(spikes_kt: np.ndarray, probability_kt: np.ndarray) -> np.ndarray:
    """How often a bin with a spike has a higher probability than one without: rows' against columns' trials, (K, K).

    Ties count half, as in the area under a ROC curve (Mann and Whitney's U).
    """
    trial_n = np.nonzero(spikes_kt)[0]
    probability_n = probability_kt[spikes_kt]
    in_order = np.argsort(probability_n)
    probability_n, trial_n = probability_n[in_order], trial_n[in_order]
    ordered_kk = np.empty((len(spikes_kt),) * 2)
    for trial, (spikes, probability) in enumerate(zip(spikes_kt, probability_kt, strict=True)):
        silent = np.sort(probability[~spikes])
        below_n = 0.5 * (np.searchsorted(silent, probability_n) + np.searchsorted(silent, probability_n, "right"))
        ordered_kk[:, trial] = np.bincount(trial_n, below_n, len(spikes_kt))
    return ordered_kk


def scores_of(sums: TrialSums, weight_rb: np.ndarray) -> dict[str, np.ndarray]:
    """The scores of every resample, (R,) each, named as in a score file; NaN where a resample has nothing to score.

    weight_rb: how often each trial is in each resample.
    """
    weight_rk = weight_rb[:, sums.kept_b]
    with np.errstate(invalid="ignore", divide="ignore"):
        pairs_r = (weight_rk @ sums.spikes_k) * (weight_rk @ sums.silent_k)
        auc_r = ((weight_rk @ sums.ordered_kk) * weight_rk).sum(axis=1) / pairs_r
        plain = _total(sums.scored, weight_rb)
        rescaled = _rescaled(sums, weight_rb)
        return {
            "roc_auc": auc_r,
            "rmse_mv": _rmse_mv(plain),
            "rmse_rescaled_mv": _rmse_mv(rescaled),
            "mae_mv": weight_rb @ sums.absolute_b / plain.n,
            "explained_variance": _explained_variance(plain),
            "explained_variance_rescaled": _explained_variance(rescaled),
        }


def _rescaled(sums: TrialSums, weight_rb: np.ndarray) -> Moments:
    """Of the resamples, once each file's prediction has the mean and spread of its truth there."""
    after = Moments(*np.zeros((6, len(weight_rb))))
    for file in range(sums.file_b.max() + 1):
        here = sums.file_b == file
        whole, scored = (_total(Moments(*(x[here] for x in m)), weight_rb[:, here]) for m in (sums.whole, sums.scored))
        n = np.maximum(whole.n, 1)  # a file of which nothing was drawn adds nothing
        variance_v, variance_p = whole.vv / n - (whole.v / n) ** 2, whole.pp / n - (whole.p / n) ** 2
        never_changes = variance_p <= 1e-12 * whole.pp / n  # rounding leaves so much of 0
        gain = np.where(never_changes, 0.0, np.sqrt(np.maximum(variance_v, 0) / np.where(never_changes, 1, variance_p)))
        offset = whole.v / n - gain * whole.p / n
        each = _scaled(scored, gain, offset)
        after = Moments(*(one + other for one, other in zip(after, each, strict=True)))
    return after


def _moments(v_bt: np.ndarray, p_bt: np.ndarray, counted_bt: np.ndarray) -> Moments:
    v_bt, p_bt = v_bt * counted_bt, p_bt * counted_bt
    sums = (counted_bt, v_bt, p_bt, v_bt * v_bt, p_bt * p_bt, v_bt * p_bt)
    return Moments(*(each.sum(axis=1, dtype=float) for each in sums))


def _total(of_trials: Moments, weight_rb: np.ndarray) -> Moments:
    return Moments(*(weight_rb @ each for each in of_trials))


def _scaled(m: Moments, gain: np.ndarray, offset: np.ndarray) -> Moments:
    """With gain · p + offset in place of p."""
    return m._replace(
        p=gain * m.p + offset * m.n,
        pp=gain**2 * m.pp + 2 * gain * offset * m.p + offset**2 * m.n,
        vp=gain * m.vp + offset * m.v,
    )


def _rmse_mv(m: Moments) -> np.ndarray:
    return np.sqrt(np.maximum(m.vv - 2 * m.vp + m.pp, 0) / m.n)


def _explained_variance(m: Moments) -> np.ndarray:
    error = (m.vv - 2 * m.vp + m.pp) / m.n - ((m.v - m.p) / m.n) ** 2
    return 1 - error / (m.vv / m.n - (m.v / m.n) ** 2)
