"""What models scored, drawn: accuracy by bin or by parameters, how it was learned, and what is taken for what; or bits
per character by parameters, how they fell, and where in the text they are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...simulate.schema import InputError
from ..families import Look, family_of, looks
from ..style import GREY, caption, check_suffix, figure, save_figure, style
from ..ticks import label_logarithmic
from .measure import BITS
from .measured import Measured, confusion, measured
from .networks import are_networks
from .networks_figure import networks_figure
from .published import published_accuracies
from .rows import TaskScore

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PANEL_INCHES = 2.5
PALEST = 0.7  # the share of its colour that the learning curve of the widest bin lacks
LEAST_SPAN = 4.0  # of parameters that are drawn: near ones are as many
OF_LABELS = (
    "sequences of the {split} split. Bars: 95 % intervals, bootstrap over sequences and seeds. Dashed: what always "
    "giving the commonest class would score."
)
OF_TEXT = (
    "characters of the {split} split. Bars: 95 % intervals, bootstrap over blocks of text and seeds. Right: each block "
    "of the text, first seed."
)
GREY_MARKERS = "sD^vPX*hp8<>"


def compare_tasks(scores: Sequence[TaskScore], out: str | Path) -> Path:
    """Draw scores of one task, in front of published ones of a task that stands beside it.

    Accuracy with 95 % intervals (bootstrap over sequences and seeds) against the width of a bin where there are
    several, else against parameters; the learning curves; the confusion matrix of the best model. Of text, bits per
    character in place of accuracy, and of the matrix bits along the text. Networks of neurons of several sizes: the
    trade-off at each budget, the scaling law, and what the closed form says.
    Raises InputError for scores of more than one task, another suffix or a path that cannot be written.
    """
    out = check_suffix(out)
    tasks = {(score.task, score.adding) for score in scores}
    if len(tasks) != 1:
        told = ", ".join(sorted({title for title, _ in tasks}))
        raise InputError(f"scores are of several tasks ({told}, added or not): compare one at a time")
    found = measured(scores)
    if are_networks(found):
        return networks_figure(found, out)
    of_text = found[0].measure is BITS
    models = list(dict.fromkeys((each.first.family, each.first.size) for each in found))
    look = dict(zip(models, looks([family for family, _ in models]), strict=True))
    with style():
        fig = figure(PANEL_INCHES)
        first, curves, last = fig.subplots(1, 3)
        by_bin = len({each.first.bin_ms for each in found}) > 1
        sources = _draw_values(first, found, look, by_bin)
        _draw_curves(curves, scores, look)
        if of_text:
            _draw_along(last, found, look)
        else:
            _draw_confusion(last, _best(scores))
        handles, labels = first.get_legend_handles_labels()
        legend = fig.legend(handles, labels, ncols=4, loc="upper left")
        title = scores[0].task + (", two added" if scores[0].adding else "")
        paler = " Learning curves are paler for wider bins." if by_bin else ""
        behind = f" Grey: published of another data set, {'; '.join(sources)}." if sources else ""
        said = OF_TEXT if of_text else OF_LABELS
        caption(
            fig,
            f"{title}: {scores[0].n_sequences:,} {said.format(split=scores[0].split)}{paler}{behind}",
            [legend],
        )
        return save_figure(fig, out)


def _best(scores: Sequence[TaskScore]) -> TaskScore | None:
    """Of those whose answers are there."""
    return max((each for each in scores if each.label_n is not None), key=lambda each: each.accuracy, default=None)


def _draw_values(axes: Axes, found: Sequence[Measured], look: dict[tuple, Look], by_bin: bool) -> list[str]:
    """Returns the sources of what is drawn behind."""
    sources = []
    if by_bin:
        task = "SHD-Adding" if found[0].first.adding else "SHD"
        curves: dict[str, list] = {}
        for row in published_accuracies():
            if row.task == task and row.bin_ms:
                curves.setdefault(row.label, []).append(row)
        for marker, (label, rows) in zip(GREY_MARKERS, curves.items(), strict=False):
            at = [row.bin_ms for row in rows], [row.accuracy for row in rows]
            axes.plot(*at, color=GREY, marker=marker, markersize=2.5, lw=0.7, label=f"{label}, {task}", zorder=1)
            sources = [f"{task}, {rows[0].source}"]
    for model, one in look.items():
        mine = [each for each in found if (each.first.family, each.first.size) == model]
        mine.sort(key=lambda each: each.first.bin_ms or 0)
        x = np.array([each.first.bin_ms if by_bin else each.first.n_parameters for each in mine], float)
        y = np.array([each.mean for each in mine])
        around = np.array([[each.mean - each.interval.low, each.interval.high - each.mean] for each in mine]).T
        label = f"{family_of(model[0]).title or model[0]} {model[1]}"
        axes.errorbar(
            x, y, np.clip(around, 0, None), color=one.colour, ls=one.line, marker=one.marker, ms=3.5, label=label
        )
    chance = _commonest(found[0].first)
    if chance is not None:
        axes.axhline(chance, color=GREY, ls="--", lw=0.7, zorder=0)
    measure = found[0].measure
    axes.set(xscale="log", ylabel=measure.name, xlabel="bin (ms)" if by_bin else "trainable parameters")
    if measure.more_is_better:
        axes.set_ylim(0, 1.02)
    low, high = axes.get_xlim()
    wider = max(1.0, math.sqrt(LEAST_SPAN * low / high))
    axes.set_xlim(low / wider, high * wider)
    label_logarithmic(axes.xaxis)
    return sources


def _commonest(score: TaskScore) -> float | None:
    if score.label_n is None:
        return None
    return float(np.bincount(score.label_n).max() / len(score.label_n))


def _draw_curves(axes: Axes, scores: Sequence[TaskScore], look: dict[tuple, Look]) -> None:
    bins = sorted({score.bin_ms or 0.0 for score in scores})
    paleness = dict(zip(bins, np.linspace(0, PALEST, len(bins)), strict=True))
    for score in scores:
        if score.curve_i2 is not None and len(score.curve_i2):
            one = look[score.family, score.size]
            axes.plot(*score.curve_i2.T, color=one.colour, ls=one.line, lw=0.8, alpha=1 - paleness[score.bin_ms or 0.0])
    measure = scores[0].measure
    axes.set(xlabel="training step", ylabel=f"validation {measure.name}")
    if measure.more_is_better:
        axes.set_ylim(0, 1.02)


def _draw_along(axes: Axes, found: Sequence[Measured], look: dict[tuple, Look]) -> None:
    """Bits per character of each block of the text."""
    for each in found:
        score, one = each.first, look[each.first.family, each.first.size]
        if score.bits_k is not None and score.characters_k is not None:
            ends_k = score.characters_k.cumsum() / 1000
            axes.plot(ends_k, score.bits_k / score.characters_k, color=one.colour, ls=one.line, lw=0.7)
    axes.set(xlabel="thousand characters into the text", ylabel="bits per character")


def _draw_confusion(axes: Axes, best: TaskScore | None) -> None:
    from matplotlib.ticker import MaxNLocator

    if best is None:
        axes.set_axis_off()
        return
    counts = confusion(best)
    share = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    axes.imshow(share, cmap="Greys", vmin=0, vmax=1, interpolation="nearest")
    name = family_of(best.family).title or best.family
    axes.set(xlabel=f"answer of {name} {best.size}" + (f", {best.bin_ms:g} ms" if best.bin_ms else ""), ylabel="class")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(5, integer=True))
    axes.spines[["top", "right"]].set_visible(True)
