"""The panels of one trial (inputs, soma voltage, output) and the figure of truth against predictions.

T bins of 1 ms, S synapses.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle
from typing import TYPE_CHECKING, Any

import numpy as np

from ..simulate.schema import InputError, config_of, read, source
from .style import BLACK, PALETTE, figure, style

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

RATE_BIN_MS = 50  # input rates are drawn as means over so long
TRACE_TOP_MV = -50.0  # a trace beside predictions ends here, just above the -55 mV that they are fitted up to
GROUPS = (("apical", 1), ("basal", 1), ("apical", -1), ("basal", -1))  # of synapses, as the raster stacks them
SIGNS = {1: "excitatory", -1: "inhibitory"}
COLOURS = {1: PALETTE[1], -1: PALETTE[0]}
LINES = {"apical": "-", "basal": (0, (3, 1.2))}


def trial_position(ds: xr.Dataset, trial: int) -> int:
    """Where trial number `trial` is along the dataset's trial axis. Raises InputError where it is not."""
    at = np.flatnonzero(np.asarray(ds["trial"]) == trial)
    if not at.size:
        where = source(ds)
        raise InputError(f"{where}: has no trial {trial}; it holds {ds.sizes['trial']}, from {int(ds['trial'][0])}")
    return int(at[0])


def time_s(ds: xr.Dataset) -> np.ndarray:
    """The time axis in seconds, (T,)."""
    return np.asarray(ds["time_ms"], dtype=float) / 1000


def time_limits_s(ds: xr.Dataset) -> tuple[float, float]:
    """Start of the first bin and end of the last, in seconds."""
    return time_s(ds)[0], time_s(ds)[-1] + 1e-3


def draw_voltage(axes: Axes, ds: xr.Dataset, at: int, colour: str, **options: Any) -> None:
    """Draw the soma voltage at trial position `at`."""
    axes.plot(time_s(ds), read(ds, "soma_v_mv", at), color=colour, lw=0.7, **options)
    axes.set_ylabel("soma (mV)")


def draw_nexus(axes: Axes, ds: xr.Dataset, at: int, colour: str) -> None:
    """Draw the voltage at the nexus of the apical tree at trial position `at`."""
    axes.plot(time_s(ds), read(ds, "nexus_v_mv", at), color=colour, lw=0.7)
    axes.set_ylabel("nexus (mV)")


def draw_output_spikes(axes: Axes, ds: xr.Dataset, at: int, **options: Any) -> None:
    """Mark the true output spikes at trial position `at` just above the axes."""
    times_s = read(ds, "output_spike_time_ms", at) / 1000
    times_s = times_s[np.isfinite(times_s)]
    heights = np.full(times_s.size, 1.03)
    (marks,) = axes.plot(
        times_s, heights, "v", color=BLACK, ms=3, mew=0, transform=axes.get_xaxis_transform(), clip_on=False, **options
    )
    marks.set_in_layout(bool(times_s.size))  # without points they would be laid out at the figure's corner


def draw_probability(axes: Axes, ds: xr.Dataset, at: int, colour: str) -> None:
    """Draw a prediction's spike probability at trial position `at`."""
    axes.plot(time_s(ds), read(ds, "spike_probability", at), color=colour, lw=0.7)
    axes.set_ylabel("P(spike)\nper ms")


def synapse_groups(ds: xr.Dataset) -> dict[tuple[str, int], np.ndarray]:
    """Positions of the synapses of each group, by tree and sign, that the dataset has."""
    tree, sign = np.asarray(ds["segment_type"])[np.asarray(ds["synapse_segment"])], np.asarray(ds["synapse_sign"])
    groups = {group: np.flatnonzero((tree == group[0]) & (sign == group[1])) for group in GROUPS}
    return {group: at for group, at in groups.items() if at.size}


def draw_raster(axes: Axes, ds: xr.Dataset, spikes: np.ndarray) -> None:
    """Draw every input spike as a dot, synapses stacked by group from the top down."""
    row, centres, labels = 0, [], []
    size = float(np.clip(180 / spikes.shape[0], 0.7, 3))  # points; a row is about 180 / S high
    for (tree, sign), at in synapse_groups(ds).items():
        synapse, bin_ = np.nonzero(spikes[at])
        axes.plot(time_s(ds)[bin_], row + synapse, ".", ms=size, mew=0, color=COLOURS[sign], rasterized=True)
        centres.append(row + at.size / 2)
        labels.append(f"{at.size} {tree}\n{SIGNS[sign]}")
        row += at.size
        axes.axhline(row - 0.5, color=BLACK, lw=0.3)
    axes.set(ylim=(row - 0.5, -0.5))
    axes.set_yticks(centres, labels)
    axes.tick_params(axis="y", length=0)


def draw_input_rates(axes: Axes, ds: xr.Dataset, spikes: np.ndarray) -> None:
    edges = np.arange(0, spikes.shape[1], RATE_BIN_MS)
    widths_s = np.diff(np.append(edges, spikes.shape[1])) / 1000
    centres_s = time_s(ds)[edges] + widths_s / 2
    for (tree, sign), at in synapse_groups(ds).items():
        rate_hz = np.add.reduceat(spikes[at].sum(axis=0), edges) / widths_s / at.size
        label = f"{SIGNS[sign]}, {tree}"
        axes.plot(centres_s, rate_hz, color=COLOURS[sign], ls=LINES[tree], label=label)
    axes.set(ylabel="input rate\n(Hz per synapse)", ylim=(0, None))
    axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=4, borderaxespad=0)


def model_label(prediction: xr.Dataset) -> str:
    """The name of the model that made a prediction."""
    return str(config_of(prediction).get("name", prediction.attrs["dataset_id"]))


def plot_trial(truth: xr.Dataset, predictions: Sequence[xr.Dataset], trial: int) -> Figure:
    """Draw one trial: true and predicted soma voltage, and below it the predicted spike probability, if any.

    truth, predictions: open datasets. trial: trial number, as in the coordinate `trial`.
    Raises InputError where a dataset does not hold the trial.
    """
    with style():
        fig = figure(3.0 if predictions else 2.2)
        heights = (3, 1) if predictions else (1,)
        panels = fig.subplots(len(heights), 1, sharex=True, squeeze=False, height_ratios=heights)
        voltage, lowest = panels[0, 0], panels[-1, 0]
        at = trial_position(truth, trial)
        draw_voltage(voltage, truth, at, BLACK, label="truth, spikes cut off")
        draw_output_spikes(voltage, truth, at, label="output spikes")
        for prediction, colour in zip(predictions, cycle(PALETTE)):
            at = trial_position(prediction, trial)
            draw_voltage(voltage, prediction, at, colour, label=model_label(prediction))
            draw_probability(lowest, prediction, at, colour)
            lowest.set_ylim(0, None)
        voltage.set_ylim(top=TRACE_TOP_MV)
        lowest.set(xlabel="time (s)", xlim=time_limits_s(truth))
        fig.legend(loc="outside upper center", ncols=2 + len(predictions))
    return fig
