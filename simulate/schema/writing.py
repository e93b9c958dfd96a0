"""Writing a dataset: an empty store first, then its trials in any order, by any process."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from . import spike_trains
from .contract import COORDINATES, DONE, SCHEMA_VERSION, VARIABLES, attributes
from .reading import open_dataset
from .trial_chunks import TrialChunks

if TYPE_CHECKING:
    from zarr import Array, Group

TRIALS_PER_CHUNK = 1000  # of what labels the trials, which readers load whole; of variables each trial is a chunk


def create(
    path: str | Path,
    kind: str,
    arrays: Mapping[str, np.dtype | str],
    coords: Mapping[str, np.ndarray],
    n_spike: int = 0,
    *,
    dataset_id: str,
    config: dict,
    provenance: dict,
    **attrs: str,
) -> None:
    """Write an empty store in which every trial is pending; `write_trial` then fills it, in any order.

    arrays: the variables it will hold and their dtypes; dims and units come from the schema.
    coords: values of the coordinates; their lengths set the sizes of trial, time_ms, synapse and segment.
    n_spike: room for output spikes per trial.
    Each trial is a chunk of its own. Input spikes are stored as events (see spike_trains) and read as plain booleans.
    A kill leaves it half made, so `path` is one that `writing_whole` gives.
    Raises OSError where it cannot be written, InputError where the result would not be a valid dataset.
    """
    import zarr
    from zarr.codecs import BloscCodec

    sizes = {"spike": n_spike} | {spec.dims[0]: len(v) for name, v in coords.items() if (spec := COORDINATES[name])}
    stored = {name: (VARIABLES[name].dims, np.dtype(dtype)) for name, dtype in {"trial_status": "i1", **arrays}.items()}
    if "input_spikes" in stored:
        del stored["input_spikes"]
        event = spike_trains.event_dtype(sizes["synapse"])
        sizes["input_spike"] = sizes["synapse"] * sizes["time_ms"]  # room for all; what is not used is not written
        stored |= {
            spike_trains.COUNT: (("trial", "time_ms"), event),
            spike_trains.EVENT: (("trial", "input_spike"), event),
        }
    group = zarr.open_group(path, mode="w-")
    for name, (dims, dtype) in stored.items():
        shape = tuple(sizes[dim] for dim in dims)
        chunk = (1, *(max(n, 1) for n in shape[1:]))
        if name == spike_trains.EVENT:
            chunk = (1, min(spike_trains.CHUNK_EVENTS, shape[1]))
        group.create_array(
            name,
            shape=shape,
            chunks=chunk,
            dtype=dtype,
            fill_value=np.nan if dtype.kind == "f" else np.iinfo(dtype).max if name == spike_trains.EVENT else 0,
            compressors=BloscCodec(cname="zstd", clevel=5, shuffle="shuffle", typesize=dtype.itemsize),
            dimension_names=dims,
            attributes=attributes(name),
            config={"write_empty_chunks": True},  # so that a chunk that is not there is one that was lost
        )
    for name, values in coords.items():
        spec, values = COORDINATES[name], np.asarray(values)
        if values.dtype.kind in "UO":
            values = values.astype(np.dtypes.StringDType())
        array = group.create_array(
            name,
            shape=values.shape,
            dtype="string" if spec.dtype == "T" else values.dtype,
            chunks=(TRIALS_PER_CHUNK if spec.dims == ("trial",) else max(len(values), 1),),
            dimension_names=spec.dims,
            attributes=attributes(name),
            config={"write_empty_chunks": True},
        )
        array[...] = values
    non_dims = sorted(set(coords) - {"trial", "time_ms", "time_fine_ms"})
    group.attrs.update(
        {
            "apical_schema": SCHEMA_VERSION,
            "kind": kind,
            "dataset_id": dataset_id,
            "config": json.dumps(config),
            "provenance": json.dumps(provenance),
            "coordinates": " ".join(non_dims),
            **attrs,
        }
    )
    commit(path)
    open_dataset(path, kind, complete=False)


def commit(path: str | Path, attributes: dict | None = None) -> None:
    """Make the arrays' sizes, and `attributes` where given, what readers of the store see: all in one step.

    Readers go by the copy of every array's metadata in the store's own zarr.json (Zarr's consolidated metadata), so a
    change of several arrays, which could be cut off half way, is not seen before this file is replaced.
    """
    file = Path(path, "zarr.json")
    arrays = {each.parent.name: json.loads(each.read_text()) for each in sorted(Path(path).glob("*/zarr.json"))}
    metadata = json.loads(file.read_text())
    metadata["attributes"] = attributes or metadata["attributes"]
    metadata["consolidated_metadata"] = {"kind": "inline", "must_understand": False, "metadata": arrays}
    written = file.with_suffix(".partial")
    written.write_text(json.dumps(metadata, indent=2))
    written.replace(file)


def write_trial(
    store: str | Path | Group | Mapping[str, Array],
    position: int,
    arrays: dict[str, np.ndarray],
    status: int = DONE,
) -> None:
    """Write one trial's variables, each without the trial dim, at `position`; its status is written last.

    store: its path, the Zarr group, or the group's arrays by name, open for writing. Raises OSError where it cannot be
    written.
    """
    import zarr

    group = zarr.open_group(store, mode="r+") if isinstance(store, (str, Path)) else store
    if "input_spikes" in arrays:
        spike_trains.write(group, position, arrays["input_spikes"])
        arrays = {name: values for name, values in arrays.items() if name != "input_spikes"}
    for name, values in (arrays | {"trial_status": np.array(status)}).items():
        TrialChunks(group[name]).write(position, values)
