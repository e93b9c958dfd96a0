"""What each parameter buys: fidelity against size, operations and data, measured in front of published."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...simulate.schema import InputError
from ..scores.rows import Score
from ..style import BLACK, FAMILY_COLOURS, FAMILY_MARKERS, PALETTE, check_suffix, figure, save_figure, style
from .efficiency import (
    SUFFICIENT_AUC,
    Series,
    data_series_of,
    floor_of,
    grouped,
    in_words,
    series_label,
    series_of,
    smallest,
)
from .literature import Published, published_scores
from .panels import (
    COSTS,
    FLOOR_LINE,
    FRONT_LINE,
    TARGET_LINE,
    Look,
    auc_axis,
    draw_floor,
    draw_front,
    draw_published,
    draw_series,
    draw_smallest,
    precision_axis,
    rmse_axis,
    trials_axis,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

PANELS = ("roc_auc", "rmse_rescaled_mv", "average_precision")
LINES = ("-", "--", "-.", ":")
INPUT_SETS = {"NMDA": "nmda", "AMPA": "ampa"}  # NeuronIO's, and how our input presets of the same synapses begin


def compare(scores: Sequence[Score], out: str | Path, *, target: float = SUFFICIENT_AUC) -> Path:
    """Draw ROC-AUC, RMSE and average precision against what a model costs, as PNG, SVG or PDF; returns the path.

    Against trainable parameters, multiply-accumulates per simulated ms, and, where models were fitted to several
    amounts of data, against these. A size is the mean over its seeds (dots) with its 95 % interval over trials and
    seeds. The broad line is the Pareto front, the dotted one the noise floor where the scores have one (with its value
    at a panel's edge where it lies beyond), the dashed one the target, with the smallest size that reaches it.
    Published results are in grey, each with its source; published RMSE is the rescaled one, so that is what is drawn
    filled, with the plain one open.
    scores: what `evaluate` or `read_scores` returns. out: path of the figure. target: ROC-AUC that is good enough.
    Raises InputError where there is nothing to draw, the suffix is unknown or the path cannot be written.
    """
    check_suffix(out)
    series, floor = series_of(scores), floor_of(scores)
    if not series:
        raise InputError("compare: no scores of a model were given; `apical evaluate` makes them")
    published = _published_beside(scores)
    of_data = data_series_of(scores)
    rows: list[tuple[str, list[Series], list[Published]]] = []
    if not of_data or any(len(each.points) > 1 for each in series):  # else it is all about data
        rows.append(("n_parameters", series, published))
        if any(point.macs_per_ms is not None for each in series for point in each.points):
            rows.append(("macs_per_ms", series, []))
    if of_data:
        rows.append(("train_trials", of_data, []))
    looks = _looks(series)
    columns = [each for each in PANELS if any(getattr(row, each) is not None for row in scores)]
    with style():
        labels = [series_label(each, scores) for each in series]
        lines = max(7, 6 + sum(1 + label.count("\n") for label in labels) + len(of_data))
        fig = figure(1.75 * len(rows) + 0.35 + 0.135 * lines)
        panels = fig.subplots(len(rows), len(columns), squeeze=False)
        front: list[Line2D] = []
        behind: list[Line2D] = []
        for at, (cost, drawn, beside) in enumerate(rows):
            row_panels = dict(zip(columns, panels[at], strict=True))
            found = _draw_row(row_panels, cost, drawn, beside, floor, None if cost == "train_trials" else looks, target)
            if cost == "n_parameters":
                front, behind = found
                for line, label in zip(front, labels, strict=True):
                    line.set_label(label)
            elif cost == "train_trials":
                front += found[0]
        for letter, axes in zip("abcdefghi", panels.flat, strict=False):
            axes.set_title(letter, loc="left", weight="bold")
        front += _key(scores, series if rows[0][0] == "n_parameters" else [], floor, target)
        one_dataset = len({row.dataset_id for row in scores}) == 1
        title = f"Measured on {in_words(scores[0].dataset_id, scores)}" if one_dataset else "Measured"
        fig.legend(handles=front, title=title, loc="outside lower left", alignment="left")
        if behind:
            sources = list(dict.fromkeys(row.source for row in published))
            title = "Published, NeuronIO test set, RMSE rescaled per file"
            title += "".join(f"{'   ' if at % 2 else chr(10)}[{at + 1}] {source}" for at, source in enumerate(sources))
            fig.legend(handles=behind, title=title, loc="outside lower right", alignment="left", ncols=3)
        return save_figure(fig, out)


def _published_beside(scores: Sequence[Score]) -> list[Published]:
    """What was published for the input sets that the scores are of; NMDA where they are of none of these."""
    sets = [name for name, start in INPUT_SETS.items() if any(row.dataset.startswith(start) for row in scores)]
    return [row for row in published_scores() if row.input_set in (sets or ["NMDA"])]


def _looks(series: Sequence[Series]) -> list[Look]:
    """A colour for each family where families differ, else one for each series; a line style for each dataset."""
    datasets = list(dict.fromkeys(each.first.dataset_id for each in series))
    by_family = len({(each.family, each.first.dataset_id) for each in series}) == len(series)
    looks = []
    for at, each in enumerate(series):
        colour = FAMILY_COLOURS.get(each.family, BLACK) if by_family else PALETTE[at % len(PALETTE)]
        line = LINES[datasets.index(each.first.dataset_id) % len(LINES)]
        looks.append(Look(colour, FAMILY_MARKERS.get(each.family, "8"), line))
    return looks


def _draw_row(
    panels: dict[str, Axes],
    cost: str,
    series: Sequence[Series],
    published: Sequence[Published],
    floor: Sequence[Score],
    looks: Sequence[Look] | None,
    target: float,
) -> tuple[list[Line2D], list[Line2D]]:
    """Draw one row of panels; the lines of the series and of what was published, for the legends."""
    sources = list(dict.fromkeys(row.source for row in published))
    curves = grouped(published, lambda row: (row.source, row.family, row.input_set))
    front: list[Line2D] = []
    behind: list[Line2D] = []
    by_data = looks is None
    looks = looks or [Look(PALETTE[at % len(PALETTE)], "o", "-") for at in range(len(series))]
    for column, axes in panels.items():
        values: list[float | None] = []
        if column != "average_precision":  # not published
            behind = [draw_published(axes, rows, column, sources.index(rows[0].source)) for rows in curves]
            values += [getattr(row, column) for row in published]
        if not by_data:
            draw_front(axes, series, column, cost)
        for each, look in zip(series, looks, strict=True):
            if column == "rmse_rescaled_mv":
                draw_series(axes, each, "rmse_mv", cost, look, ls=":", mfc="white", lw=0.8)
                values += [point.mean("rmse_mv") for point in each.points]
            line = draw_series(axes, each, column, cost, look)
            if (column, cost) == ("roc_auc", "n_parameters"):
                draw_smallest(axes, each, column, target, look.colour)
            values += [value for point in each.points for value in point.values(column)]
            if column == PANELS[0]:
                line.set_label(f"{each.title} by training trials" if by_data else each.title)
                front.append(line)
        known = [value for value in values if value is not None]
        if column == "roc_auc":
            auc_axis(axes, known, target)
        elif column == "rmse_rescaled_mv":
            rmse_axis(axes, known)
        else:
            precision_axis(axes, known)
        draw_floor(axes, floor, column)
        axes.set_xscale("log")
        axes.set_xlabel(COSTS[cost])
        if by_data:
            trials_axis(axes, series)
    return front, behind


def _key(scores: Sequence[Score], series: Sequence[Series], floor: Sequence[Score], target: float) -> list[Line2D]:
    """Legend entries for what is not a series. series: those whose sizes are drawn."""
    from matplotlib.lines import Line2D

    def entry(label: str, **look: Any) -> Line2D:
        return Line2D([], [], label=label, **{"color": BLACK} | look)

    known = any(row.resamples is not None for row in scores)
    found = [entry("95 % interval over trials and seeds", lw=2.2, alpha=0.35)] if known else []
    if len({(row.name, row.dataset_id, row.train_trials) for row in scores}) < len(scores):
        found.append(entry("a seed each (mean: marker)", marker=".", ms=4, ls="", mew=0))
    found.append(entry("plain RMSE, not rescaled", marker="o", ms=4.2, mew=0.8, mfc="white", ls=":", lw=0.8))
    if series:
        found.append(entry("Pareto front", **FRONT_LINE))
    sufficient = ", 'sufficiently good'" if target == SUFFICIENT_AUC else ""
    found.append(entry(f"AUC {target:g}{sufficient}", **TARGET_LINE))
    if any(smallest(each, target=target).n_parameters is not None for each in series):
        found.append(entry("smallest size that reaches it, 95 % interval", marker="|", ms=9, mew=1.6, lw=1.6))
    if floor:
        told = "; ".join(dict.fromkeys(row.name for row in floor))
        found.append(entry(f"noise floor: {told}", **FLOOR_LINE))
    return found
