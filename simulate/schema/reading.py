"""Reading a dataset: opened lazily once it is seen to be whole; values with an error that names what is damaged."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import xarray as xr

from . import spike_trains
from .contract import (
    COORDINATES,
    DONE,
    EVENTS,
    FAILED,
    PENDING,
    SPIKE_BIN_OFFSET_MS,
    VARIABLES,
    attributes,
    validate,
    validate_coordinates,
)
from .input_error import InputError, one_line

PACKED = ("scale_factor", "add_offset", "_FillValue")  # of xarray's encoding: what lies on disk are other numbers
ROUNDED_MS = 10  # how far past the trial the rounding of published times to 16 bits may take one


def open_dataset(path: str | Path, kind: str | None = None, complete: bool = True) -> xr.Dataset:
    """Open a dataset lazily, after checking that it is whole.

    path: of the Zarr store. kind: 'simulation' or 'prediction' to insist on one.
    complete: refuse a store in which trials are still pending.
    Raises InputError for a missing, foreign, truncated or unfinished store.
    """
    import zarr

    path = Path(path)
    if not path.exists():
        raise InputError(f"{path}: no such dataset; `apical simulate` or `apical import-arrays` makes one")
    try:
        group = zarr.open_group(path, mode="r")
        consolidated = group.metadata.consolidated_metadata is not None
        ds = xr.open_zarr(path, consolidated=consolidated, chunks=None, drop_variables=EVENTS)
        if spike_trains.EVENT in group:
            ds["input_spikes"] = spike_trains.dense_variable(path, ds.sizes["synapse"], attributes("input_spikes"))
    except InputError:
        raise
    except Exception as error:  # Zarr and each codec raise their own kinds for what they did not write
        raise InputError(f"{path}: not a readable Zarr store ({one_line(error)}); make it again") from error
    validate(ds, str(path))
    for name in VARIABLES:
        told = ds[name].encoding if name in ds.variables else {}
        packed = [each for each in PACKED if told.get(each) is not None and told[each] == told[each]]
        if packed:
            raise InputError(
                f"{path}: variable '{name}' is packed ({', '.join(packed)}): write it as it is, missing as NaN"
            )
    validate_coordinates({name: read(ds, name) for name in COORDINATES if name in ds.variables}, ds.sizes, str(path))
    if kind is not None and ds.attrs["kind"] != kind:
        raise InputError(f"{path}: is a {ds.attrs['kind']}, expected a {kind}")
    for name, array in group.arrays():
        if name not in (COORDINATES if not complete else {**COORDINATES, **VARIABLES, **EVENTS}):
            continue
        chunks = array.shape[0] if name == spike_trains.EVENT else array.nchunks
        lost = len(_lost(path, name, array)) if name == spike_trains.EVENT else chunks - array.nchunks_initialized
        if lost:
            raise InputError(
                f"{path}: truncated: variable '{name}' lacks {lost} of {chunks} chunks; "
                "finish it with --resume, or make it again with --overwrite; in a store of another program "
                "write empty chunks too (xarray's write_empty_chunks=True)"
            )
    if complete:
        status = read(ds, "trial_status")
        if not np.isin(status, (PENDING, DONE, FAILED)).all():
            raise InputError(f"{path}: variable 'trial_status' has another value than 0, 1 and 2; make the store again")
        pending = int((status == PENDING).sum())
        if pending:
            raise InputError(
                f"{path}: {pending} of {ds.sizes['trial']} trials are not there yet; "
                "finish it with --resume, or make it again with --overwrite"
            )
    return ds


def trials_with_lost_chunks(path: str | Path) -> list[int]:
    """Positions of the trials of which a variable's first chunk is not in the store."""
    import zarr

    arrays = zarr.open_group(path, mode="r").arrays()
    lost = (_lost(Path(path), name, array) for name, array in arrays if name in (*VARIABLES, *EVENTS))
    return sorted(set[int]().union(*lost))


def _lost(path: Path, name: str, array) -> set[int]:
    if array.metadata.zarr_format != 3 or array.chunks[0] != 1 or array.shards is not None:  # by another program
        return set()
    rest = ["0"] * (array.ndim - 1)
    return {i for i in range(array.shape[0]) if not Path(path, name, "c", str(i), *rest).is_file()}


def read(ds: xr.Dataset, name: str, trial: int | slice | np.ndarray | None = None) -> np.ndarray:
    """The values of variable `name`, of all trials or of those at position(s) `trial`.

    Raises InputError naming file and variable where it is absent or a chunk is damaged.
    """
    where = source(ds)
    if name not in ds.variables:
        raise InputError(f"{where}: has no variable '{name}'")
    try:
        return (ds[name] if trial is None else ds[name].isel(trial=trial)).values
    except InputError:
        raise
    except Exception as error:  # each codec raises its own kinds for what it did not write
        at = "" if trial is None else f" at trial position {trial}"
        raise InputError(
            f"{where}: variable '{name}' is damaged{at} ({one_line(error)}); make the store again"
        ) from error


def source(ds: xr.Dataset) -> str:
    """The path that the dataset was opened from."""
    return ds.encoding.get("source", "dataset")


def output_spike_times_ms(ds: xr.Dataset, trial: int | None = None, name: str = "output_spike_time_ms") -> np.ndarray:
    """Output spike times in ms, padded with NaN: (B, K) of all trials, or (K,) of the one at position `trial`.

    Raises InputError as `read`, and for a time that is in no trial or before the one that it follows.
    """
    times_ms, duration_ms = read(ds, name, trial), ds.sizes["time_ms"]
    beyond = (times_ms < 0) | (times_ms > duration_ms + ROUNDED_MS)  # NaN is neither
    if beyond.any():
        raise InputError(
            f"{source(ds)}: variable '{name}' has {times_ms[beyond][0]:g} ms, in trials of {duration_ms} ms: "
            "give times within the trial, and NaN where there is no spike"
        )
    if (times_ms[..., 1:] < np.fmax.accumulate(times_ms, axis=-1)[..., :-1]).any():
        raise InputError(f"{source(ds)}: variable '{name}' has times that do not ascend within a trial; sort them")
    return times_ms


def output_spike_bins(ds: xr.Dataset, published: bool = False) -> np.ndarray:
    """Output spikes as a boolean array, shape (B, T): True in the bin of each spike, int(t - 0.5).

    ds: an open simulation. published: take the published (quantised) times where the dataset has them, as the published
    evaluation does.
    Source: label convention of Beniaguev et al. 2021.
    """
    name = "output_spike_time_published_ms"
    times_ms = output_spike_times_ms(ds, name=name if published and name in ds else "output_spike_time_ms")
    bins = np.zeros((ds.sizes["trial"], ds.sizes["time_ms"]), dtype=bool)
    trial, spike = np.nonzero(np.isfinite(times_ms))
    at = np.maximum(times_ms[trial, spike] - SPIKE_BIN_OFFSET_MS, 0).astype(int)
    inside = at < bins.shape[1]
    bins[trial[inside], at[inside]] = True
    return bins


def config_of(ds: xr.Dataset) -> dict:
    """The configuration that made the dataset."""
    return json.loads(ds.attrs["config"])
