"""What an ELM learned of each synapse, on the cell: the morphology coloured by weight, and weight against distance.

S synapses, P points of the outline.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...simulate.schema import UNKNOWN_TREE
from ..plots import COLOURS, SIGNS
from ..style import BLACK, GREY, PALE, caption, figure, style

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

TREES = ("basal", "apical", UNKNOWN_TREE)
MEDIAN_OF = 0.1  # of a panel's synapses: the running median is over so many neighbours in distance
SHOWN_PERCENTILES = (1, 99)  # of the weights: where the colours end, so that one synapse does not take them all
POINTS_PER_UM, THINNEST, THICKEST = 0.6, 0.7, 4.0  # widths of lines on the page, by diameter
CAPTION = "Learned weight: what a spike at a synapse adds to its branch of the ELM, of the synapse's own sign{mean}. "
BY_DISTANCE = (
    "On the right a dot for each synapse; black: the median of the {share:.0%} of the synapses that are nearest in "
    "distance, solid of excitatory and dashed of inhibitory ones."
)
BY_NUMBER = "A dot for each synapse; the data do not tell where they are."
SCALE_BARS_UM = (10, 20, 50, 100, 200, 500, 1000)


def weights_figure(weights: xr.Dataset, outline: xr.Dataset | None = None) -> Figure:
    """Draw learned weights on the cell, excitatory and inhibitory apart, and against the distance to the soma by tree.

    weights: what `apical.surrogate.inside.synapse_weights` returns. outline: the cell's, as `apical.simulate.outline`
    returns it; None leaves the cell out.
    A segment with several synapses of a sign has their mean; one without is grey.
    """
    with style():
        fig = figure(5.0 if outline is not None else 2.4)
        trees = [tree for tree in TREES if (weights["tree"] == tree).any()]
        if outline is None:
            panels = list(fig.subplots(1, len(trees), sharey=True, squeeze=False).flat)
        else:
            grid = fig.add_gridspec(len(trees), 3, width_ratios=(1, 1, 1.3))
            for column, sign in enumerate(SIGNS):
                draw_on_cell(fig.add_subplot(grid[:, column]), weights, outline, sign)
            panels = [fig.add_subplot(grid[row, 2]) for row in range(len(trees))]
            panels[-1].sharey(panels[0])
        for axes, tree in zip(panels, trees, strict=True):
            draw_against_distance(axes, weights, tree)
            axes.set_ylabel("learned weight (of the spike's sign)")
        fig.suptitle(f"{weights.attrs['model']}: learned synapse weights", x=0.01, ha="left", fontsize=8)
        told = BY_NUMBER if np.isnan(weights["distance_um"].values).all() else BY_DISTANCE.format(share=MEDIAN_OF)
        caption(fig, CAPTION.format(mean=_mean_of(weights)) + told)
    return fig


def draw_on_cell(axes: Axes, weights: xr.Dataset, outline: xr.Dataset, sign: int) -> None:
    """Draw the cell in its x-y plane, dendrites coloured by the size of the weights of one sign."""
    from matplotlib.collections import LineCollection
    from matplotlib.patches import Circle

    segment_p = outline["segment"].values
    xy_p2 = np.stack([outline["x_um"].values, outline["y_um"].values], axis=1)
    first = np.flatnonzero(np.diff(segment_p, prepend=segment_p[0] - 1))
    pieces = np.split(np.arange(len(segment_p)), first[1:])
    dendrites = [piece for piece in pieces if segment_p[piece[0]] >= 0]
    number = np.array([segment_p[piece[0]] for piece in dendrites])
    weight_n = _by_segment(weights, sign, number.max() + 1)[number]
    width = np.clip(
        [POINTS_PER_UM * outline["diam_um"].values[piece].mean() for piece in dendrites], THINNEST, THICKEST
    )
    lines = LineCollection([xy_p2[piece] for piece in dendrites], linewidths=width, capstyle="round", cmap=_colours())
    shown = weight_n[np.isfinite(weight_n)]
    lines.set_array(np.ma.masked_invalid(weight_n))
    lines.set_clim(*(np.percentile(shown, SHOWN_PERCENTILES) if shown.size else (0, 1)))
    axes.add_collection(lines)
    soma = segment_p < 0
    if soma.any():
        radius_um = outline["diam_um"].values[soma].max() / 2
        axes.add_patch(Circle(tuple(xy_p2[soma].mean(axis=0)), radius_um, color=GREY, zorder=3))
    axes.autoscale_view()
    axes.set_aspect("equal")
    axes.set_axis_off()
    axes.set_title(f"{SIGNS[sign]} synapses", loc="left", color=COLOURS[sign])
    _scale_bar(axes, np.ptp(xy_p2[:, 1]))
    bar = axes.figure.colorbar(lines, ax=axes, location="bottom", shrink=0.8, aspect=25, pad=0.02, extend="both")
    bar.set_label("size of the learned weight")


def draw_against_distance(axes: Axes, weights: xr.Dataset, tree: str) -> None:
    """Draw every synapse's weight on one tree against its distance, and the running median of each sign.

    Against its number, where distances are not told.
    """
    axes.axhline(0, color=PALE, lw=0.6, zorder=0)
    of_tree = weights["tree"].values == tree
    untold = np.isnan(weights["distance_um"].values).all()
    for sign, name in SIGNS.items():
        here = np.flatnonzero(of_tree & (weights["synapse_sign"].values == sign))
        distance_um, weight = (here if untold else weights["distance_um"].values[here]), weights["weight"].values[here]
        axes.plot(distance_um, weight, ".", ms=2.5, mew=0, color=COLOURS[sign], alpha=0.5, label=f"{here.size} {name}")
        if untold:
            continue  # no neighbours
        axes.plot(*running_median(distance_um, weight), color=BLACK, lw=1.2, ls="-" if sign > 0 else (0, (3, 1.2)))
    along = f"distance to the soma{'' if tree == UNKNOWN_TREE else f', {tree}'} (µm)"
    axes.set(xlabel="number of the synapse; distances are not told" if untold else along, xlim=(0, None))
    legend = axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2, borderaxespad=0, markerscale=2.5)
    for handle in legend.legend_handles:
        handle.set_alpha(1) if handle is not None else None


def running_median(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Medians of x and y (n - k + 1,) over each k neighbours in x: a tenth of all, 5 at least; none of fewer than 5.

    >>> running_median(np.array([3, 1, 2, 5, 4]), np.array([9, 0, 1, 1, 1]))
    (array([3.]), array([1.]))
    """
    k = max(5, round(MEDIAN_OF * len(x)))
    if len(x) < k:
        return np.empty(0), np.empty(0)
    order = np.argsort(x, kind="stable")
    windows = np.lib.stride_tricks.sliding_window_view(np.stack([x[order], y[order]]), k, axis=1)
    median_x, median_y = np.median(windows, axis=2)
    return median_x, median_y


def _mean_of(weights: xr.Dataset) -> str:
    """Of how many branch synapses a weight is the mean, where some input has several."""
    least, most = int(weights["n_read"].min()), int(weights["n_read"].max())
    if most == 1:
        return ""
    several = f"{least} to {most}" if least < most else f"{most}"
    return f"; the mean over the {several} branch synapses to which the routing, not learning, gives the same input"


def _by_segment(weights: xr.Dataset, sign: int, n_segments: int) -> np.ndarray:
    """Mean size of the weights of a sign on each segment, (N,); NaN where it has no such synapse."""
    here = weights["synapse_sign"].values == sign
    segment, size = weights["synapse_segment"].values[here], np.abs(weights["weight"].values[here])
    count = np.bincount(segment, minlength=n_segments)
    total = np.bincount(segment, size, minlength=n_segments)
    return np.divide(total, count, out=np.full(len(count), np.nan), where=count > 0)


def _colours() -> Colormap:
    """Colour-blind safe, dark where the weight is large, and nowhere so pale that a dendrite is lost on white paper."""
    import matplotlib
    from matplotlib.colors import ListedColormap

    return ListedColormap(matplotlib.colormaps["viridis_r"](np.linspace(0.05, 1, 256))).with_extremes(bad=PALE)


def _scale_bar(axes: Axes, height_um: float) -> None:
    length_um = next((each for each in SCALE_BARS_UM if each > height_um / 15), SCALE_BARS_UM[-1])
    left, bottom = axes.get_xlim()[0], axes.get_ylim()[0]
    axes.plot([left, left + length_um], [bottom, bottom], color=BLACK, lw=1.2, solid_capstyle="butt", clip_on=False)
    axes.annotate(f"{length_um} µm", (left, bottom), (0, -2), textcoords="offset points", va="top")
