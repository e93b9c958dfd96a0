"""What each trial adds to the scores, so that the scores of any resample of trials follow without its bins.

A resample is a weight per trial: how often it was drawn. Every score here is a ratio of sums over trials, or over pairs
of trials, and so it is exact: the score of a dataset in which each trial is there as often as it was drawn.

The trials are read in blocks by Dask's threads: first the spikes' probabilities, to rank bins against; then everything;
then the voltages again, once the rescaling is known. Memory holds a block for each thread, and of a trial its sums and
a count for each spike of all trials.

B trials, K scored ones, F source files, R resamples, M scored bins with an output spike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from types import MappingProxyType
from typing import NamedTuple, TypeVar

import numpy as np

from ...simulate.schema import InputError, source
from .metric import Metric
from .pair import Pair, PairedTrials
from .published import auc_at_fp, tp_at_fp
from .ranks import TOP_SHARE, Ranks, curve, highest, rank, rank_scores

CENTRE_MV = -67.7  # sums of squares far from 0 would cancel; the published scaling's offset lies amid the voltages
AHEAD = 8  # blocks whose results may wait
Found = TypeVar("Found")


class Moments(NamedTuple):
    """Sums over a trial's bins, (B,) each, of the truth v and the prediction p, in mV from CENTRE_MV."""

    n: np.ndarray
    v: np.ndarray
    p: np.ndarray
    vv: np.ndarray
    pp: np.ndarray
    vp: np.ndarray


class TrialSums(NamedTuple):
    """Of one prediction.

    trial_b: numbers of the trials in the dataset. file_b: 0 to F-1. kept_b: those that are scored.
    ranks: of the spikes' probabilities among those of silent bins.
    whole: over all bins, which the published rescaling takes its mean and spread from. scored: over the scored bins, 0
        for a trial that is not scored. absolute_b: sum of absolute errors over those, mV; absolute_rescaled_b: after
        the rescaling that all trials together ask for, also where a resample would ask for a slightly different one.
    more: further metrics by name, each with its sums of every trial.
    """

    trial_b: np.ndarray
    file_b: np.ndarray
    kept_b: np.ndarray
    ranks: Ranks
    whole: Moments
    scored: Moments
    absolute_b: np.ndarray
    absolute_rescaled_b: np.ndarray
    more: dict[str, tuple[Metric, np.ndarray]]


class _Block(NamedTuple):
    """Of a few trials, as `TrialSums`; rank_mk: (2, M, K) of below and tied; top_n: in no order."""

    rank_mk: np.ndarray
    top_n: np.ndarray
    whole: Moments
    scored: Moments
    absolute_b: np.ndarray
    more: dict[str, np.ndarray]


def trial_sums(trials: PairedTrials, more: Mapping[str, Metric] = MappingProxyType({})) -> TrialSums:
    """The sums of one prediction's trials, with those of further metrics under the names they get as columns.

    Raises InputError for NaN, a damaged chunk, or where there is no output spike to score.
    """
    spikes_kt = trials.spikes_bt[trials.kept_b][:, trials.scored_t]
    if not spikes_kt.any():
        raise InputError(
            f"{source(trials.prediction)}: no output spike of dataset '{trials.truth.attrs['dataset_id']}' falls in "
            f"the {trials.kept_b.sum()} of {trials.kept_b.size} trials that can be scored (after "
            f"{(~trials.scored_t).sum()} ms, with few enough spikes), so ROC-AUC is undefined; predict more trials, "
            "score those of the fit too (--every-trial), or simulate more"
        )
    spiking = np.flatnonzero(trials.kept_b & trials.spikes_bt[:, trials.scored_t].any(axis=1))
    probability_m = np.concatenate(list(_by_blocks(_probability_at_spikes, trials.take(spiking).blocks())))
    in_order = np.argsort(-probability_m, kind="stable")
    probability_m, trial_m = probability_m[in_order], np.nonzero(spikes_kt)[0][in_order]
    n_top = int(np.ceil(TOP_SHARE * (~spikes_kt).sum()))

    def sums(block: PairedTrials) -> _Block:
        return _block_sums(block.read(), probability_m, n_top, more)

    blocks: list[_Block] = []
    top_n = np.empty(0, "f4")
    for block in _by_blocks(sums, trials.blocks()):
        top_n = highest(np.concatenate([top_n, block.top_n]), n_top)
        blocks.append(block._replace(top_n=top_n[:0]))
    below_mk, tied_mk = np.concatenate([block.rank_mk for block in blocks], axis=2)
    whole, file_b = _joined([block.whole for block in blocks]), np.unique(trials.file_b, return_inverse=True)[1]
    return TrialSums(
        trials.trial_b,
        file_b,
        trials.kept_b,
        Ranks(probability_m, trial_m, below_mk, tied_mk, (~spikes_kt).sum(axis=1), np.sort(top_n)[::-1]),
        whole,
        _joined([block.scored for block in blocks]),
        np.concatenate([block.absolute_b for block in blocks]),
        _absolute_rescaled(trials, whole, file_b),
        {name: (metric, np.concatenate([block.more[name] for block in blocks])) for name, metric in more.items()},
    )


def _absolute_rescaled(trials: PairedTrials, whole: Moments, file_b: np.ndarray) -> np.ndarray:
    """The sum of absolute errors of each trial, (B,) mV, once each file is rescaled: only then are its gains known."""
    gain_b, offset_b = np.empty((2, len(trials)))
    for file in range(file_b.max() + 1):
        here = file_b == file
        gain_b[here], offset_b[here] = _rescaling(Moments(*(each[here].sum() for each in whole)))

    def absolute(block: PairedTrials, gain_b: np.ndarray, offset_b: np.ndarray) -> np.ndarray:
        v_bt, p_bt = (each - CENTRE_MV for each in block.voltages())
        error_bt = v_bt - gain_b[:, None] * p_bt - offset_b[:, None]
        return (np.abs(error_bt) * (block.kept_b[:, None] & block.scored_t)).sum(axis=1)

    blocks = list(trials.blocks())
    ends = np.cumsum([len(block) for block in blocks])[:-1]
    return np.concatenate(list(_by_blocks(absolute, blocks, np.split(gain_b, ends), np.split(offset_b, ends))))


def _by_blocks(function: Callable[..., Found], blocks: Iterable[PairedTrials], *more: Iterable) -> Iterator[Found]:
    """What a function gives for each block, in order; Dask's threads are a few blocks ahead at most."""
    import dask

    tasks = (dask.delayed(function)(*each) for each in zip(blocks, *more, strict=True))
    while some := list(islice(tasks, AHEAD)):
        yield from dask.compute(*some, scheduler="threads")


def _probability_at_spikes(block: PairedTrials) -> np.ndarray:
    return block.probability()[:, block.scored_t][block.spikes_bt[:, block.scored_t]]


def _block_sums(pair: Pair, probability_m: np.ndarray, n_top: int, more: Mapping[str, Metric]) -> _Block:
    spikes, probability = (x[pair.kept_b][:, pair.scored_t] for x in (pair.spikes_bt, pair.probability_bt))
    rank_mk = np.empty((2, len(probability_m), len(spikes)), dtype=np.min_scalar_type(pair.scored_t.size))
    for k, (spikes_t, probability_t) in enumerate(zip(spikes, probability, strict=True)):
        rank_mk[:, :, k] = rank(probability_m, probability_t[~spikes_t])
    v_bt, p_bt = pair.v_bt - CENTRE_MV, pair.predicted_bt - CENTRE_MV
    scored_bt = pair.kept_b[:, None] & pair.scored_t
    return _Block(
        rank_mk,
        highest(probability[~spikes], n_top),
        _moments(v_bt, p_bt, np.ones_like(scored_bt)),
        _moments(v_bt, p_bt, scored_bt),
        (np.abs(v_bt - p_bt) * scored_bt).sum(axis=1),
        {name: metric.trial_sums(pair) for name, metric in more.items()},
    )


def totals(sums: TrialSums) -> dict[str, float]:
    """The scores of all trials, each as often as it is there, named as in a score file; NaN where undefined.

    The published true positives are read from the curve by the published rule.
    """
    found = {name: float(value[0]) for name, value in scores_of(sums, np.ones((1, len(sums.trial_b)))).items()}
    roc = curve(sums.ranks)
    for name, fp in (("0025", 0.0025), ("01", 0.01)):
        found[f"tp_at_fp_{name}"] = tp_at_fp(roc, fp)
        found[f"auc_at_fp_{name}"] = auc_at_fp(roc, fp)
    return found


def scores_of(sums: TrialSums, weight_rb: np.ndarray) -> dict[str, np.ndarray]:
    """The scores of every resample, (R,) each, named as in a score file; NaN where a resample has nothing to score.

    weight_rb: how often each trial is in each resample.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        plain = _total(sums.scored, weight_rb)
        rescaled = _rescaled(sums, weight_rb)
        return {
            **rank_scores(sums.ranks, weight_rb[:, sums.kept_b]),
            "rmse_mv": _rmse_mv(plain),
            "rmse_rescaled_mv": _rmse_mv(rescaled),
            "mae_mv": weight_rb @ sums.absolute_b / plain.n,
            "explained_variance": _explained_variance(plain),
            "mae_rescaled_mv": weight_rb @ sums.absolute_rescaled_b / plain.n,
            "explained_variance_rescaled": _explained_variance(rescaled),
            **{
                column: value
                for name, (metric, each) in sums.more.items()
                for column, value in metric.columns(name, weight_rb @ each).items()
            },
        }


def _rescaled(sums: TrialSums, weight_rb: np.ndarray) -> Moments:
    """Of the resamples, once each file's prediction has the mean and spread of its truth there."""
    after = Moments(*np.zeros((6, len(weight_rb))))
    for file in range(sums.file_b.max() + 1):
        here = sums.file_b == file
        whole, scored = (_total(Moments(*(x[here] for x in m)), weight_rb[:, here]) for m in (sums.whole, sums.scored))
        gain, offset = _rescaling(whole)
        each = _scaled(scored, gain, offset)
        after = Moments(*(one + other for one, other in zip(after, each, strict=True)))
    return after


def _rescaling(whole: Moments) -> tuple[np.ndarray, np.ndarray]:
    """Gain and offset that give the prediction the truth's mean and spread; one that never changes becomes the mean."""
    n = np.maximum(whole.n, 1)  # a file of which nothing was drawn adds nothing
    variance_v, variance_p = whole.vv / n - (whole.v / n) ** 2, whole.pp / n - (whole.p / n) ** 2
    never_changes = variance_p <= 1e-12 * whole.pp / n  # rounding leaves so much of 0
    gain = np.where(never_changes, 0.0, np.sqrt(np.maximum(variance_v, 0) / np.where(never_changes, 1, variance_p)))
    return gain, whole.v / n - gain * whole.p / n


def _moments(v_bt: np.ndarray, p_bt: np.ndarray, counted_bt: np.ndarray) -> Moments:
    v_bt, p_bt = v_bt * counted_bt, p_bt * counted_bt
    sums = (counted_bt, v_bt, p_bt, v_bt * v_bt, p_bt * p_bt, v_bt * p_bt)
    return Moments(*(each.sum(axis=1, dtype=float) for each in sums))


def _joined(parts: Sequence[Moments]) -> Moments:
    return Moments(*(np.concatenate(each) for each in zip(*parts, strict=True)))


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
    error, total = (m.vv - 2 * m.vp + m.pp) / m.n - ((m.v - m.p) / m.n) ** 2, m.vv / m.n - (m.v / m.n) ** 2
    never_changes = total <= 1e-12 * m.vv / m.n  # scikit-learn's convention: 1 where the error does not change either
    return np.where(
        never_changes, error <= 1e-12 * m.vv / m.n, np.minimum(1 - error / np.where(never_changes, 1, total), 1)
    )
