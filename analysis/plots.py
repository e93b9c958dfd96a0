"""The panels of one trial (inputs, soma voltage, output) and the figure of truth against predictions.

T bins of 1 ms, S synapses.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..simulate.schema import UNKNOWN_TREE, InputError, config_of, output_spike_times_ms, read, source
from .families import Look, looks
from .metrics.pair import DROP_MS
from .metrics.published import V_CLIP_MV
from .style import BLACK, SHADED, caption, figure, style

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

RATE_BIN_MS = 50  # input rates are drawn as means over so long
TRACE_TOP_MV = -50.0  # a panel of truth beside predictions ends here, just above the -55 mV where truth is clipped
# Of synapses, as the raster stacks them; of unknown tree where the data do not tell it
GROUPS = tuple((tree, sign) for sign in (1, -1) for tree in ("apical", "basal", UNKNOWN_TREE))
SIGNS = {1: "excitatory", -1: "inhibitory"}
COLOURS = {1: "#A50F15", -1: "#4A9FD8"}  # no family's; dark and light, so that grey tells them apart
LINES = {"apical": "-", "basal": (0, (3, 1.2)), UNKNOWN_TREE: "-"}
UNTOLD = "the data do not tell where synapses are"
NOT_SCORED = f"first {DROP_MS} ms: not scored"
OF_TRACES = (
    f"Truth: the simulated soma voltage, clipped at {V_CLIP_MV:g} mV as models are fitted to it; each output spike (a "
    "somatic peak above −25 mV) is a stroke with a triangle. Where the axon fires and the soma does not follow there "
    "is no output spike, and none is drawn."
).replace("-", "−")
OF_PROBABILITY = "P(spike): a model's probability of an output spike in a bin of 1 ms."


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
    how: dict[str, Any] = {"color": colour, "lw": 0.7}
    axes.plot(time_s(ds), read(ds, "soma_v_mv", at), **how | options)
    axes.set_ylabel("soma (mV)")


def draw_truth(axes: Axes, ds: xr.Dataset, at: int) -> None:
    """Draw the true soma voltage at trial position `at` below -55 mV, and each output spike as a stroke from there.

    What rises above that and is no output spike, as when the soma does not follow the axon, is not drawn as one.
    """
    v_mv = np.minimum(read(ds, "soma_v_mv", at), V_CLIP_MV)
    axes.plot(time_s(ds), v_mv, color=BLACK, lw=0.7, label=f"truth, clipped at {V_CLIP_MV:g} mV".replace("-", "−"))
    axes.vlines(output_spikes_s(ds, at), V_CLIP_MV, TRACE_TOP_MV, color=BLACK, lw=0.7)
    draw_output_spikes(axes, ds, at, label="output spikes")
    axes.set(ylabel="soma (mV)", ylim=(None, TRACE_TOP_MV))


def draw_prediction(voltage: Axes, probability: Axes, ds: xr.Dataset, at: int, look: Look, label: str) -> None:
    """Draw what a model makes of the trial at position `at`: voltage, and spike probability."""
    draw_voltage(voltage, ds, at, look.colour, ls=look.line, lw=0.8, label=label)
    draw_probability(probability, ds, at, look.colour, ls=look.line)
    for axes in (voltage, probability):
        axes.autoscale(axis="y")  # to what was drawn before, too
    voltage.set_ylim(top=max(TRACE_TOP_MV, voltage.dataLim.y1))
    probability.set_ylim(bottom=0)


def draw_not_scored(axes: Axes, ds: xr.Dataset, over: bool = False, **options: Any) -> None:
    """Shade the start of a trial, which no score counts. over: in front of an image, which would hide it."""
    first = time_s(ds)[0]
    last = min(first + DROP_MS / 1000, time_limits_s(ds)[1])
    how: dict[str, Any] = {"color": "white", "alpha": 0.55, "zorder": 2.5} if over else {"color": SHADED, "zorder": -1}
    axes.axvspan(first, last, lw=0, **how | options)


def draw_nexus(axes: Axes, ds: xr.Dataset, at: int, colour: str) -> None:
    """Draw the voltage at the nexus of the apical tree at trial position `at`."""
    axes.plot(time_s(ds), read(ds, "nexus_v_mv", at), color=colour, lw=0.7)
    axes.set_ylabel("nexus (mV)")


def output_spikes_s(ds: xr.Dataset, at: int) -> np.ndarray:
    """When the output spikes at trial position `at` are, in seconds."""
    times_s = output_spike_times_ms(ds, at) / 1000
    return times_s[np.isfinite(times_s)]


def draw_output_spikes(axes: Axes, ds: xr.Dataset, at: int, **options: Any) -> None:
    """Mark the true output spikes at trial position `at` just above the axes."""
    times_s = output_spikes_s(ds, at)
    heights = np.full(times_s.size, 1.03)
    (marks,) = axes.plot(
        times_s, heights, "v", color=BLACK, ms=3, mew=0, transform=axes.get_xaxis_transform(), clip_on=False, **options
    )
    marks.set_in_layout(bool(times_s.size))  # without points they would be laid out at the figure's corner


def draw_probability(axes: Axes, ds: xr.Dataset, at: int, colour: str, **options: Any) -> None:
    """Draw a prediction's spike probability at trial position `at`."""
    axes.plot(time_s(ds), read(ds, "spike_probability", at), color=colour, lw=0.7, **options)
    axes.set_ylabel("P(spike)\nper ms")


def synapse_groups(ds: xr.Dataset) -> dict[tuple[str, int], np.ndarray]:
    """Positions of the synapses of each group, by tree and sign, that the dataset has."""
    tree, sign = np.asarray(ds["segment_type"])[np.asarray(ds["synapse_segment"])], np.asarray(ds["synapse_sign"])
    groups = {group: np.flatnonzero((tree == group[0]) & (sign == group[1])) for group in GROUPS}
    return {group: at for group, at in groups.items() if at.size}


def untold(ds: xr.Dataset) -> bool:
    """Whether a simulation does not tell on which tree any of its synapses is."""
    return bool((np.asarray(ds["segment_type"]) == UNKNOWN_TREE).all())


def group_name(tree: str, sign: int, n_synapses: int) -> str:
    """What a group of synapses is called, in two lines where their tree is known."""
    return f"{n_synapses} {SIGNS[sign]}" if tree == UNKNOWN_TREE else f"{n_synapses} {tree}\n{SIGNS[sign]}"


def draw_raster(axes: Axes, ds: xr.Dataset, spikes: np.ndarray) -> None:
    """Draw every input spike as a dot, synapses stacked by group from the top down."""
    row, centres, labels = 0, [], []
    size = float(np.clip(180 / spikes.shape[0], 0.7, 3))  # points; a row is about 180 / S high
    for (tree, sign), at in synapse_groups(ds).items():
        synapse, bin_ = np.nonzero(spikes[at])
        axes.plot(time_s(ds)[bin_], row + synapse, ".", ms=size, mew=0, color=COLOURS[sign], rasterized=True)
        centres.append(row + at.size / 2)
        labels.append(group_name(tree, sign, at.size))
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
        label = SIGNS[sign] if tree == UNKNOWN_TREE else f"{SIGNS[sign]}, {tree}"
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
        panels = fig.subplots(len(heights), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
        draw_truth(panels[0], truth, trial_position(truth, trial))
        voltage, probability = panels[0], panels[-1]
        for prediction, look in zip(predictions, looks_of(predictions), strict=True):
            draw_prediction(
                voltage, probability, prediction, trial_position(prediction, trial), look, model_label(prediction)
            )
        for axes, label in zip(panels, (NOT_SCORED, None), strict=False):
            draw_not_scored(axes, truth, label=label)
        panels[-1].set(xlabel="time (s)", xlim=time_limits_s(truth))
        fig.align_ylabels(panels)
        fig.legend(loc="outside upper center", ncols=3 + len(predictions))
        caption(fig, " ".join([OF_TRACES, OF_PROBABILITY] if predictions else [OF_TRACES]))
    return fig


def looks_of(predictions: Sequence[xr.Dataset]) -> list[Look]:
    """A look for each prediction, by its model's family."""
    return looks([family_name(prediction) for prediction in predictions])


def family_name(prediction: xr.Dataset) -> str:
    """The family of the model that made a prediction; nothing where it is not known."""
    return str(config_of(prediction).get("family", ""))
