"""The figure of spike-triggered input: what precedes the cell's spikes, what the model's, and their difference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..families import family_of
from ..plots import GROUPS, group_name
from ..scores.uncertainty import LEVEL
from ..style import BLACK, GREY, caption, figure, style

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DASHED = (0, (4, 1.5))
CAPTION = (
    "Above: the mean input rate in the time before an output spike, of truth and model. Of the model each bin of 1 ms "
    "counts as much as its spike probability, so these are the spikes that it expects. Below: their difference; where "
    "it is 0, cell and model spike after the same input."
)


def spike_triggered_figure(found: xr.Dataset, model: str) -> Figure:
    """Draw what `spike_triggered` found, a column for each tree and sign, in the order of time before the spike.

    found: what `spike_triggered` returns. model: its name.
    Groups that distances split share a panel, each with a colour and without its interval.
    """
    pairs = list(zip(found["tree"].values.tolist(), found["sign"].values.tolist(), strict=True))
    columns = [group for group in GROUPS if group in pairs]
    split = len(pairs) > len(columns)
    own = family_of(found.attrs["family"]).colour
    nearest = sorted(set(found["from_um"].values.tolist()))
    with style():
        fig = figure(3.6)
        panels = fig.subplots(2, len(columns), sharex=True, sharey="row", squeeze=False, height_ratios=(1.5, 1))
        for (rates, difference), (tree, sign) in zip(panels.T, columns, strict=True):
            members = [found.isel(group=at) for at, pair in enumerate(pairs) if pair == (tree, sign)]
            for group in members:
                colour = _shade(nearest.index(float(group["from_um"])) / len(nearest)) if split else None
                draw_rates(rates, group, model, colour or own, split)
                draw_difference(difference, group, colour or own, split)
            n_synapses = sum(int(group["n_synapses"]) for group in members)
            rates.set_title(group_name(tree, sign, n_synapses).replace("\n", ",\n"), loc="left")
            difference.set_xlabel("time relative to the\noutput spike (ms)")
        n_trials, n_spikes = found.attrs["n_trials"], found.attrs["n_spikes"]
        panels[0, 0].set(ylabel="input rate\n(Hz per synapse)", ylim=(0, None), xlim=(-float(found["lag_ms"][-1]), 0))
        panels[1, 0].set_ylabel("model less truth\n(Hz per synapse)")
        fig.align_ylabels(panels[:, 0])
        handles, labels = panels[0, 0].get_legend_handles_labels()
        if split:
            handles, labels = _key(model, groups_of(found))
        else:
            below = panels[1, 0].get_legend_handles_labels()
            handles, labels = handles + below[0], labels + below[1]
        told = (
            f"{n_spikes} output spikes, {found.attrs['n_expected_spikes']:.1f} expected by the model, {n_trials} trials"
        )
        fig.legend(handles, labels, loc="outside upper left", ncols=4, title=told, alignment="left")
        caption(fig, CAPTION)
    return fig


def draw_rates(axes: Axes, group: xr.Dataset, model: str, colour: str, split: bool) -> None:
    """Draw the input rate before the spikes of truth and model, and the mean rate whatever the output.

    split: several groups share the axes, so that the colour is the group's, of truth and model.
    """
    time_ms = -group["lag_ms"].values
    axes.axhline(float(group["mean_hz"]), color=colour if split else GREY, lw=0.7, ls=":", label="mean rate")
    of_truth: dict[str, Any] = {"color": colour if split else BLACK, "label": "before spikes of the truth"}
    axes.plot(time_ms, group["truth_hz"].values, **of_truth)
    axes.plot(time_ms, group["model_hz"].values, color=colour, ls=DASHED, label=f"before expected spikes of {model}")


def draw_difference(axes: Axes, group: xr.Dataset, colour: str, split: bool) -> None:
    """Draw by how much the input before the model's spikes differs, with its interval unless axes are shared."""
    time_ms = -group["lag_ms"].values
    axes.axhline(0, color=GREY, lw=0.6)
    axes.plot(time_ms, group["difference_hz"].values, color=colour)
    if not split and np.isfinite(group["low_hz"].values).all():
        band = group["low_hz"].values, group["high_hz"].values
        axes.fill_between(time_ms, *band, color=colour, alpha=0.2, lw=0, label=f"{LEVEL:.0%} interval over trials")


def _shade(share: float) -> str:
    import matplotlib
    from matplotlib.colors import to_hex

    return to_hex(matplotlib.colormaps["viridis"](0.9 * share))


def _label(group: xr.Dataset) -> str:
    low, high = float(group["from_um"]), float(group["to_um"])
    return f"{low:g} to {high:g} µm" if np.isfinite(high) else f"from {low:g} µm on" if low else "all"


def groups_of(found: xr.Dataset) -> dict[str, str]:
    """The distances that split the groups, in words, each with its colour, near ones first."""
    nearest = sorted(set(found["from_um"].values.tolist()))
    members = [found.isel(group=found["from_um"].values.tolist().index(from_um)) for from_um in nearest]
    return {_label(group): _shade(at / len(nearest)) for at, group in enumerate(members)}


def _key(model: str, colours: dict[str, str]) -> tuple[list, list[str]]:
    from matplotlib.lines import Line2D

    looks = {"before spikes of the truth": "-", f"before expected spikes of {model}": DASHED, "mean rate": ":"}
    handles = [Line2D([], [], color=BLACK, ls=look) for look in looks.values()]
    handles += [Line2D([], [], color=colour, lw=2) for colour in colours.values()]
    return handles, [*looks, *colours]
