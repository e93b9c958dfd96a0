"""The panels of the fidelity page: each draws one curve of every prediction, with the truth's in black.

A prediction's colour is its place in the list; bars and bands are intervals of resampled trials.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..metrics.calibration import PROBABILITY_UP_TO
from ..metrics.correlogram import LAGS_MS
from ..metrics.events import TOLERANCES_MS
from ..metrics.frequency import BAND_FROM_HZ
from ..metrics.intervals import INTERVAL_FROM_MS
from ..metrics.subthreshold import NEAREST_FROM_MS, RATE_FROM_HZ
from ..style import BLACK, GREY, PALE, PALETTE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DASHED = (0, (5, 3))
NYQUIST_HZ = 500  # of 1 ms bins
MAX_LABEL = 28  # characters: a legend is as wide as a panel


class Curve(NamedTuple):
    """Values of a metric, (m,), and the ends of their intervals, NaN where there are none."""

    value: np.ndarray
    low: np.ndarray
    high: np.ndarray


class Fidelity(NamedTuple):
    """Of one prediction.

    threshold: of its events; borrowed: chosen on the scored trials, as it has no validation trials.
    curves: by the names in `_metrics`. true_rate_hz, expected_rate_hz: of each scored trial.
    """

    label: str
    threshold: float
    borrowed: bool
    curves: dict[str, Curve]
    true_rate_hz: np.ndarray
    expected_rate_hz: np.ndarray


def draw_reliability(axes: Axes, found: Sequence[Fidelity]) -> None:
    """Observed frequency against predicted probability; a bin without a spike has no place on the axis."""
    axes.axline((1e-4, 1e-4), slope=1, color=GREY, lw=0.7, ls=DASHED)
    for each, colour in zip(found, PALETTE, strict=False):
        observed = each.curves["observed"]
        observed = observed._replace(value=np.where(observed.value > 0, observed.value, np.nan))
        _bars(axes, each.curves["predicted"].value, observed, colour)
    axes.set(xscale="log", yscale="log", xlim=(5e-5, 1.3), ylim=(5e-5, 1.3))
    axes.set(xlabel="predicted spike probability per ms", ylabel="observed spikes per ms")
    axes.set_xticks(PROBABILITY_UP_TO[::4])
    axes.set_yticks(PROBABILITY_UP_TO[::4])
    axes.minorticks_off()


def draw_f1(axes: Axes, found: Sequence[Fidelity]) -> None:
    """F1 of the events against how far from a true spike they may be."""
    for beside, (each, colour) in zip(_side_by_side(len(found)), zip(found, PALETTE, strict=False), strict=True):
        _bars(axes, TOLERANCES_MS + beside, each.curves["f1"], colour)
    axes.set(xlabel="tolerance (ms)", ylabel="F1 of predicted spikes", ylim=(0, 1.02), xticks=TOLERANCES_MS)


def draw_correlogram(axes: Axes, found: Sequence[Fidelity]) -> None:
    """Rates around a true spike; its own 1,000 Hz at lag 0 is left out."""
    elsewhere = LAGS_MS != 0
    true_hz = np.where(elsewhere, found[0].curves["around_in_truth"].value, np.nan)
    axes.fill_between(LAGS_MS, true_hz, color=PALE, lw=0)
    axes.plot(LAGS_MS, true_hz, color=BLACK, lw=0.5)
    for each, colour in zip(found, PALETTE, strict=False):
        curve = each.curves["around"]
        axes.fill_between(LAGS_MS, curve.low, curve.high, color=colour, alpha=0.2, lw=0)
        axes.plot(LAGS_MS, curve.value, color=colour)
    axes.set(xlabel="lag from a true spike (ms)", ylabel="rate (Hz)", xlim=(LAGS_MS[0], LAGS_MS[-1]), ylim=(0, None))


def draw_by_time(axes: Axes, found: Sequence[Fidelity]) -> None:
    """Voltage error by time to the nearest true spike."""
    _classes(axes, NEAREST_FROM_MS, found, "by_time")
    axes.set(xlabel="time to nearest true spike (ms)", ylabel="voltage RMSE (mV)", ylim=(0, None))


def draw_by_rate(axes: Axes, found: Sequence[Fidelity]) -> None:
    """Voltage error by firing rate of the trial."""
    _classes(axes, RATE_FROM_HZ, found, "by_rate")
    axes.set(xlabel="true firing rate of the trial (Hz)", ylabel="voltage RMSE (mV)", ylim=(0, None))


def draw_by_frequency(axes: Axes, found: Sequence[Fidelity]) -> None:
    """Voltage error by frequency, and what of the true voltage there is to predict."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    edges = np.append(BAND_FROM_HZ, NYQUIST_HZ)
    axes.stairs(found[0].curves["truth_by_frequency"].value, np.arange(edges.size), color=BLACK, baseline=None)
    _classes(axes, edges, found, "by_frequency")
    axes.set(xlabel="frequency (Hz)", ylabel="RMS per band (mV)", yscale="log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_locator(NullLocator())


def draw_intervals(axes: Axes, found: Sequence[Fidelity]) -> None:
    """Intervals between true spikes, and between events."""
    edges = np.append(INTERVAL_FROM_MS, INTERVAL_FROM_MS[-1] * 10**0.25)
    axes.stairs(found[0].curves["intervals_in_truth"].value, edges, color=PALE, fill=True)
    axes.stairs(found[0].curves["intervals_in_truth"].value, edges, color=BLACK, lw=0.5)
    for beside, (each, colour) in zip(_side_by_side(len(found)), zip(found, PALETTE, strict=False), strict=True):
        _bars(axes, edges[:-1] * 10 ** ((0.5 + beside) / 4), each.curves["intervals"], colour)
    axes.set(xlabel="interval between spikes (ms)", ylabel="share of intervals", xscale="log", ylim=(0, None))


def draw_rates(axes: Axes, found: Sequence[Fidelity]) -> None:
    """Expected against true firing rate, a dot for every trial."""
    axes.axline((0, 0), slope=1, color=GREY, lw=0.7, ls=DASHED)
    for each, colour in zip(found, PALETTE, strict=False):
        axes.plot(each.true_rate_hz, each.expected_rate_hz, "o", color=colour, ms=2.5, mew=0, alpha=0.6, clip_on=False)
    top = 1.05 * max(each.true_rate_hz.max() for each in found)
    top = max(top, 1.05 * max(each.expected_rate_hz.max() for each in found))
    axes.set(
        xlabel="true firing rate of the trial (Hz)", ylabel="expected firing rate (Hz)", xlim=(0, top), ylim=(0, top)
    )


def draw_key(axes: Axes, found: Sequence[Fidelity], resamples: int) -> None:
    """What the colours are, and at which threshold each prediction has its events."""
    from matplotlib.lines import Line2D

    axes.set_axis_off()
    handles = [Line2D([], [], color=BLACK, label="truth"), Line2D([], [], color=GREY, ls=DASHED, label="agreement")]
    for each, colour in zip(found, PALETTE, strict=False):
        name = each.label if len(each.label) <= MAX_LABEL else f"{each.label[: MAX_LABEL - 1]}…"
        label = f"{name}\nevent threshold {each.threshold:.2g}{' *' * each.borrowed}"
        handles.append(Line2D([], [], color=colour, marker="o", ms=3.5, label=label))
    told = [f"bars and bands: 95 % of {resamples:,}\nresamples of the trials"] * (resamples > 0)
    told += ["* chosen on the trials drawn here,\nwhich flatters b"] * any(each.borrowed for each in found)
    axes.legend(handles=handles, title="\n".join(told), loc="upper left", alignment="left", borderaxespad=0)


PANELS = (
    draw_reliability,
    draw_f1,
    draw_correlogram,
    draw_by_time,
    draw_by_rate,
    draw_by_frequency,
    draw_intervals,
    draw_rates,
)


def _classes(axes: Axes, edges: np.ndarray, found: Sequence[Fidelity], name: str) -> None:
    """A curve over classes: side by side between the classes' edges, the last of which may be open."""
    n_classes = found[0].curves[name].value.size
    for beside, (each, colour) in zip(_side_by_side(len(found)), zip(found, PALETTE, strict=False), strict=True):
        _bars(axes, np.arange(n_classes) + 0.5 + beside, each.curves[name], colour)
    axes.set_xticks(np.arange(edges.size), [f"{edge:g}" for edge in edges])
    axes.set_xlim(0, n_classes)


def _side_by_side(n: int) -> np.ndarray:
    """Where n bars stand that share one place on an axis with steps of 1."""
    return (np.arange(n) - (n - 1) / 2) * min(0.6 / n, 0.15)


def _bars(axes: Axes, x: np.ndarray, curve: Curve, colour: str) -> None:
    axes.vlines(x, curve.low, curve.high, color=colour, lw=0.8)
    axes.plot(x, curve.value, "o-", color=colour, ms=3, lw=0.7)
