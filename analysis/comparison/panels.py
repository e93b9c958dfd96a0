"""The panels of the comparison: one score against one cost, what was measured in front of what was published."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..scores.rows import Score
from ..style import BLACK, GREY, PALE
from .efficiency import SUFFICIENT_AUC, Point, Series, pareto, smallest
from .literature import Published

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

AUC_TICKS = (0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995, 0.9999)
RMSE_TICKS_MV = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1, 1.5, 2, 3, 4, 6, 8, 10, 20)
LEAST_TICK_STEP = 0.055  # parts of the panel; a label is so high
PRECISION_TICKS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1)
COSTS = {
    "n_parameters": "trainable parameters",
    "macs_per_ms": "multiply-accumulates per ms",
    "train_trials": "training trials",
}
PUBLISHED_MARKERS = {
    "Branch-ELM": "o",
    "Branch-ELM best effort": "*",
    "Branch-ELM smallest adequate": "h",
    "ELM": "s",
    "Simplest ELM": "p",
    "LSTM": "^",
    "TCN": "D",
    "LIF": "+",
    "ALIF": "x",
}
FLOOR_LINE: dict[str, Any] = {"color": BLACK, "lw": 0.8, "ls": (0, (1, 1.2))}
TARGET_LINE: dict[str, Any] = {"color": BLACK, "lw": 0.7, "ls": (0, (5, 3))}
FRONT_LINE: dict[str, Any] = {"color": BLACK, "lw": 2.6, "alpha": 0.14, "solid_capstyle": "round"}


class Look(NamedTuple):
    """Of a series: colour, marker, line style."""

    colour: str
    marker: str
    line: str


def draw_published(axes: Axes, rows: list[Published], column: str, source: int) -> Line2D:
    """Draw one published curve or point in grey; returns its line, for the legend."""
    rows = sorted(rows, key=lambda row: row.n_parameters)
    fill = (PALE, GREY, "white")[source % 3]
    return axes.plot(
        [row.n_parameters for row in rows],
        np.array([getattr(row, column) for row in rows], dtype=float),
        marker=PUBLISHED_MARKERS.get(rows[0].family, "."),
        label=f"{rows[0].family} [{source + 1}]",
        ms=3.2,
        mew=0.6,
        lw=0.7,
        color=GREY,
        mfc=fill,
        zorder=1,
    )[0]


def draw_series(axes: Axes, series: Series, column: str, cost: str, look: Look, **changes: Any) -> Line2D:
    """Draw a series: the mean over seeds with its 95 % interval, and each seed as a dot; returns its line."""
    points = [p for p in series.points if getattr(p, cost) is not None and np.isfinite(p.mean(column))]
    points.sort(key=lambda point: getattr(point, cost))
    x, mean = [getattr(point, cost) for point in points], [point.mean(column) for point in points]
    for at, point in zip(x, points, strict=True):
        _draw_spread(axes, at, point, column, look.colour)
    style: dict[str, Any] = {"color": look.colour, "marker": look.marker, "ls": look.line, "ms": 4.2, "mew": 0.8}
    return axes.plot(x, mean, zorder=3, **style | changes)[0]


def _draw_spread(axes: Axes, at: float, point: Point, column: str, colour: str) -> None:
    from matplotlib.transforms import offset_copy

    found = point.interval(column)
    if found is not None:
        axes.vlines(at, *found, color=colour, lw=2.2, alpha=0.35, zorder=2)
    if len(point.seeds) > 1:
        beside = offset_copy(axes.transData, axes.get_figure(root=True), x=4.5, y=0, units="points")
        values = point.values(column)
        axes.plot(np.full(values.size, at), values, ".", ms=3, mew=0, color=colour, transform=beside, zorder=2)


def draw_front(axes: Axes, series: Sequence[Series], column: str, cost: str) -> None:
    """Draw the Pareto front of all series as a broad pale line behind them."""
    front = pareto((point for each in series for point in each.points), column, cost)
    axes.plot([getattr(p, cost) for p in front], [p.mean(column) for p in front], zorder=0, **FRONT_LINE)


def draw_smallest(axes: Axes, series: Series, column: str, target: float, colour: str) -> None:
    """Mark on the target line the smallest size of a series that reaches it, with its interval."""
    found = smallest(series, column, target)
    if found.n_parameters is None:
        return
    look: dict[str, Any] = {"color": colour, "zorder": 4}
    if found.low is not None:
        largest = series.points[-1].n_parameters  # an interval that ends nowhere is drawn as far as was looked
        axes.hlines(target, found.low, found.high or largest, lw=1.6, **look)
    axes.plot(found.n_parameters, target, "|", ms=9, mew=1.6, **look)


def draw_floor(axes: Axes, floor: Sequence[Score], column: str) -> None:
    """Draw what the cell scores against itself, integrated otherwise; where that is off the panel, at its edge.

    The panel's limits are those of the models: with the floor inside them, models would be hard to tell apart.
    """
    low, high = sorted(axes.get_ylim())
    for row in floor:
        value = getattr(row, column)
        if value is None:
            continue
        if low <= value <= high:
            axes.axhline(value, zorder=0, **FLOOR_LINE)
            continue
        edge, arrow, below = (0.985, "↑", "top") if value > high else (0.015, "↓", "bottom")
        axes.plot([0, 1], [edge, edge], transform=axes.transAxes, zorder=0, **FLOOR_LINE)
        told = f"{arrow} {value:.4f}" if column == "roc_auc" else f"{arrow} {value:.2g}"
        behind = {"fc": "white", "ec": "none", "alpha": 0.8, "pad": 0.6}
        axes.text(0.99, edge, told, transform=axes.transAxes, ha="right", va=below, fontsize=6, bbox=behind)


def auc_axis(axes: Axes, values: Sequence[float], target: float = SUFFICIENT_AUC) -> None:
    """Stretch the scale towards 1, so that 0.99 and 0.995 are as far apart as 0.98 and 0.99; mark the target."""
    axes.axhline(target, zorder=0, **TARGET_LINE)
    axes.set_yscale("function", functions=(nines, lambda y: 1 - 10.0 ** -np.asarray(y)))
    low, high = float(nines(min(*values, target))), float(nines(max(*values, target)))
    pad = 0.06 * max(high - low, 0.1)
    axes.set_ylim(1 - 10 ** -(low - pad), 1 - 10 ** -(high + pad))
    _ticks(axes, AUC_TICKS, [step / 200 for step in range(100, 200)])
    axes.set_ylabel("output spike ROC-AUC")


def nines(auc: float | np.ndarray) -> np.ndarray:
    """-log10(1 - AUC): 1 for 0.9, 2 for 0.99; 1 itself counts as 0.9999."""
    return -np.log10(np.clip(1 - np.asarray(auc, dtype=float), 1e-4, None))


def rmse_axis(axes: Axes, values_mv: Sequence[float]) -> None:
    axes.set_yscale("log")
    low, high = max(min(values_mv), 1e-3), max(values_mv)
    pad = max(high / low, 1.1) ** 0.06
    axes.set_ylim(low / pad, high * pad)
    _ticks(axes, RMSE_TICKS_MV, [step / 20 for step in range(1, 100)])
    axes.set_ylabel("soma voltage RMSE (mV)")


def precision_axis(axes: Axes, values: Sequence[float]) -> None:
    """Logarithmic: with a spike in one bin of a thousand, even good models have a few per cent."""
    axes.set_yscale("log")
    axes.set_ylim(max(min(values), 1e-4) / 1.3, 1.3 * max(*values, 1e-3))
    _ticks(axes, PRECISION_TICKS)
    axes.set_ylabel("average precision")


def _with_room(axes: Axes, ticks: Sequence[float], step: float = LEAST_TICK_STEP) -> list[float]:
    (low, high), kept = axes.get_ylim(), list[float]()
    for tick in ticks:
        if low <= tick <= high and (not kept or _height(axes, tick) - _height(axes, kept[-1]) >= step):
            kept.append(tick)
    return kept


def _height(axes: Axes, y: float) -> float:
    """Of a value, in parts of the panel."""
    return float(axes.transLimits.transform(axes.transScale.transform((axes.get_xlim()[1], y)))[1])


def trials_axis(axes: Axes, series: Sequence[Series]) -> None:
    """Label the amounts of data that there are."""
    from matplotlib.ticker import FixedLocator, NullLocator

    amounts = sorted({point.train_trials or 0 for each in series for point in each.points})
    axes.xaxis.set_major_locator(FixedLocator(amounts))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter("{x:.0f}")


def _ticks(axes: Axes, ticks: Sequence[float], finer: Sequence[float] = ()) -> None:
    """Label ticks that have room, of the finer ones where there would be less than three."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    kept = _with_room(axes, ticks)
    axes.yaxis.set_major_locator(FixedLocator(kept if len(kept) > 2 or not finer else _with_room(axes, finer, 0.15)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_locator(NullLocator())
