"""What the first layer of a TCN looks for in the input, by where the synapses are, as labelled arrays.

C filters, S inputs, K ms of kernel.
"""

from __future__ import annotations

import numpy as np
import xarray as xr

from ...simulate.schema import UNKNOWN_TREE, InputError, read, source
from ..models.tcn import TCN, Layer
from ..use.checkpoint import Surrogate
from .elm import about, array, origin

GROUPS = tuple((tree, sign) for sign in (1, -1) for tree in ("basal", "apical", UNKNOWN_TREE))


def first_layer(surrogate: Surrogate, ds: xr.Dataset) -> xr.Dataset:
    """The filters of a TCN's first layer, each averaged over the synapses of a tree and sign.

    surrogate: a TCN. ds: the open simulation.
    Returns weight (filter, group, lag_ms): what a spike that came lag_ms before a bin adds to the filter in that bin,
    lag 0 being the bin itself; bias (filter); coordinates tree, sign and n_synapses of each group that the open
    simulation has. A TCN sees an inhibitory spike as 1 too.
    Raises InputError for another family, or inputs that are not the model's.
    """
    model = surrogate.model
    if not isinstance(model, TCN):
        raise InputError(f"{surrogate.run}: is a {surrogate.family}, and only a TCN has filters of a first layer")
    surrogate.check_inputs(ds.sizes["synapse"], source(ds))
    sign_s = read(ds, "synapse_sign")
    tree_s = read(ds, "segment_type")[read(ds, "synapse_segment")]
    members = [np.flatnonzero((tree_s == tree) & (sign_s == sign)) for tree, sign in GROUPS]
    groups = [(*group, at) for group, at in zip(GROUPS, members, strict=True) if at.size]
    first = model.layers[0]
    assert isinstance(first, Layer)
    weight_csk, bias_c = (array(part) for part in first.parts)
    by_lag_csk = weight_csk[:, :, ::-1]  # Conv1d has the newest bin last
    weight_cgk = np.stack([by_lag_csk[:, at].mean(axis=1, dtype=float) for _, _, at in groups], axis=1)
    lag_ms = np.arange(weight_csk.shape[2])
    return xr.Dataset(
        {
            "weight": (
                ("filter", "group", "lag_ms"),
                weight_cgk,
                about("1", "filter weight, mean over synapses"),
            ),
            "bias": ("filter", bias_c, about("1", "bias of the filter")),
        },
        {
            "lag_ms": ("lag_ms", lag_ms, about("ms", "time before the bin")),
            "tree": ("group", [tree for tree, _, _ in groups], about("1", "basal or apical")),
            "sign": ("group", [sign for _, sign, _ in groups], about("1", "+1 excitatory")),
            "n_synapses": ("group", [len(at) for _, _, at in groups], about("1", "synapses")),
        },
        origin(surrogate, ds),
    )
