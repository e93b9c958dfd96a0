"""What each parameter buys: fidelity against size, operations and data, in front of what was published of such data."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...simulate.schema import InputError
from ..families import DASHES, Look, looks
from ..scores.rows import Score
from ..style import BLACK, caption, check_suffix, figure, save_figure, style
from .efficiency import (
    SUFFICIENT_AUC,
    Series,
    data_series_of,
    floor_of,
    grouped,
    in_words,
    series_label,
    series_of,
)
from .literature import Published, published_scores
from .panels import (
    FLOOR_LINE,
    FRONT_LINE,
    TARGET_LINE,
    auc_axis,
    cost_axis,
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
# NeuronIO's cell, and what it was published of: its input sets, by our presets of them. A dataset's name has both.
NEURONIO_CELL = {"hay2011", "cell1.asc"}
NEURONIO_PARAMETERS = "shai2015"
NEURONIO = "NeuronIO"  # the name of what `apical import-neuronio` reads
INPUT_SETS = {"nmda": "NMDA", "ampa": "AMPA", "ampa-sk": "AMPA"}
MEANING = {
    "roc_auc": "ROC-AUC: area under the receiver operating characteristic of output spikes in bins of 1 ms, 0.5 by "
    "chance, 1 at best, which is drawn at the end of its axis.",
    "rmse_rescaled_mv": "RMSE: root mean squared error of the voltage, truth clipped at −55 mV; filled, rescaled: each "
    "file's prediction first given the truth's mean and standard deviation, as published; open, plain: as predicted.",
    "average_precision": "Average precision: area under the precision–recall curve of the same bins; by chance, the "
    "share of bins with a spike.",
    "macs_per_ms": "Multiply-accumulates: products that a model adds up for a millisecond.",
    "front": "Pareto front: models that no cheaper one equals.",
    "data": "Data are named by input preset, morphology and parameter set.",
    "floor": "Noise floor: the cell against itself, integrated otherwise.",
    "step": "dt: its step in ms.",
    "beyond": "An arrow: beyond the panel.",
}


def compare(scores: Sequence[Score], out: str | Path, *, target: float = SUFFICIENT_AUC) -> Path:
    """Draw ROC-AUC, RMSE and average precision against what a model costs, as PNG, SVG or PDF; returns the path.

    Against trainable parameters, multiply-accumulates per simulated ms, and, where models were fitted to several
    amounts of data, against these. A size is the mean over its seeds (dots) with its 95 % interval over trials and
    seeds. The broad line is the Pareto front, the dotted one the noise floor where the scores have one (with its value
    above a panel beyond which it lies), the dashed one the target, with the smallest size that reaches it.
    Behind scores on NeuronIO's cell and input, published results are in grey, each with its source; published RMSE is
    the rescaled one, so that is what is drawn filled, with the plain one open.
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
    series_looks = _looks(series)
    columns = [each for each in PANELS if any(point.values(each).size for one in series for point in one.points)]
    with style():
        labels = [series_label(each, scores) for each in series]
        fig = figure(1.85 * len(rows))
        panels = fig.subplots(len(rows), len(columns), squeeze=False)
        front: list[Line2D] = []
        behind: list[Line2D] = []
        for at, (cost, drawn, beside) in enumerate(rows):
            row_panels = dict(zip(columns, panels[at], strict=True))
            looks_here = _looks(drawn) if cost == "train_trials" else series_looks
            found = _draw_row(row_panels, cost, drawn, beside, floor, looks_here, target)
            if cost == "n_parameters":
                front, behind = found
                for line, label in zip(front, labels, strict=True):
                    line.set_label(label)
            elif cost == "train_trials":
                front += found[0]
        for letter, axes in zip("abcdefghi", panels.flat, strict=False):
            axes.set_title(letter, loc="left", weight="bold")
        seen = {artist.get_gid() for axes in panels.flat for artist in (*axes.lines, *axes.collections)}
        front += _key(scores, seen, floor, target)
        one_dataset = len({row.dataset_id for row in scores}) == 1
        title = f"Measured on {in_words(scores[0].dataset_id, scores)}" if one_dataset else "Measured"
        below = [fig.legend(handles=front, title=title, alignment="left", ncols=3, columnspacing=1)]
        if behind:
            sources = list(dict.fromkeys(row.source for row in published))
            title = "Published, NeuronIO test set, RMSE rescaled per file"
            title += "".join(f"{'   ' if at % 2 else chr(10)}[{at + 1}] {source}" for at, source in enumerate(sources))
            below.append(fig.legend(handles=behind, title=title, alignment="left", ncols=3))
        beyond = any(axes.get_title(loc="right") for axes in panels.flat)
        words = ["front"] * ("front" in seen) + ["floor"] * bool(floor)
        words += ["step"] * ("floor" in seen) + ["beyond"] * beyond + ["data"]
        told = [*columns, *(cost for cost, _, _ in rows), *words]
        caption(fig, " ".join(MEANING[each] for each in told if each in MEANING), below)
        return save_figure(fig, out)


def _published_beside(scores: Sequence[Score]) -> list[Published]:
    """What was published for the input sets that the scores are of; nothing for other data than NeuronIO's."""
    sets = {each for row in scores for each in _input_sets(row.dataset)}
    return [row for row in published_scores() if row.input_set in sets]


def _input_sets(dataset: str) -> set[str]:
    """The input sets that were published of a dataset, by its name; none for another cell or other input.

    >>> sorted(_input_sets("nmda, cell1.asc, shai2015")), sorted(_input_sets("nmda-ttpc1, ttpc1, shai2015"))
    (['NMDA'], [])
    """
    if dataset == NEURONIO:  # imported: its files do not say which
        return {"NMDA"}
    told = dataset.split(", ")
    alike = len(told) == 3 and told[1] in NEURONIO_CELL and told[2] == NEURONIO_PARAMETERS
    return {INPUT_SETS[told[0]]} if alike and told[0] in INPUT_SETS else set()


def _looks(series: Sequence[Series]) -> list[Look]:
    """By family; dashes tell datasets apart where there are several, else series of one family."""
    found, of_one = looks([each.family for each in series]), [each.first.dataset_id for each in series]
    if len(set(of_one)) == 1:
        of_one = [each.family for each in series]
        nth = [of_one[:at].count(family) for at, family in enumerate(of_one)]
    else:
        nth = [list(dict.fromkeys(of_one)).index(each) for each in of_one]
    return [look._replace(dashes=DASHES[at % len(DASHES)]) for look, at in zip(found, nth, strict=True)]


def _draw_row(
    panels: dict[str, Axes],
    cost: str,
    series: Sequence[Series],
    published: Sequence[Published],
    floor: Sequence[Score],
    looks: Sequence[Look],
    target: float,
) -> tuple[list[Line2D], list[Line2D]]:
    """Draw one row of panels; the lines of the series and of what was published, for the legends."""
    sources = list(dict.fromkeys(row.source for row in published))
    curves = grouped(published, lambda row: (row.source, row.family, row.input_set))
    several = len({row.input_set for row in published}) > 1
    front: list[Line2D] = []
    behind: list[Line2D] = []
    by_data = cost == "train_trials"
    for column, axes in panels.items():
        values: list[float | None] = []
        if column != "average_precision":  # not published
            behind = [
                draw_published(axes, rows, column, sources.index(rows[0].source), rows[0].input_set * several)
                for rows in curves
            ]
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
            shown = [column, "rmse_mv"] if column == "rmse_rescaled_mv" else [column]
            values += [end for point in each.points for name in shown for end in point.interval(name) or ()]
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
        cost_axis(axes, cost)
        if by_data:
            trials_axis(axes, series)
    return front, behind


def _key(scores: Sequence[Score], seen: set[str | None], floor: Sequence[Score], target: float) -> list[Line2D]:
    """Legend entries for what is drawn and is not a series. seen: what panels.py calls that."""
    from matplotlib.lines import Line2D

    def entry(label: str, **look: Any) -> Line2D:
        return Line2D([], [], label=label, **{"color": BLACK} | look)

    found = [entry("95 % interval over trials and seeds", lw=2.2, alpha=0.35)] if "interval" in seen else []
    if len({(row.name, row.dataset_id, row.train_trials) for row in scores}) < len(scores):
        found.append(entry("a seed each (mean: marker)", marker=".", ms=4, ls="", mew=0))
    found.append(entry("plain RMSE, not rescaled", marker="o", ms=4.2, mew=0.8, mfc="white", ls=":", lw=0.8))
    if "front" in seen:
        found.append(entry("Pareto front", **FRONT_LINE))
    sufficient = ",\n'sufficiently good' (Beniaguev et al. 2021)" if target == SUFFICIENT_AUC else ""
    found.append(entry(f"target: ROC-AUC {target:g}{sufficient}", **TARGET_LINE))
    if "smallest" in seen:
        found.append(entry("smallest size that reaches it, 95 % interval", marker="|", ms=9, mew=1.6, lw=1.6))
    if "floor" in seen:
        told = "; ".join(dict.fromkeys(row.name for row in floor))
        found.append(entry(f"noise floor: {told}", **FLOOR_LINE))
    return found
