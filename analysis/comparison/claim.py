"""What a comparison says, in one paragraph that can be quoted: every number with its interval, from scores alone."""

from __future__ import annotations

from collections.abc import Sequence

from ..scores.rows import Score
from ..scores.uncertainty import too_few
from .efficiency import SUFFICIENT_AUC, Point, Series, floor_of, in_words, series_label, series_of, smallest


def claim(scores: Sequence[Score], target: float = SUFFICIENT_AUC) -> str:
    """For each series the smallest size that reaches a ROC-AUC, or how far its best one comes.

    Intervals are 95 %, by bootstrap over trials and seeds; they are left out where the resamples are not known. Where
    trials with output spikes are too few, that is all that is said.
    """
    few = too_few(scores)
    if few:
        return few
    first = scores[0]
    datasets = {row.dataset_id for row in scores}
    where = f"{first.n_trials} scored trials ({first.n_output_spikes} output spikes)" if len(datasets) == 1 else ""
    on = f" on {where} of {in_words(first.dataset_id, scores)}" if where else ""
    told = [_of_series(series, series_label(series, scores).replace("\n", " "), target) for series in series_of(scores)]
    text = f"To reach a ROC-AUC of {target:g}{on}, " + "; ".join(told) + "."
    for row in floor_of(scores):
        text += f" The cell against itself ({row.name.removeprefix('cell, ')}) has {row.roc_auc:.4f}."
    return text


def _of_series(series: Series, label: str, target: float) -> str:
    found = smallest(series, target=target)
    if found.n_parameters is None:
        best = max(series.points, key=lambda point: point.mean("roc_auc"))
        largest = max(point.n_parameters for point in series.points)
        of_up_to = f"of up to {largest:,} parameters"
        enough = f"no {label}{f', {of_up_to},' if ',' in label else f' {of_up_to}'} is enough"
        return f"{enough}: the best, of {best.n_parameters:,}, has {_auc(best)}"
    bounds = ""
    if found.low is not None:
        bounds = f" ({found.low:,} to {found.high:,})" if found.high is not None else f" ({found.low:,} or more)"
    point = next(point for point in series.points if point.n_parameters == found.n_parameters)
    return f"{label} needs {found.n_parameters:,} trainable parameters{bounds}, with which it has {_auc(point)}"


def _auc(point: Point) -> str:
    bounds = point.interval("roc_auc")
    told = "" if bounds is None else f" ({bounds.low:.4f} to {bounds.high:.4f})"
    return f"{point.mean('roc_auc'):.4f}{told}"
