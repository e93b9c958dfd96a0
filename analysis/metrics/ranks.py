"""The ranks of spikes among silent bins: all that ROC and precision–recall curves of any resample of trials need.

M scored bins with an output spike, K scored trials, R resamples.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .published import FP_GRID, Roc

TOP_SHARE = (
    0.03  # of the silent bins: the highest are kept one by one, for the published true positives at 1 % and less
)
AT_A_TIME = 100  # resamples, so that memory is bounded by 100 times M


class Ranks(NamedTuple):
    """Of one prediction; spikes stand in the order of their probability, the highest first.

    probability_m, trial_m: of each spike, the trial counted among the K.
    below_mk, tied_mk: silent bins of each trial whose probability is lower than the spike's, or the same.
    silent_k: silent bins of each trial. top_n: the highest probabilities of silent bins, all trials together, highest
        first; the rest of the bins is not higher than the last.
    """

    probability_m: np.ndarray
    trial_m: np.ndarray
    below_mk: np.ndarray
    tied_mk: np.ndarray
    silent_k: np.ndarray
    top_n: np.ndarray


def rank(probability_m: np.ndarray, silent: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of one trial's silent bins, how many are below each of these probabilities, and how many tie with it: (M,) each.

    >>> rank(np.array([0.9, 0.2]), np.array([0.1, 0.2, 0.3]))
    (array([3, 1]), array([0, 1]))
    """
    silent = np.sort(silent)
    below = np.searchsorted(silent, probability_m)
    return below, np.searchsorted(silent, probability_m, "right") - below


def highest(silent: np.ndarray, n: int) -> np.ndarray:
    """The n highest, in no order; all where there are not more."""
    return silent if silent.size <= n else np.partition(silent, -n)[-n:]


def curve(ranks: Ranks) -> Roc:
    """The ROC curve of all trials: with the points that scikit-learn keeps up to TOP_SHARE of false positives.

    Beyond, where the published scores do not look, only those at the spikes' own thresholds.
    """
    spikes = np.sort(ranks.probability_m.astype(float))
    n_spikes, n_silent = spikes.size, int(ranks.silent_k.sum())
    all_kept = ranks.top_n.size == n_silent
    top = np.sort(ranks.top_n.astype(float))
    lowest = -np.inf if all_kept else top[0]
    known = np.unique(np.concatenate([top, spikes]))[::-1]
    known = known[known > lowest]  # of these, every silent bin is among the highest
    fp = (top.size - np.searchsorted(top, known)).tolist()
    tp = (n_spikes - np.searchsorted(spikes, known)).tolist()
    below, tied = (each.sum(axis=1, dtype=np.int64) for each in (ranks.below_mk, ranks.tied_mk))
    deep = ranks.probability_m <= lowest
    higher = n_spikes - np.searchsorted(spikes, ranks.probability_m[deep].astype(float), "right")
    as_high = n_spikes - np.searchsorted(spikes, ranks.probability_m[deep].astype(float))
    fp += [*(n_silent - below - tied)[deep].tolist(), *(n_silent - below)[deep].tolist()]
    tp += [*higher.tolist(), *as_high.tolist()]
    points = np.unique(np.array([(*fp, n_silent), (*tp, n_spikes)]), axis=1)
    points = points[:, points.any(axis=0)]  # where nothing is a spike is no threshold's
    kept = np.ones(points.shape[1], bool)
    kept[1:-1] = np.diff(points, 2, axis=1).any(axis=0)  # scikit-learn's rule for points that add nothing
    fp_rate, tp_rate = points[0, kept] / n_silent, points[1, kept] / n_spikes
    return Roc(np.append(0.0, fp_rate), np.append(0.0, tp_rate))


def ordered_kk(ranks: Ranks) -> np.ndarray:
    """How often a bin with a spike has a higher probability than a silent one: rows' against columns' trials, (K, K).

    Ties count half, as in the area under a ROC curve (Mann and Whitney's U).
    """
    ordered = np.zeros((ranks.silent_k.size,) * 2)
    np.add.at(ordered, ranks.trial_m, ranks.below_mk + 0.5 * ranks.tied_mk)
    return ordered


def rank_scores(ranks: Ranks, weight_rk: np.ndarray) -> dict[str, np.ndarray]:
    """Scores of each resample, (R,) each; NaN where it has no spike or no silent bin.

    weight_rk: how often each trial is in each resample. ROC-AUC and average precision are exact; true positives at a
    rate of false ones are read from the curve's steps, where the published evaluation looks for the nearest point.
    """
    ordered = ordered_kk(ranks)
    parts = [_rank_scores(ranks, ordered, weight_rk[at : at + AT_A_TIME]) for at in range(0, len(weight_rk), AT_A_TIME)]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _rank_scores(ranks: Ranks, ordered: np.ndarray, weight_rk: np.ndarray) -> dict[str, np.ndarray]:
    spikes_k = np.bincount(ranks.trial_m, minlength=ranks.silent_k.size)
    n_spikes_r, n_silent_r = weight_rk @ spikes_k, weight_rk @ ranks.silent_k
    weight_rm = weight_rk[:, ranks.trial_m]
    fp_rm = n_silent_r[:, None] - weight_rk @ ranks.below_mk.T.astype(float)
    last_m = np.searchsorted(-ranks.probability_m, -ranks.probability_m, "right") - 1  # of the spikes that tie with it
    tp_rm = weight_rm.cumsum(axis=1)[:, last_m]
    with np.errstate(invalid="ignore", divide="ignore"):
        precision_rm = np.where(weight_rm > 0, tp_rm / (tp_rm + fp_rm), 0)
        found = {
            "roc_auc": ((weight_rk @ ordered) * weight_rk).sum(axis=1) / (n_spikes_r * n_silent_r),
            "average_precision": (weight_rm * precision_rm).sum(axis=1) / n_spikes_r,
        }
        fp_rate_rm = fp_rm / n_silent_r[:, None]
        for name, fp in (("0025", 0.0025), ("01", 0.01)):
            grid_n = max(int(np.argmin(np.abs(np.linspace(0, 1, FP_GRID) - fp))), 1)
            beyond_rm = np.clip(grid_n - np.ceil(fp_rate_rm * (FP_GRID - 1)), 0, None)
            found[f"tp_at_fp_{name}"] = (weight_rm * (fp_rate_rm <= fp)).sum(axis=1) / n_spikes_r
            found[f"auc_at_fp_{name}"] = (weight_rm * beyond_rm).sum(axis=1) / grid_n / n_spikes_r
    return found
