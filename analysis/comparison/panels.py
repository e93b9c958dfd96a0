"""The panels of the comparison: one score against one cost, what was measured in front of what was published."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..families import FAMILIES, OTHER, Look, family_of
from ..scores.rows import Score
from ..scores.uncertainty import enough
from ..style import BLACK, GREY, PALE
from ..ticks import label_logarithmic, spread
from .efficiency import NOISE_FLOOR, SUFFICIENT_AUC, Point, Series, pareto, smallest
from .literature import Published

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

AUC_TICKS = (0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995, 0.9999)
LARGEST_NINES = 4.0  # AUC from 0.9999 to 1 is drawn at one height
LEAST = {"rmse_mv": 1e-3, "rmse_rescaled_mv": 1e-3, "average_precision": 1e-6}  # of logarithmic axes: 0 is drawn there
RMSE_TICKS_MV = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1, 1.5, 2, 3, 4, 6, 8, 10, 20)
LEAST_TICK_STEP = 0.08  # parts of the panel; a label is so high
LEAST_AMOUNT_STEP = 0.12  # and so wide
POWERS = [10.0**power for power in range(-6, 1)]
PRECISION_TICKS = (POWERS, [digit * power for power in POWERS for digit in (2, 5)])
COSTS = {
    "n_parameters": "trainable parameters",
    "macs_per_ms": "multiply-accumulates per ms",
    "train_trials": "training trials",
}
SINGLE = {"Branch-ELM best effort": "top", "Branch-ELM smallest adequate": "bottom"}  # published: half-filled markers
MARKERS = {family.title: family.marker for family in FAMILIES.values()}
FLOOR_LINE: dict[str, Any] = {"color": family_of(NOISE_FLOOR).colour, "lw": 0.8, "ls": (0, (1, 1.2))}
TARGET_LINE: dict[str, Any] = {"color": BLACK, "lw": 0.7, "ls": (0, (5, 3))}
FRONT_LINE: dict[str, Any] = {"color": BLACK, "lw": 2.6, "alpha": 0.14, "solid_capstyle": "round"}


def draw_published(axes: Axes, rows: list[Published], column: str, source: int, input_set: str) -> Line2D:
    """Draw one published curve or point in grey; returns its line, for the legend. input_set: to be told, if any."""
    rows = sorted(rows, key=lambda row: row.n_parameters)
    family, half = rows[0].family, SINGLE.get(rows[0].family)
    look: dict[str, Any] = {"ms": 4.6, "mfc": GREY, "fillstyle": half, "mfcalt": "white"} if half else {"ms": 3.2}
    plain: dict[str, Any] = {
        "mew": 0.6,
        "lw": 0.7,
        "color": GREY,
        "mfc": (PALE, GREY, "white")[source % 3],
        "zorder": 1,
    }
    return axes.plot(
        [row.n_parameters for row in rows],
        np.array([getattr(row, column) for row in rows], dtype=float),
        marker=MARKERS["Branch-ELM"] if half else MARKERS.get(family, OTHER.marker),
        label=f"{family} [{source + 1}]" + f", {input_set}" * bool(input_set),
        **plain | look,
    )[0]


def draw_series(axes: Axes, series: Series, column: str, cost: str, look: Look, **changes: Any) -> Line2D:
    """Draw a series: the mean over seeds with its 95 % interval, and each seed as a dot; returns its line."""
    points = [p for p in series.points if getattr(p, cost) is not None and np.isfinite(p.mean(column))]
    points.sort(key=lambda point: getattr(point, cost))
    x, mean = [getattr(point, cost) for point in points], [_shown(point.mean(column), column) for point in points]
    for at, point in zip(x, points, strict=True):
        _draw_spread(axes, at, point, column, look.colour)
    style: dict[str, Any] = {"color": look.colour, "marker": look.marker, "ls": look.line, "ms": 4.2, "mew": 0.8}
    return axes.plot(x, mean, zorder=3, **style | changes)[0]


def _draw_spread(axes: Axes, at: float, point: Point, column: str, colour: str) -> None:
    from matplotlib.transforms import offset_copy

    ends = point.interval(column)
    if ends is not None:
        low, high = (_shown(end, column) for end in ends)
        axes.vlines(at, low, high, color=colour, lw=2.2, alpha=0.35, zorder=2, gid="interval")
    if len(point.seeds) > 1:
        beside = offset_copy(axes.transData, axes.get_figure(root=True), x=4.5, y=0, units="points")
        values = point.values(column)
        axes.plot(np.full(values.size, at), values, ".", ms=3, mew=0, color=colour, transform=beside, zorder=2)


def _shown(value: float, column: str) -> float:
    """A value, or where it would be off a logarithmic axis, the least that is on it."""
    return max(value, LEAST.get(column, value))


def draw_front(axes: Axes, series: Sequence[Series], column: str, cost: str) -> None:
    """Draw the Pareto front of all series as a broad pale line behind them; of one model it is none."""
    front = pareto((point for each in series for point in each.points), column, cost)
    if len(front) < 2:
        return
    best = [_shown(point.mean(column), column) for point in front]
    axes.plot([getattr(point, cost) for point in front], best, zorder=0, gid="front", **FRONT_LINE)


def draw_smallest(axes: Axes, series: Series, column: str, target: float, colour: str) -> None:
    """Mark on the target line the smallest size of a series that reaches it, with its interval.

    Not where trials are too few to claim that it does.
    """
    found = smallest(series, column, target)
    if found.n_parameters is None or not all(enough(seed, column) for point in series.points for seed in point.seeds):
        return
    look: dict[str, Any] = {"color": colour, "zorder": 4, "gid": "smallest"}
    if found.low is not None:
        largest = series.points[-1].n_parameters  # an interval that ends nowhere is drawn as far as was looked
        axes.hlines(target, found.low, found.high or largest, lw=1.6, **look)
    axes.plot(found.n_parameters, target, "|", ms=9, mew=1.6, **look)


def draw_floor(axes: Axes, floor: Sequence[Score], column: str) -> None:
    """Draw what the cell scores against itself, integrated otherwise; where that is off the panel, say it above.

    The panel's limits are those of the models: with the floor inside them, models would be hard to tell apart.
    """
    low, high = sorted(axes.get_ylim())
    beyond = []
    for row in floor:
        value = getattr(row, column)
        if value is None:
            continue
        if low <= value <= high:
            axes.axhline(value, zorder=0, gid="floor", **FLOOR_LINE)
            continue
        told = f"{value:.4f}" if column == "roc_auc" else f"{value:.2g}"
        beyond.append(f"{'↑' if value > high else '↓'} {told}")
    if beyond:
        told = f"noise floor {', '.join(dict.fromkeys(beyond))}"
        axes.set_title(told, loc="right", fontsize=6, color=FLOOR_LINE["color"])


def auc_axis(axes: Axes, values: Sequence[float], target: float = SUFFICIENT_AUC) -> None:
    """Stretch the scale towards 1, so that 0.99 and 0.995 are as far apart as 0.98 and 0.99; mark the target."""
    axes.axhline(target, zorder=0, **TARGET_LINE)
    axes.set_yscale("function", functions=(nines, _auc))
    low, high = float(nines(min(*values, target))), float(nines(max(*values, target)))
    pad = 0.06 * max(high - low, 0.1)
    axes.set_ylim(*_auc(np.array([low - pad, high + pad])))
    _ticks(axes, [AUC_TICKS, [step / 200 for step in range(100, 200)]])
    axes.set_ylabel("output spike ROC-AUC")


def nines(auc: float | np.ndarray) -> np.ndarray:
    """-log10(1 - AUC): 1 for 0.9, 2 for 0.99; from 0.9999 on 4. Above 1, where only axes end, it goes on linearly."""
    auc = np.asarray(auc, dtype=float)
    found = -np.log10(np.clip(1 - auc, 10.0**-LARGEST_NINES, None))
    return np.where(auc > 1, LARGEST_NINES + (auc - 1), found)


def _auc(nines: float | np.ndarray) -> np.ndarray:
    """The AUC of so many nines."""
    beyond = np.asarray(nines, dtype=float) - LARGEST_NINES
    return np.where(beyond > 0, 1 + beyond, 1 - 10.0 ** -(np.minimum(beyond, 0) + LARGEST_NINES))


def rmse_axis(axes: Axes, values_mv: Sequence[float]) -> None:
    axes.set_yscale("log")
    low = max(min(values_mv), LEAST["rmse_mv"])
    high = max(*values_mv, low)
    pad = max(high / low, 1.1) ** 0.06
    axes.set_ylim(low / pad, high * pad)
    _ticks(axes, [RMSE_TICKS_MV, [step / 20 for step in range(1, 100)]])
    axes.set_ylabel("soma voltage RMSE (mV)")


def precision_axis(axes: Axes, values: Sequence[float]) -> None:
    """Logarithmic: with a spike in one bin of a thousand, even good models have a few per cent."""
    axes.set_yscale("log")
    axes.set_ylim(max(min(values), LEAST["average_precision"]) / 1.3, 1.3 * max(*values, 1e-3))
    _ticks(axes, PRECISION_TICKS)
    axes.set_ylabel("average precision")


def trials_axis(axes: Axes, series: Sequence[Series]) -> None:
    """Label the amounts of data that there are, as far as their labels have room."""
    from matplotlib.ticker import FixedLocator, NullLocator

    amounts = sorted({point.train_trials or 0 for each in series for point in each.points})
    low, high = axes.get_xlim()
    ticks = spread([amounts[::-1]], low, high, LEAST_AMOUNT_STEP, np.log10)
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter("{x:g}")


def cost_axis(axes: Axes, cost: str) -> None:
    """A logarithmic axis of what a model costs."""
    axes.set_xscale("log")
    axes.set_xlabel(COSTS[cost])
    label_logarithmic(axes.xaxis)


def _ticks(axes: Axes, tiers: Sequence[Sequence[float]]) -> None:
    """Label the ticks that have room, the first tier's first."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    scale = axes.yaxis.get_transform()
    found = spread(tiers, *axes.get_ylim(), LEAST_TICK_STEP, lambda y: float(scale.transform([y])[0]))
    axes.yaxis.set_major_locator(FixedLocator(found))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.6g}"))
    axes.yaxis.set_minor_locator(NullLocator())
