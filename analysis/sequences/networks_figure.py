"""Networks at fixed budgets, drawn: the trade-off, the scaling law, and the closed form beside what was measured."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...simulate.schema import InputError
from ..families import Look, looks
from ..style import GREY, caption, check_suffix, figure, save_figure, style
from ..ticks import label_logarithmic
from .measure import BITS
from .measured import Measured
from .networks import Budget, budgets, closed_form, held_out, law_of, optimum
from .published import PublishedNetwork, published_networks

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PANEL_INCHES = 2.5
FAMILY = "elm-network"


def networks_figure(found: Sequence[Measured], out: str | Path) -> Path:
    """Draw networks of one task whose neurons have several sizes.

    Accuracy, or bits per character, against memory units at each budget, with 95 % intervals, the optimum and its
    interval, and the closed form; the share of wrong answers, or bits, against parameters, with the power law of the
    Pareto points; scores that the closed form says, of budgets that it was fitted to and of those that it was not,
    against those measured.
    Raises InputError for another suffix or a path that cannot be written.
    """
    out = check_suffix(out)
    given = budgets(found)
    look = looks([FAMILY] * len(given))
    with style():
        fig = figure(PANEL_INCHES)
        trade_off, law, said = fig.subplots(1, 3)
        source = _draw_trade_off(trade_off, given, look)
        told_law = _draw_law(law, found, given, look)
        told_form = _draw_closed_form(said, given, look)
        handles, labels = trade_off.get_legend_handles_labels()
        legend = fig.legend(handles, labels, ncols=4, loc="upper left")
        first = found[0].first
        title = first.task + (", two added" if first.adding else "")
        what, over = ("characters", "blocks of text") if first.measure is BITS else ("sequences", "sequences")
        caption(
            fig,
            f"{title}: networks of N neurons of d_m memory units, {first.n_sequences:,} {what} of the {first.split} "
            f"split, the same steps for all. Bars: 95 % intervals, bootstrap over {over} and seeds. Stars: best "
            f"network of a budget; the line below spans 95 % of resamples' best. "
            + " ".join(filter(None, (told_law, told_form, source))),
            [legend],
        )
        return save_figure(fig, out)


def _draw_trade_off(axes: Axes, given: Sequence[Budget], look: Sequence[Look]) -> str:
    """Returns the source of what is drawn behind."""
    source, measure, first = "", given[0].measure, given[0].networks[0].first
    beside = "Enwik8" if measure is BITS else "SHD-Adding" if first.adding else None
    if beside is not None:
        behind = [row for row in published_networks() if row.task == beside]
        label = f"{beside}, {_budget_of(behind):,} parameters"
        value = [(row.bits_per_character if measure is BITS else row.accuracy) or np.nan for row in behind]
        grey: dict[str, Any] = {"color": GREY, "marker": "s", "markersize": 2.5, "lw": 0.7, "label": label, "zorder": 1}
        axes.plot([row.d_m for row in behind], value, **grey)
        source = f"Grey: published{'' if first.task == beside else ' of another data set'}, {behind[0].source}."
    for place, (budget, one) in enumerate(zip(given, look, strict=True)):
        best, label = optimum(budget), f"{budget.n_parameters:,} parameters"
        around = np.array([[each.mean - each.interval.low, each.interval.high - each.mean] for each in budget.networks])
        how = {"color": one.colour, "ls": one.line, "marker": one.marker, "ms": 3, "label": label}
        axes.errorbar(budget.units.states, budget.value, np.clip(around.T, 0, None), **how)
        star = budget.value[measure.best(budget.value)]
        axes.plot(best.d_m, star, marker="*", ms=8, color=one.colour, zorder=3)
        below = 0.02 + 0.02 * place
        across = axes.get_xaxis_transform()
        axes.plot(best.interval, [below, below], color=one.colour, lw=1, marker="|", ms=3, transform=across)
    axes.set(xscale="log", xlabel="memory units of a neuron", ylabel=measure.name)
    if measure.more_is_better:
        axes.set_ylim(0, 1.02)
    label_logarithmic(axes.xaxis)
    return source


def _budget_of(rows: Sequence[PublishedNetwork]) -> int:
    return int(np.median([row.n_parameters for row in rows if row.n_parameters]))


def _draw_law(axes: Axes, found: Sequence[Measured], given: Sequence[Budget], look: Sequence[Look]) -> str:
    """Returns what the law says, in words."""
    for budget, one in zip(given, look, strict=True):
        sizes = [each.first.n_parameters for each in budget.networks]
        axes.plot(sizes, budget.measure.loss(budget.value), color=one.colour, marker=one.marker, ms=3, ls="")
    axes.set(xscale="log", yscale="log", xlabel="trainable parameters", ylabel=found[0].measure.lost)
    told = ""
    try:
        fitted = law_of(found)
    except InputError as error:
        told = f"No scaling law is drawn ({str(error).partition(': ')[2]})."
    else:
        low, high = axes.get_xlim()
        at = np.geomspace(low, high, 100)
        axes.plot(at, fitted.law.at(at), color="black", lw=0.8)
        axes.set_xlim(low, high)
        exponent, (least, most) = fitted.law.exponent, fitted.exponent
        told = (
            f"Line: {fitted.law.floor:.3f} + {fitted.law.scale:.3g} · P^(−{exponent:.2f}), exponent "
            f"{least:.2f} to {most:.2f}, of the Pareto points."
        )
    for axis in (axes.xaxis, axes.yaxis):
        label_logarithmic(axis)
    return told


def _draw_closed_form(axes: Axes, given: Sequence[Budget], look: Sequence[Look]) -> str:
    """Returns what is drawn, in words."""
    measure, measured = given[0].measure, np.concatenate([budget.value for budget in given])
    ends = (0, 1.02) if measure.more_is_better else (0.97 * measured.min(), 1.03 * measured.max())
    axes.axline((ends[0], ends[0]), slope=1, color=GREY, lw=0.7)
    axes.set(xlim=ends, ylim=ends, xlabel=f"{measure.name}, measured", ylabel=f"{measure.name}, closed form")
    told = "Closed form: open symbols of budgets that it was not fitted to."
    try:
        _, said = closed_form(given)
        others = held_out(given) if len(given) > 1 else []
    except InputError as error:
        return f"No closed form is drawn ({str(error).partition(': ')[2]})."
    for budget, one in zip(given, look, strict=True):
        count = len(budget.networks)
        axes.plot(measured[:count], said[:count], color=one.colour, marker=one.marker, ms=3, ls="")
        measured, said = measured[count:], said[count:]
    for each, one in zip(others, look, strict=False):
        axes.plot(each.budget.value, each.said, color=one.colour, marker=one.marker, ms=4, mfc="white", ls="")
    return told if others else "Right: the closed form, fitted to these networks."
