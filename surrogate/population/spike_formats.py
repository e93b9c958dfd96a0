"""A population's spikes as others read them: Neo in memory, SONATA on disk."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from ...simulate.schema import InputError, writing_whole

if TYPE_CHECKING:
    from neo import SpikeTrain

SORTING = {"none": 0, "by_id": 1, "by_time": 2}


def spikes_to_neo(spikes: xr.Dataset) -> list[SpikeTrain]:
    """A spike train for each neuron, silent ones too: start of each spike's bin in ms, `neuron` among the annotations.

    spikes: what `Population.run` gave.
    Raises InputError for another dataset.
    """
    from neo import SpikeTrain

    neuron_k, time_ms_k, n = _spikes(spikes)
    order = np.argsort(neuron_k, kind="stable")
    first_n = np.searchsorted(neuron_k[order], np.arange(n + 1))
    start_ms, stop_ms = float(spikes["time_ms"][0]), float(spikes["time_ms"][-1]) + 1
    return [
        SpikeTrain(time_ms_k[order[first:last]], units="ms", t_start=start_ms, t_stop=stop_ms, neuron=at)
        for at, (first, last) in enumerate(zip(first_n[:-1].tolist(), first_n[1:].tolist(), strict=True))
    ]


def spikes_to_sonata(spikes: xr.Dataset, path: str | Path, nodes: str = "cells") -> Path:
    """Write a SONATA file of spikes, by time, and return its path.

    spikes: what `Population.run` gave. path: replaces what is there. nodes: the name of the node population; a node's
    number is its neuron's.
    Raises InputError for another dataset, where h5py is not installed, or where it cannot be written.
    """
    neuron_k, time_ms_k, _ = _spikes(spikes)
    check_sonata()
    import h5py

    if not nodes or "/" in nodes:
        raise InputError(f"nodes is {nodes!r}, expected the name of a node population, without '/'")
    with writing_whole(Path(path)) as growing, h5py.File(growing, "w") as file:
        group = file.create_group(f"spikes/{nodes}")
        group.attrs.create("sorting", SORTING["by_time"], dtype=h5py.enum_dtype(SORTING, basetype="u1"))
        group.create_dataset("node_ids", data=neuron_k.astype("u8"))
        group.create_dataset("timestamps", data=time_ms_k).attrs["units"] = "ms"
    return Path(path)


def check_sonata() -> None:
    """Raise InputError where h5py is not installed."""
    try:
        import h5py  # noqa: F401
    except ImportError as error:
        raise InputError("SONATA takes h5py, which is not installed: pip install 'apical[sonata]'") from error


def _spikes(ds: xr.Dataset) -> tuple[np.ndarray, np.ndarray, int]:
    """Neuron and time of each spike, and how many neurons there are."""
    if ds.attrs.get("kind") != "population" or "spike_neuron" not in ds:
        raise InputError(f"spikes: a dataset of kind '{ds.attrs.get('kind')}', expected what Population.run gives")
    n = sum(group["n"] for group in json.loads(ds.attrs["config"])["groups"])
    return ds["spike_neuron"].values, ds["spike_time_ms"].values.astype(float), n
