"""One page on how faithful predictions are, beyond a score: calibration, timing, voltage and firing, with intervals.

B trials, R resamples, m values of a curve.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...simulate.schema import InputError, config_of, open_dataset, source
from .. import metrics
from ..dataset_title import dataset_title
from ..families import DASHES, looks
from ..metrics.pair import PairedTrials
from ..plots import family_name
from ..scores.evaluate import Evaluation, scored_trials, spike_threshold
from ..scores.uncertainty import draw, enough_trials, interval_of
from ..style import caption, check_suffix, figure, save_figure, style
from . import fidelity_panels as panels
from .fidelity_panels import Curve, Fidelity

if TYPE_CHECKING:
    import xarray as xr

HEIGHT_INCHES = 7.4
MOST = len(DASHES)  # predictions on one page: more could not be told apart


def fidelity_figure(
    truth: str | Path, predictions: Sequence[str | Path], out: str | Path, how: Evaluation | None = None
) -> Path:
    """Draw predictions of one truth on one page and write it; returns its path.

    Scored are the trials that `evaluate` scores. Events need a threshold: chosen on a prediction's validation trials,
    and where it has none on those that are drawn, which flatters it and is said.
    truth: path of the simulation. predictions: paths. out: path of the figure. how: None for the default.
    Raises InputError for no predictions or more than 6, what `evaluate` refuses, and a path that cannot be written.
    """
    out, how = check_suffix(out), how or Evaluation()
    if not 1 <= len(predictions) <= MOST:
        raise InputError(f"{out}: one page shows 1 to {MOST} predictions, got {len(predictions)}; draw several pages")
    ds = open_dataset(truth, "simulation")
    opened = [open_dataset(path, "prediction") for path in predictions]
    shown = looks([family_name(each) for each in opened])
    found = [fidelity(ds, each, how)._replace(look=look) for each, look in zip(opened, shown, strict=True)]
    if len({each.label for each in found}) < len(found):
        found = [each._replace(label=Path(path).stem) for each, path in zip(found, predictions, strict=True)]
    with style():
        fig = figure(HEIGHT_INCHES)
        rows = fig.subplots(3, 3)
        for axes, drawn, letter in zip(rows.flat, panels.PANELS, "abcdefgh", strict=False):
            drawn(axes, found)
            axes.set_title(letter, loc="left", weight="bold")
        n_trials = found[0].true_rate_hz.size
        sure = any(np.isfinite(curve.low).any() for each in found for curve in each.curves.values())
        panels.draw_key(rows.flat[-1], found, how.resamples if sure else 0)
        fig.suptitle(f"{dataset_title(ds)}: {n_trials} scored trial{'s' * (n_trials > 1)}", fontsize=8, weight="bold")
        caption(fig, panels.CAPTION)
        return save_figure(fig, out)


def fidelity(truth: xr.Dataset, prediction: xr.Dataset, how: Evaluation | None = None) -> Fidelity:
    """What the page shows of one prediction. Raises InputError as `evaluate` does."""
    how = how or Evaluation()
    trials = scored_trials(truth, prediction, how)
    trials = trials.take(np.flatnonzero(trials.kept_b))
    if not trials.spikes_bt[:, trials.scored_t].any():
        raise InputError(f"{source(prediction)}: no output spike falls in what can be scored; predict more trials")
    threshold = spike_threshold(truth, prediction, how)
    borrowed = threshold is None
    threshold = metrics.choose_threshold(trials.read()) if threshold is None else threshold
    of = _metrics(threshold)
    sums = _sums(trials, of)
    spiking = trials.spikes_bt[:, trials.scored_t].any(axis=1).sum()
    sure = how.resamples > 0 and enough_trials(spiking)
    weight_rb = draw(len(trials), how.resamples) if sure else np.empty((0, len(trials)))
    curves = {name: _curve(metric, sums[name], weight_rb) for name, metric in of.items()}
    _, true_rate_hz, expected_rate_hz, *_ = sums["rates"].T
    label = str(config_of(prediction).get("name") or source(prediction))
    (look,) = looks([family_name(prediction)])
    return Fidelity(label, look, threshold, borrowed, curves, true_rate_hz, expected_rate_hz)


def _metrics(threshold: float) -> dict[str, metrics.Metric]:
    return {
        "predicted": metrics.PredictedProbability(),
        "observed": metrics.ObservedFrequency(),
        "f1": metrics.F1(threshold),
        "around": metrics.CrossCorrelogram(),
        "around_in_truth": metrics.Autocorrelogram(),
        "by_time": metrics.RmseByTimeToSpike(),
        "by_rate": metrics.RmseByRate(),
        "by_frequency": metrics.RmseByFrequency(),
        "truth_by_frequency": metrics.TrueRmsByFrequency(),
        "intervals": metrics.IntervalHistogram(threshold),
        "intervals_in_truth": metrics.IntervalHistogram(),
        "rates": metrics.RateCorrelation(),
    }


def _sums(trials: PairedTrials, of: Mapping[str, metrics.Metric]) -> dict[str, np.ndarray]:
    """Each metric's sums of every trial, (B, n); one block is in memory at a time."""
    found: dict[str, list[np.ndarray]] = {name: [] for name in of}
    for block in trials.blocks():
        pair = block.read()
        for name, metric in of.items():
            found[name].append(metric.trial_sums(pair))
    return {name: np.concatenate(parts) for name, parts in found.items()}


def _curve(metric: metrics.Metric, sums: np.ndarray, weight_rb: np.ndarray) -> Curve:
    value = np.atleast_1d(metric.score(sums.sum(axis=0)))
    value_rm = metric.score(weight_rb @ sums).reshape(-1, value.size)
    low, high = np.array([interval_of(value_r) for value_r in value_rm.T]).T
    return Curve(value, low, high)
