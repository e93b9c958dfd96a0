"""A comparison as a table in Markdown: every size with its 95 % intervals, and what the cell itself has."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from math import isnan

from ...simulate.schema import InputError
from ..scores.rows import Score
from .efficiency import Point, floor_of, grouped, in_words, series_of

COLUMNS = {"roc_auc": ("ROC-AUC", ".4f"), "rmse_mv": ("RMSE (mV)", ".3f"), "average_precision": ("AP", ".3f")}


def comparison_table(scores: Sequence[Score]) -> str:
    """A row for each size of each model, the mean over its seeds, and one for each noise floor, by dataset.

    scores: what `evaluate` or `read_scores` returns. Intervals are 95 %, by bootstrap over trials and seeds; they are
    left out where the resamples are not known, or trials too few.
    Raises InputError where there are no scores of a model.
    """
    if not series_of(scores):
        raise InputError("compare: no scores of a model were given; `apical evaluate` makes them")
    titles = ["", "parameters", "seeds", *(title for title, _ in COLUMNS.values())]
    lines = [titles, ["---"] * len(titles)]
    datasets = grouped(scores, lambda row: row.dataset_id)
    for of_one in datasets:
        if len(datasets) > 1:
            first = of_one[0]
            told = f"{first.n_trials} trials, {first.n_output_spikes:,} spikes"
            lines.append([f"**{in_words(first.dataset_id, scores)}** ({told})", *[""] * (len(titles) - 1)])
        for series in series_of(of_one):
            for point in series.points:
                numbers = [f"{point.n_parameters:,}", str(len(point.seeds))]
                lines.append([f"{series.title} {point.seeds[0].size}", *numbers, *_cells(point)])
        lines += [[row.name, "", "", *_cells(Point((row,)))] for row in floor_of(of_one)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def difference_table(scores: Sequence[Score], against: str) -> str:
    """A row for each size of each model: what it has more than the one called `against`, on the same trials.

    scores: as of `comparison_table`, of one dataset. against: its name, such as elm-20.
    Intervals are 95 %, of differences by bootstrap over trials and pairs of seeds; a difference whose interval leaves
    out 0 is in bold.
    Raises InputError where there is no model of that name, or scores are of several datasets.
    """
    if len({row.dataset_id for row in scores}) > 1:
        raise InputError("compare: differences are of models on the same trials; give scores of one dataset")
    points = {point.seeds[0].name: point for series in series_of(scores) for point in series.points}
    if against not in points:
        near = get_close_matches(against, points, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(points)}"
        raise InputError(f"compare: no model '{against}' to compare against: {hint}")
    base, *others = points[against], *(point for name, point in points.items() if name != against)
    lines = [["", "parameters", *(title for title, _ in COLUMNS.values())]]
    lines += [["---"] * len(lines[0]), [against, f"{base.n_parameters:,}", *_cells(base)]]
    for point in others:
        cells = [_difference(point, base, column, form) for column, (_, form) in COLUMNS.items()]
        lines.append([point.seeds[0].name, f"{point.n_parameters:,}", *cells])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _difference(point: Point, base: Point, column: str, form: str) -> str:
    value, bounds = point.mean(column) - base.mean(column), point.less(base, column)
    if isnan(value):
        return ""
    told = f"{value:+{form}}"
    if bounds is None:
        return told
    told = told if bounds.low <= 0 <= bounds.high else f"**{told}**"
    return f"{told} ({bounds.low:+{form}} to {bounds.high:+{form}})"


def _cells(point: Point) -> list[str]:
    return [_cell(point, column, form) for column, (_, form) in COLUMNS.items()]


def _cell(point: Point, column: str, form: str) -> str:
    """The mean and its interval."""
    if not point.values(column).size:
        return ""
    bounds = point.interval(column)
    spread = "" if bounds is None else f" ({bounds.low:{form}}–{bounds.high:{form}})"
    return f"{point.mean(column):{form}}{spread}"
