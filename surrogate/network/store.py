"""The dataset of a population's run, on disk: spikes as events, traces of recorded neurons, and what made them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from ...simulate import schema
from ...simulate.schema import InputError
from ...simulate.schema.input_error import one_line
from ..population.recorded import ATTRIBUTES
from .unfinished import Part

KIND = "population"
SPIKES_PER_CHUNK, BINS_PER_CHUNK = 1 << 18, 1 << 14


def write_store(out: Path, parts: Iterable[Part], record: tuple[int, ...], duration_ms: int, attrs: dict) -> None:
    """Write all parts as one store, in memory one after another. attrs: config, provenance and dataset_id.

    Raises InputError where it cannot be written.
    """
    import zarr

    n_neurons = len(record)
    with schema.writing_whole(out, "go on with --resume") as growing:
        group = zarr.open_group(growing, mode="w-")

        def array(name: str, dims: tuple[str, ...], dtype: str, shape: tuple[int, ...], chunks: tuple[int, ...]) -> Any:
            units, long_name = ATTRIBUTES[name]
            about: dict[str, Any] = {"units": units, "long_name": long_name}
            made = group.create_array(
                name, shape=shape, chunks=chunks, dtype=dtype, dimension_names=dims, attributes=about
            )
            return made.with_config({"write_empty_chunks": True})

        neuron = array("spike_neuron", ("spike",), "i4", (0,), (SPIKES_PER_CHUNK,))
        time_ms = array("spike_time_ms", ("spike",), "i8", (0,), (SPIKES_PER_CHUNK,))
        traces = [
            array(name, ("neuron", "time_ms"), "f4", (n_neurons, duration_ms), (1, min(duration_ms, BINS_PER_CHUNK)))
            for name in ("soma_v_mv", "spike_probability")
        ]
        array("neuron", ("neuron",), "i8", (n_neurons,), (max(n_neurons, 1),))[:] = np.array(record, np.int64)
        array("time_ms", ("time_ms",), "i8", (duration_ms,), (duration_ms,))[:] = np.arange(duration_ms)
        reached = 0
        for part in parts:
            neuron.append(part.neuron_k)
            time_ms.append(part.time_ms_k)
            stop = reached + part.v_mv_wt.shape[1]
            for trace, values in zip(traces, (part.v_mv_wt, part.probability_wt), strict=True):
                if n_neurons:
                    trace[:, reached:stop] = values
            reached = stop
        group.attrs.update({"apical_schema": schema.SCHEMA_VERSION, "kind": KIND} | attrs)
        schema.commit(growing)


def open_store(path: Path) -> xr.Dataset:
    """The dataset of a run, lazily. Raises InputError where there is none."""
    try:
        ds = xr.open_zarr(path, consolidated=True, chunks=None)
    except Exception as error:  # Zarr raises its own kinds for what it did not write
        raise InputError(f"{path}: not a readable Zarr store ({one_line(error)}); choose another path") from error
    if ds.attrs.get("kind") != KIND:
        raise InputError(f"{path}: is there but is no run of a population; choose another path")
    return ds
