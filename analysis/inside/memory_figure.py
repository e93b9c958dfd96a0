"""One page about an ELM's memory: a trial as the model lives it, and which time constants its outputs are read from.

M memory units, K branches, T bins of 1 ms.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..families import looks
from ..plots import (
    NOT_SCORED,
    OF_PROBABILITY,
    OF_TRACES,
    draw_not_scored,
    draw_prediction,
    draw_truth,
    time_limits_s,
    trial_position,
)
from ..style import BLACK, GREY, caption, figure, style
from ..ticks import label_logarithmic

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

DIVERGING = "RdBu_r"
MOST_SD = 3.0  # memory is drawn within so many standard deviations of each unit's mean
MOST_PERCENTILE = 99.5  # and branch currents up to so much of their size
READOUTS = {"spike": (BLACK, "o", "-"), "voltage": (GREY, "s", (0, (4, 1.5)))}
CAPTION = (
    f"{OF_TRACES} {OF_PROBABILITY} Memory units: the ELM's state, each of which decays with a time constant of its "
    "own. Branch currents: leaky sums of the learned weights of a branch's synapses that spike. Share of the readout: "
    "a unit's readout weight times the standard deviation (SD) of its trace, as a part of the sum over the units."
)
N_TICKS = 6


def memory_figure(truth: xr.Dataset, inside: xr.Dataset, shares: xr.Dataset) -> Figure:
    """Draw a trial of an ELM from its output to its branches, and below the share of each time constant in the readout.

    truth: the open simulation. inside, shares: what `surrogate.inside` finds in that trial, and over trials.
    Raises InputError where the truth does not hold the trial.
    """
    at = trial_position(truth, int(inside.attrs["trial"]))
    heights = {"voltage": 1.0, "probability": 0.5, "memory": 1.6, "branches": 1.4, "shares": 1.4}
    with style():
        fig = figure(sum(heights.values()) + 1.3)
        grid = fig.add_gridspec(len(heights), 2, height_ratios=list(heights.values()))
        panels: list[Axes] = []
        for row in range(4):
            panels.append(fig.add_subplot(grid[row, :], sharex=panels[0] if panels else None))
            panels[row].tick_params(labelbottom=row == 3)
        voltage, probability, memory, branches = panels
        draw_truth(voltage, truth, at)
        (look,) = looks([inside.attrs["family"]])
        draw_prediction(voltage, probability, inside.expand_dims("trial"), 0, look, str(inside.attrs["model"]))
        voltage.set_title(f"{inside.attrs['model']}: trial {inside.attrs['trial']}", loc="left", pad=9)
        draw_memory(memory, inside)
        draw_branches(branches, inside)
        for axes in panels:
            draw_not_scored(axes, truth, over=bool(axes.images), label=NOT_SCORED if axes is voltage else None)
        voltage.legend(loc="lower right", bbox_to_anchor=(1, 1.08), ncols=4, borderaxespad=0)
        branches.set(xlabel="time (s)", xlim=time_limits_s(truth))
        left = fig.add_subplot(grid[4, 0])
        draw_shares(left, shares)
        draw_summed_shares(fig.add_subplot(grid[4, 1]), shares)
        fig.align_ylabels([*panels, left])
        caption(fig, CAPTION)
    return fig


def draw_memory(axes: Axes, inside: xr.Dataset) -> None:
    """Draw every memory unit's trace as a row, in standard deviations from its mean, short time constants on top."""
    ordered = inside["memory"].sortby("tau_m_ms")
    trace_mt, tau_ms = ordered.values.astype(float), ordered["tau_m_ms"].values
    sd_m = trace_mt.std(axis=1, keepdims=True)
    shown_mt = np.divide(trace_mt - trace_mt.mean(axis=1, keepdims=True), sd_m, out=trace_mt * 0, where=sd_m > 0)
    image = _rows(axes, inside, shown_mt, MOST_SD)
    ticks = np.unique(np.linspace(0, len(tau_ms) - 1, min(N_TICKS, len(tau_ms))).round().astype(int))
    axes.set_yticks(ticks, [f"{tau_ms[at]:.3g}" for at in ticks])
    axes.set_ylabel("memory units\nby time constant (ms)")
    _colour_bar(axes, image, "memory (SD from the unit's mean)")


def draw_branches(axes: Axes, inside: xr.Dataset) -> None:
    """Draw the current of every branch with a synapse, basal above apical ones where the routing keeps them apart."""
    ordered = inside["branch_current"].sortby("apical_share")
    ordered = ordered[np.isfinite(ordered["apical_share"].values)]
    share_k = ordered["apical_share"].values
    current_kt = ordered.values
    most = float(np.percentile(np.abs(current_kt), MOST_PERCENTILE)) or 1.0
    image = _rows(axes, inside, current_kt, most)
    axes.set_ylabel("branches")
    if len(share_k) > 1 and share_k[0] < 0.1 and share_k[-1] > 0.9:
        first = int(np.searchsorted(share_k, 0.5))
        axes.axhline(first - 0.5, color=BLACK, lw=0.5)
        axes.set_yticks(
            [(first - 1) / 2, (first + len(share_k) - 1) / 2], [f"{first} basal", f"{len(share_k) - first} apical"]
        )
        axes.tick_params(axis="y", length=0)
    _colour_bar(axes, image, "branch current (sum of learned weights)")


def draw_shares(axes: Axes, shares: xr.Dataset) -> None:
    """Draw the share of each memory unit in both readouts against its time constant."""
    ordered = shares.sortby("tau_m_ms")
    for name, (colour, marker, line) in READOUTS.items():
        share = 100 * ordered[f"{name}_share"]
        axes.plot(ordered["tau_m_ms"], share, color=colour, marker=marker, ls=line, ms=3, mew=0, lw=0.7, label=name)
    n_trials = len(np.atleast_1d(shares.attrs["trials"]))
    axes.set(ylabel="share of\nthe readout (%)", ylim=(0, None))
    axes.set_title(f"over {n_trials} trial{'s' * (n_trials > 1)}", loc="left")
    axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2, borderaxespad=0)
    _tau_axis(axes, shares)


def draw_summed_shares(axes: Axes, shares: xr.Dataset) -> None:
    """Draw the share that time constants up to a length have together, and say where it reaches a half."""
    ordered = shares.sortby("tau_m_ms")
    tau_ms = ordered["tau_m_ms"].values
    axes.axhline(50, color=GREY, lw=0.6, ls=(0, (1, 1.5)))
    for name, (colour, _, line) in READOUTS.items():
        summed = 100 * np.cumsum(ordered[f"{name}_share"].values)
        if not np.isfinite(summed).all():
            continue
        half_ms = tau_ms[np.searchsorted(summed, 50)]
        label = f"{name}: half up to {half_ms:.3g} ms"
        axes.step(tau_ms, summed, where="post", color=colour, ls=line, label=label)
    axes.set(ylabel="share up to here (%)", ylim=(0, 103))
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2, borderaxespad=0)
    _tau_axis(axes, shares)


def _rows(axes: Axes, inside: xr.Dataset, values_nt: np.ndarray, most: float) -> AxesImage:
    extent = (*time_limits_s(inside), len(values_nt) - 0.5, -0.5)
    return axes.imshow(values_nt, extent=extent, aspect="auto", cmap=DIVERGING, vmin=-most, vmax=most)


def _colour_bar(axes: Axes, image: AxesImage, label: str) -> None:
    key = axes.inset_axes((0.78, 1.04, 0.22, 0.05))
    bar = axes.figure.colorbar(image, cax=key, orientation="horizontal", extend="both")
    bar.ax.xaxis.set_ticks_position("top")
    bar.ax.tick_params(pad=1, size=2)
    key.text(-0.12, 0.5, label, ha="right", va="center", transform=key.transAxes)


def _tau_axis(axes: Axes, shares: xr.Dataset) -> None:
    axes.set_xscale("log")
    axes.set_xlim(float(shares["tau_m_ms"].min()) / 1.2, float(shares["tau_m_ms"].max()) * 1.2)
    label_logarithmic(axes.xaxis)
    axes.set_xlabel("time constant of the memory unit (ms)")
