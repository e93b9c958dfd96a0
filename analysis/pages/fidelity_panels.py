"""The panels of the fidelity page: each draws one curve of every prediction, with the truth's in black.

A prediction's colour and marker are its family's; bars and bands are intervals of resampled trials.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..families import Look
from ..metrics.calibration import PROBABILITY_UP_TO
from ..metrics.correlogram import LAGS_MS
from ..metrics.events import LEAST_DISTANCE_MS, TOLERANCES_MS
from ..metrics.frequency import BAND_FROM_HZ
from ..metrics.intervals import INTERVAL_FROM_MS
from ..metrics.subthreshold import NEAREST_FROM_MS, RATE_FROM_HZ
from ..style import BLACK, GREY, PALE
from ..ticks import label_logarithmic

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DASHED = (0, (5, 3))
NYQUIST_HZ = 500  # of 1 ms bins
MAX_LABEL = 28  # characters: a legend is as wide as a panel
CAPTION = (
    "a: how often the truth spikes where a probability is predicted. An event is a predicted spike: a peak of the "
    f"probability above a threshold, none higher within {LEAST_DISTANCE_MS} ms. b: F1, the harmonic mean of the share "
    "of events near a true spike and the share of true spikes near an event; near: within the tolerance. c: expected "
    "rate around a true spike, and in black and grey the rate of the others. d, e, f: root mean squared (RMS) error of "
    "the voltage, clipped at −55 mV; in f per band of frequency, with the truth's own RMS in black. g: intervals "
    "between events, and in black and grey between true spikes. h: each trial's rate; expected: the summed probability."
)


class Curve(NamedTuple):
    """Values of a metric, (m,), and the ends of their intervals, NaN where there are none."""

    value: np.ndarray
    low: np.ndarray
    high: np.ndarray


class Fidelity(NamedTuple):
    """Of one prediction.

    look: of its family. threshold: of its events; borrowed: chosen on the scored trials, without validation trials.
    curves: by the names in `_metrics`. true_rate_hz, expected_rate_hz: of each scored trial.
    """

    label: str
    look: Look
    threshold: float
    borrowed: bool
    curves: dict[str, Curve]
    true_rate_hz: np.ndarray
    expected_rate_hz: np.ndarray


def draw_reliability(axes: Axes, found: Sequence[Fidelity]) -> None:
    """Observed frequency against predicted probability; a bin without a spike has no place on the axis."""
    drawn = [each.curves["observed"] for each in found]
    ends = np.concatenate([[PROBABILITY_UP_TO[0]], *(part for each in drawn for part in each)])
    least = ends[ends > 0].min()  # an interval that reaches 0 ends here
    axes.axline((least, least), slope=1, color=GREY, lw=0.7, ls=DASHED)
    for each, observed in zip(found, drawn, strict=True):
        seen = np.where(observed.value > 0, observed.value, np.nan)
        high = np.where(observed.high > 0, observed.high, np.nan)
        shown = observed._replace(value=seen, low=np.maximum(observed.low, least), high=high)
        _bars(axes, each.curves["predicted"].value, shown, each.look)
    low = min(least, *(np.nanmin(each.curves["predicted"].value) for each in found))
    axes.set(xscale="log", yscale="log", xlim=(max(low, 1e-7) / 1.6, 1.6), ylim=(least / 1.6, 1.6))
    axes.set(xlabel="predicted spike probability per ms", ylabel="observed spikes per ms")
    for axis in (axes.xaxis, axes.yaxis):
        label_logarithmic(axis)


def draw_f1(axes: Axes, found: Sequence[Fidelity]) -> None:
    """F1 of the events against how far from a true spike they may be."""
    for beside, each in zip(_side_by_side(len(found)), found, strict=True):
        _bars(axes, TOLERANCES_MS + beside, each.curves["f1"], each.look)
    axes.set(xlabel="tolerance (ms)", ylabel="F1 of predicted spikes", ylim=(-0.04, 1.04), xticks=TOLERANCES_MS)


def draw_correlogram(axes: Axes, found: Sequence[Fidelity]) -> None:
    """Rates around a true spike; its own 1,000 Hz at lag 0 is left out."""
    elsewhere = LAGS_MS != 0
    true_hz = np.where(elsewhere, found[0].curves["around_in_truth"].value, np.nan)
    axes.fill_between(LAGS_MS, true_hz, color=PALE, lw=0)
    axes.plot(LAGS_MS, true_hz, color=BLACK, lw=0.5)
    for each in found:
        curve = each.curves["around"]
        axes.fill_between(LAGS_MS, curve.low, curve.high, color=each.look.colour, alpha=0.2, lw=0)
        axes.plot(LAGS_MS, curve.value, color=each.look.colour, ls=each.look.line)
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
    edges = np.append(BAND_FROM_HZ, NYQUIST_HZ)
    axes.stairs(found[0].curves["truth_by_frequency"].value, np.arange(edges.size), color=BLACK, baseline=None)
    _classes(axes, edges, found, "by_frequency")
    axes.set(xlabel="frequency (Hz)", ylabel="RMS per band (mV)", yscale="log")
    label_logarithmic(axes.yaxis)


def draw_intervals(axes: Axes, found: Sequence[Fidelity]) -> None:
    """Intervals between true spikes, and between events."""
    edges = np.append(INTERVAL_FROM_MS, INTERVAL_FROM_MS[-1] * 10**0.25)
    axes.stairs(found[0].curves["intervals_in_truth"].value, edges, color=PALE, fill=True)
    axes.stairs(found[0].curves["intervals_in_truth"].value, edges, color=BLACK, lw=0.5)
    for beside, each in zip(_side_by_side(len(found)), found, strict=True):
        _bars(axes, edges[:-1] * 10 ** ((0.5 + beside) / 4), each.curves["intervals"], each.look)
    axes.set(xlabel="interval between spikes (ms)", ylabel="share of intervals", xscale="log", ylim=(0, None))
    label_logarithmic(axes.xaxis)


def draw_rates(axes: Axes, found: Sequence[Fidelity]) -> None:
    """Expected against true firing rate, a dot for every trial."""
    axes.axline((0, 0), slope=1, color=GREY, lw=0.7, ls=DASHED)
    for each in found:
        dots: dict[str, Any] = {"marker": each.look.marker, "mfc": each.look.face, "mew": 0.5, "ms": 3, "alpha": 0.7}
        axes.plot(each.true_rate_hz, each.expected_rate_hz, ls="", color=each.look.colour, clip_on=False, **dots)
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
    for each in found:
        name = each.label if len(each.label) <= MAX_LABEL else f"{each.label[: MAX_LABEL - 1]}…"
        label = f"{name}\nevent threshold {each.threshold:.2g}{' *' * each.borrowed}"
        handles.append(Line2D([], [], label=label, **_line(each.look)))
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
    for beside, each in zip(_side_by_side(len(found)), found, strict=True):
        _bars(axes, np.arange(n_classes) + 0.5 + beside, each.curves[name], each.look)
    axes.set_xticks(np.arange(edges.size), [f"{edge:g}" for edge in edges])
    axes.set_xlim(0, n_classes)


def _side_by_side(n: int) -> np.ndarray:
    """Where n bars stand that share one place on an axis with steps of 1."""
    return (np.arange(n) - (n - 1) / 2) * min(0.6 / n, 0.15)


def _bars(axes: Axes, x: np.ndarray, curve: Curve, look: Look) -> None:
    axes.vlines(x, curve.low, curve.high, color=look.colour, lw=0.8)
    (line,) = axes.plot(x, curve.value, clip_on=False, **_line(look))
    line.set_in_layout(False)  # a 0 is infinitely far down on a logarithmic axis


def _line(look: Look) -> dict[str, Any]:
    return {
        "color": look.colour,
        "marker": look.marker,
        "mfc": look.face,
        "ls": look.line,
        "ms": 3,
        "mew": 0.6,
        "lw": 0.7,
    }
