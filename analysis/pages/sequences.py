"""Sequences of a task as pictures: clips as rasters, pixels as the picture they are of, tokens as text or a strip."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..style import BLACK, check_suffix, figure, save_figure, style

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

COLUMNS, ROWS = 5, 4
PANEL_INCHES = 1.25
MOST_TOKENS = 400  # of a sequence that are drawn


def sequences_figure(ds: xr.Dataset, out: str | Path) -> Path:
    """Draw a training sequence of each class, or of the first classes, by turns until the page is full.

    ds: a task, opened. Raises InputError for a path that is no picture, or cannot be written.
    """
    check_suffix(Path(out))
    shown = _chosen(ds)
    rows = -(-len(shown) // COLUMNS)
    with style():
        drawn = figure(rows * PANEL_INCHES + 0.2)
        panels = drawn.subplots(rows, COLUMNS, squeeze=False)
        names = json.loads(ds.attrs["class_names"])
        for at, axes in enumerate(panels.flat):
            if at >= len(shown):
                axes.set_axis_off()
                continue
            _draw(axes, ds, shown[at])
            axes.set_title(names[int(ds["label"][shown[at]])] if names else ds["split"].values[shown[at]], fontsize=6)
        return save_figure(drawn, out)


def _chosen(ds: xr.Dataset) -> list[int]:
    train = np.flatnonzero(ds["split"].values.astype("U16") == "train")
    if "label" not in ds:
        return train[: COLUMNS * ROWS].tolist()
    label = ds["label"].values[train]
    turn = np.zeros(len(train), int)  # which of its class each is
    for each in np.unique(label):
        turn[label == each] = np.arange((label == each).sum())
    return train[np.lexsort((label, turn))][: COLUMNS * ROWS].tolist()


def _draw(axes: Axes, ds: xr.Dataset, sequence: int) -> None:
    begin, end = (int(each) for each in ds["start"].values[sequence : sequence + 2])
    form = ds.attrs["form"]
    axes.tick_params(labelsize=5, length=2)
    if form == "events":
        axes.plot(ds["event_time_s"][begin:end], ds["event_channel"][begin:end], ",", color=BLACK, rasterized=True)
        axes.set_xlim(0, ds.attrs["duration_s"])
        axes.set_ylim(-0.5, ds.attrs["n_channels"] - 0.5)
        return
    if form == "tokens":
        token = ds["token"][begin : min(end, begin + MOST_TOKENS)].values
        axes.plot(token, ",", color=BLACK)
        axes.set_ylim(-0.5, ds.attrs["n_channels"] - 0.5)
        return
    value = ds["value"][begin:end].values
    side = round(len(value) ** 0.5)
    if value.shape[1] == 1 and side * side == len(value):
        axes.imshow(value.reshape(side, side), cmap="gray", interpolation="nearest")
        axes.set_axis_off()
    else:
        axes.plot(value, lw=0.4)
