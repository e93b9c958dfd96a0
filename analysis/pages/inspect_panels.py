"""The panels of `apical inspect` that show all trials, and the dendrites' voltages of one.

B trials, N segments, T bins of 1 ms.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...simulate.schema import read
from ..plots import COLOURS, LINES, time_limits_s
from ..style import BLACK, GREY
from ..ticks import label_logarithmic
from .scan import Scan

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

N_BINS = 20
DISTANCE_TICKS_UM = {"apical": 400, "basal": 150}
LEAST_ISI_MS = 0.01  # what two times that were rounded to one are drawn at
SHORTEST_ISI_MS = 2.0  # the axis of intervals starts here at the latest; the cell is refractory for as long


def draw_dendrites(axes: Axes, ds: xr.Dataset, at: int) -> None:
    """Draw the voltage of recorded segments at trial position `at`: far apical ones on top, far basal ones below."""
    tree, distance_um = np.asarray(ds["segment_type"]), np.asarray(ds["segment_distance_um"], dtype=float)
    height = np.where(tree == "apical", 1, -1) * distance_um
    v_mv = read(ds, "dendrite_v_mv", at)
    order = np.argsort(-height, kind="stable")
    order = order[~np.isnan(v_mv[order]).all(axis=1)]
    v_mv = v_mv[order]
    lowest, highest = (
        10 * f(v / 10) for f, v in zip((np.floor, np.ceil), np.percentile(v_mv, (0.5, 99.5)), strict=True)
    )
    image = axes.imshow(
        v_mv,
        extent=(*time_limits_s(ds), order.size - 0.5, -0.5),
        aspect="auto",
        cmap="magma",
        vmin=10 * np.floor(lowest / 10),
        vmax=10 * np.ceil(highest / 10),
    )
    rows, labels = [int((height[order] > 0).sum()) - 0.5], ["0"]
    for name, step_um in DISTANCE_TICKS_UM.items():
        here = np.flatnonzero(tree[order] == name)
        if not here.size:
            continue
        axes.axhline(here[0] - 0.5, color="white", lw=0.5)
        axes.text(1.006, here.mean(), name, va="center", rotation=90, transform=axes.get_yaxis_transform())
        distances = distance_um[order][here]
        for tick_um in np.arange(step_um, distances.max(), step_um):
            rows.append(float(here[np.abs(distances - tick_um).argmin()]))
            labels.append(f"{tick_um:g}")
    axes.set_yticks(rows, labels)
    axes.set_ylabel("distance to\nsoma (µm)")
    key = axes.inset_axes((0.78, 1.06, 0.22, 0.06))
    bar = axes.figure.colorbar(image, cax=key, orientation="horizontal", extend="both")
    bar.ax.xaxis.set_ticks_position("top")
    bar.ax.tick_params(pad=1, size=2)
    key.text(-0.12, 0.5, "dendrite (mV)", ha="right", va="center", transform=key.transAxes)


def draw_output_rates(by_trial: Axes, histogram: Axes, ds: xr.Dataset, scanned: Scan, at: int) -> None:
    """Draw every finished trial's output rate, the shown trial marked, and beside it how often each rate occurs."""
    from matplotlib.ticker import MaxNLocator

    finished = scanned.finished
    rate_hz, trials = scanned.output_count / (ds.sizes["time_ms"] / 1000), np.asarray(ds["trial"])
    mean_hz = rate_hz[finished].mean()
    by_trial.plot(trials[finished], rate_hz[finished], ".", ms=4, mew=0, color=BLACK, clip_on=False, zorder=3)
    by_trial.plot(trials[at], rate_hz[at], "o", ms=6, mfc="none", color=BLACK, clip_on=False, label="trial above")
    by_trial.axhline(mean_hz, color=BLACK, lw=0.7, ls=(0, (5, 3)), label=f"mean {mean_hz:.2g} Hz")
    by_trial.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2, borderaxespad=0)
    expected = "" if ds.attrs["kind"] == "simulation" else "expected "
    top = float(rate_hz[finished].max()) or 1.0
    by_trial.set(xlabel="trial", ylabel=f"{expected}output\nrate (Hz)", ylim=(0, 1.1 * top))
    histogram.hist(rate_hz[finished], bins=N_BINS, range=(0, top), orientation="horizontal", color=GREY)
    histogram.set_xlabel("number of trials")
    histogram.tick_params(labelleft=False)
    if trials.size == 1:
        by_trial.set_xlim(trials[0] - 1, trials[0] + 1)
    for axes in (by_trial, histogram):
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))


def draw_isi(axes: Axes, ds: xr.Dataset, isi_ms: np.ndarray) -> None:
    """Draw how often each interval between output spikes occurs, in bins of equal width on a logarithmic axis.

    isi_ms: at least one.
    """
    from matplotlib.ticker import MaxNLocator

    axes.set(xlabel="interval between output spikes (ms)", ylabel="number of\nintervals")
    shortest_ms = max(min(SHORTEST_ISI_MS, isi_ms.min()), LEAST_ISI_MS)  # of times that were rounded it may be 0
    edges = np.geomspace(shortest_ms, max(ds.sizes["time_ms"], 10 * shortest_ms), 2 * N_BINS + 1)
    axes.hist(np.maximum(isi_ms, shortest_ms), bins=edges.tolist(), color=GREY)
    axes.set_xscale("log")
    label_logarithmic(axes.xaxis)
    axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))


def draw_mean_input_rates(axes: Axes, ds: xr.Dataset, scanned: Scan, n_synapses: dict[tuple[str, int], int]) -> None:
    """Draw how often each mean input rate occurs among the finished trials, by tree and sign, coloured as above."""
    from matplotlib.ticker import MaxNLocator

    seconds = ds.sizes["time_ms"] / 1000
    rates_hz = {g: n[scanned.finished] / n_synapses[g] / seconds for g, n in scanned.input_count.items()}
    top = max(float(rate_hz.max()) for rate_hz in rates_hz.values()) or 1.0
    for (tree, sign), rate_hz in rates_hz.items():
        axes.hist(
            rate_hz, bins=N_BINS, range=(0, 1.05 * top), histtype="step", lw=1, color=COLOURS[sign], ls=LINES[tree]
        )
    axes.set(xlabel="mean input rate of a trial (Hz per synapse)", ylabel="number of\ntrials", xlim=(0, 1.08 * top))
    axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
