"""What input precedes an output spike: for the cell, and for a model in place of it, on the same trials.

B trials, T bins of 1 ms, G groups of synapses, L lags, R resamples.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ...simulate.schema import EventStore, InputError, SpikeTrains, source
from ..metrics.pair import paired
from ..plots import family_name, synapse_groups
from ..scores.uncertainty import LEVEL, RESAMPLES, draw, enough_trials

if TYPE_CHECKING:
    import xarray as xr

WINDOW_MS = 100
HZ = 1000.0  # spikes per bin of 1 ms


class Group(NamedTuple):
    """Synapses of a tree and sign, and between which distances to the soma; their positions in the dataset."""

    tree: str
    sign: int
    from_um: float
    to_um: float
    synapses: np.ndarray


def spike_triggered(
    truth: xr.Dataset, prediction: xr.Dataset, *, window_ms: int = WINDOW_MS, edges_um: Sequence[float] = ()
) -> xr.Dataset:
    """The mean input rate in the time before an output spike, per synapse, by tree and sign, for truth and model.

    truth, prediction: open datasets. window_ms: how far back. edges_um: distances to the soma that split each group.
    The model's average weighs each bin by its spike probability, so it is that of the spikes it expects. Both are over
    the trials and bins that are scored, with the exact output spike times. Where the model spikes for the same reasons
    as the cell, their difference is 0; its interval is from a paired bootstrap over trials.
    Returns truth_hz, model_hz, difference_hz, low_hz, high_hz, all (group, lag_ms), and mean_hz (group), the rate
    whatever the output; lag 0 is the bin of the spike. Low and high are NaN where too few trials have an output
    spike. Groups without a synapse are left out; coordinates of a group: tree, sign, from_um, to_um, n_synapses.
    Input spikes are read as events, a trial at a time.
    Raises InputError as `paired` does, and where neither spikes nor bins are left.
    """
    import xarray as xr

    groups = _groups(truth, edges_um)
    trials = paired(truth, prediction, published_spike_times=False)
    trials = trials.take(trials.kept_b)
    first = int(np.argmax(trials.scored_t)) if trials.scored_t.any() else trials.scored_t.size
    first = max(first, window_ms - 1)
    if window_ms < 1 or first >= trials.scored_t.size or not trials.spikes_bt[:, first:].any():
        raise InputError(
            f"{source(truth)}: no output spike in the {len(trials)} trials that can be scored, after {first} ms: there "
            f"is nothing that {window_ms} ms of input come before; predict more trials"
        )
    store, group_s = EventStore(source(truth)), _group_of(groups, truth.sizes["synapse"])
    sums, weights, inputs = [], [], []
    for block in trials.blocks():
        for at, spikes_t, probability_t in zip(block.at_truth, block.spikes_bt, block.probability(), strict=True):
            count_gt = _counts(store.read(int(at)), group_s, len(groups))
            weight_2t = np.stack([spikes_t[first:], probability_t[first:]]).astype(float)
            sums.append(before(count_gt, weight_2t, first, window_ms))
            weights.append(weight_2t.sum(axis=1))
            inputs.append(count_gt[:, first:].mean(axis=1))
    n_synapses = np.array([len(group.synapses) for group in groups])
    to_hz = HZ / n_synapses[:, None]
    total = np.ones((1, len(sums)))
    rate_2gl = to_hz * _weighted(np.stack(sums), np.stack(weights), total)[0]
    low_gl = high_gl = np.full(rate_2gl.shape[1:], np.nan)
    if enough_trials(sum(weight_2[0] > 0 for weight_2 in weights)):
        resampled = to_hz * _weighted(np.stack(sums), np.stack(weights), draw(len(sums), RESAMPLES))
        level = (1 - LEVEL) / 2, (1 + LEVEL) / 2
        low_gl, high_gl = np.nanquantile(resampled[:, 1] - resampled[:, 0], level, axis=0)
    dims, hz = ("group", "lag_ms"), {"units": "Hz"}
    return xr.Dataset(
        {
            "truth_hz": (dims, rate_2gl[0], hz | {"long_name": "input rate per synapse before a spike of the truth"}),
            "model_hz": (dims, rate_2gl[1], hz | {"long_name": "input rate per synapse before an expected spike"}),
            "difference_hz": (dims, rate_2gl[1] - rate_2gl[0], hz | {"long_name": "model less truth"}),
            "low_hz": (dims, low_gl, hz | {"long_name": f"low end of the difference's {LEVEL:.0%} interval"}),
            "high_hz": (dims, high_gl, hz | {"long_name": f"high end of the difference's {LEVEL:.0%} interval"}),
            "mean_hz": ("group", to_hz[:, 0] * np.mean(inputs, axis=0), hz | {"long_name": "mean input rate"}),
        },
        {
            "lag_ms": ("lag_ms", np.arange(window_ms), {"units": "ms", "long_name": "time before the output spike"}),
            "tree": ("group", [group.tree for group in groups]),
            "sign": ("group", [group.sign for group in groups]),
            "from_um": ("group", [group.from_um for group in groups], {"units": "um"}),
            "to_um": ("group", [group.to_um for group in groups], {"units": "um"}),
            "n_synapses": ("group", n_synapses),
        },
        {
            "family": family_name(prediction),
            "n_trials": len(sums),
            "n_spikes": int(np.stack(weights)[:, 0].sum()),
            "n_expected_spikes": float(np.stack(weights)[:, 1].sum()),
        },
    )


def before(count_gt: np.ndarray, weight_wt: np.ndarray, first: int, window_ms: int) -> np.ndarray:
    """Weighted sums of the counts at each lag before the bins from `first` on: (W, G, L).

    count_gt: of every bin. weight_wt: of the bins from `first` on, which is at least window_ms - 1.
    """
    windows_gtl = np.lib.stride_tricks.sliding_window_view(count_gt, window_ms, axis=1)[:, first - window_ms + 1 :]
    return np.einsum("wt,gtl->wgl", weight_wt, windows_gtl)[:, :, ::-1]


def _weighted(sums: np.ndarray, weights: np.ndarray, times_rb: np.ndarray) -> np.ndarray:
    """Averages (R, 2, G, L) over trials that count `times_rb`; NaN where nothing weighs."""
    summed = np.einsum("rb,bwgl->rwgl", times_rb, sums, optimize=True)
    weight_rw = times_rb @ weights
    return summed / np.where(weight_rw > 0, weight_rw, np.nan)[:, :, None, None]


def _counts(trains: SpikeTrains, group_s: np.ndarray, n_groups: int) -> np.ndarray:
    """Input spikes of each group in each bin, (G, T)."""
    n_bins = len(trains.count_t)
    bins, synapse = trains.window(0, n_bins)
    group = group_s[synapse]
    at = group[group >= 0] * n_bins + bins[group >= 0]
    return np.bincount(at, minlength=n_groups * n_bins).reshape(n_groups, n_bins)


def _groups(ds: xr.Dataset, edges_um: Sequence[float]) -> list[Group]:
    edges = [0.0, *edges_um, np.inf]
    if sorted(set(edges)) != edges:
        raise InputError(f"edges_um {list(edges_um)}: expected distances in um that grow, each above 0")
    distance_um = np.asarray(ds["segment_distance_um"], dtype=float)[np.asarray(ds["synapse_segment"])]
    if np.isnan(distance_um).all():
        if edges_um:
            raise InputError(f"{source(ds)}: does not tell how far its synapses are from the soma; leave edges_um out")
        distance_um = np.zeros(distance_um.shape)  # of one group by distance
    found = []
    for (tree, sign), at in synapse_groups(ds).items():
        for low, high in pairwise(edges):
            inside = at[(distance_um[at] >= low) & (distance_um[at] < high)]
            if inside.size:
                found.append(Group(tree, sign, low, high, inside))
    return found


def _group_of(groups: Sequence[Group], n_synapses: int) -> np.ndarray:
    """The group of each synapse (S,), -1 for none."""
    group_s = np.full(n_synapses, -1)
    for number, group in enumerate(groups):
        group_s[group.synapses] = number
    return group_s
