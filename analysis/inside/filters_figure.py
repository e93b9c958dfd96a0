"""What the first layer of a TCN looks for: its filters by tree and sign, in the time before a bin.

C filters, G groups of synapses, K lags.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..families import looks
from ..plots import group_name
from ..style import GREY, caption, figure, style

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure

DIVERGING = "RdBu_r"
MOST_PERCENTILE = 99.5  # of the weights' size: where the colours end
N_STRONGEST = 4  # filters drawn as lines too
CAPTION = (
    "A filter: what a unit of the first layer adds up for a spike at a synapse, by how long before the bin it came; "
    "here the mean over the synapses of a group. Rows: all filters, the most excited by excitatory spikes on "
    "top. Strongest: those with the largest sum of squares."
)


def filters_figure(filters: xr.Dataset) -> Figure:
    """Draw the filters of a TCN's first layer, as rows and the strongest as lines, by group.

    filters: what `apical.surrogate.inside.first_layer` returns.
    Rows are sorted by what a filter makes of a spike on every excitatory group, the most positive on top. The strongest
    filters have the largest sum of squares over groups and lags.
    """
    from matplotlib.ticker import MaxNLocator

    weight = filters["weight"].transpose("filter", "group", "lag_ms").values
    excitatory = filters["sign"].values > 0
    order = np.argsort(-weight[:, excitatory].sum(axis=(1, 2)), kind="stable")
    strongest = np.argsort(-(weight**2).sum(axis=(1, 2)), kind="stable")[:N_STRONGEST]
    lag_ms = filters["lag_ms"].values
    most = float(np.percentile(np.abs(weight), MOST_PERCENTILE)) or 1.0
    with style():
        fig = figure(3.9)
        panels = fig.subplots(2, weight.shape[1], sharey="row", sharex=True, squeeze=False, height_ratios=(1.8, 1))
        for at, (rows, lines) in enumerate(panels.T):
            image = rows.imshow(
                weight[order, at, ::-1],
                extent=(-lag_ms[-1] - 0.5, 0.5, len(order) - 0.5, -0.5),
                aspect="auto",
                interpolation="nearest",
                cmap=DIVERGING,
                vmin=-most,
                vmax=most,
            )
            tree, sign = str(filters["tree"].values[at]), int(filters["sign"].values[at])
            rows.set_title(group_name(tree, sign, int(filters["n_synapses"].values[at])), loc="left")
            lines.axhline(0, color=GREY, lw=0.6)
            for number, look in zip(strongest, looks(["tcn"] * len(strongest)), strict=True):
                label = f"filter {number} (row {int(np.flatnonzero(order == number)[0])})"
                lines.plot(-lag_ms, weight[number, at], color=look.colour, ls=look.line, label=label)
            lines.set_xlabel("time relative to\nthe bin (ms)")
        panels[0, 0].set_ylabel("filters, sorted")
        panels[0, 0].yaxis.set_major_locator(MaxNLocator(5, integer=True))
        panels[1, 0].set_ylabel("mean weight\nper spike")
        fig.align_ylabels(panels[:, 0])
        bar = fig.colorbar(image, ax=panels[0].tolist(), aspect=30, pad=0.01, extend="both")
        bar.set_label("mean weight per spike")
        handles, labels = panels[1, 0].get_legend_handles_labels()
        title = f"{filters.attrs['model']}: first layer, mean over each group's synapses; below, the strongest filters"
        fig.legend(handles, labels, title=title, loc="outside upper left", alignment="left", ncols=N_STRONGEST)
        caption(fig, CAPTION)
    return fig
