"""The contract of every dataset on disk: names, dims, dtypes and units, shared by truth and prediction.

B trials (`trial`), T bins of 1 ms (`time_ms`), S synapses (`synapse`: all excitatory, then all inhibitory, each in
segment order), N dendritic segments (`segment`: basal, then apical), K output spikes at most (`spike`, NaN-padded).
"""

from __future__ import annotations

import json
import platform
import subprocess
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from . import spike_trains
from .input_error import InputError as InputError
from .spike_trains import EventStore as EventStore
from .spike_trains import SpikeTrains as SpikeTrains

SCHEMA_VERSION = 2
KINDS = ("simulation", "prediction")
PENDING, DONE, FAILED = 0, 1, 2  # values of trial_status

TRIALS_PER_CHUNK = 1000  # of what labels the trials, which readers load whole; of variables each trial is a chunk

SPIKE_BIN_OFFSET_MS = 0.5  # published label: bin = int(t - 0.5), Beniaguev et al. 2021 evaluation code
FINE_PER_MS = 8  # samples per ms of soma_v_fine_mv, as NeuronIO's high-resolution trace


class Variable(NamedTuple):
    """What one variable of a dataset must be. `kinds` lists the dataset kinds in which it is required."""

    dims: tuple[str, ...]
    dtype: str  # NumPy kind letters that are allowed
    units: str
    long_name: str
    kinds: tuple[str, ...] = ()


VARIABLES = {
    "trial_status": Variable(("trial",), "iu", "1", "0 pending, 1 done, 2 failed", KINDS),
    "trial_crc32": Variable(("trial",), "u", "1", "checksum of the files of the trial's variables"),
    "soma_v_mv": Variable(("trial", "time_ms"), "f", "mV", "soma voltage at the start of each bin", KINDS),
    "input_spikes": Variable(("trial", "synapse", "time_ms"), "b", "1", "input spike in the bin", ("simulation",)),
    "output_spike_time_ms": Variable(
        ("trial", "spike"), "f", "ms", "peak of each somatic spike, full precision", ("simulation",)
    ),
    "output_spike_time_published_ms": Variable(
        ("trial", "spike"), "f", "ms", "output spike times as published (NeuronIO: rounded to float16)"
    ),
    "soma_v_fine_mv": Variable(("trial", "time_fine_ms"), "f", "mV", "soma voltage, 8 samples per ms"),
    "nexus_v_mv": Variable(("trial", "time_ms"), "f", "mV", "voltage at the nexus of the apical tree"),
    "dendrite_v_mv": Variable(("trial", "segment", "time_ms"), "f", "mV", "voltage of each dendritic segment"),
    "spike_probability": Variable(
        ("trial", "time_ms"), "f", "1", "predicted probability of an output spike in the bin", ("prediction",)
    ),
}

# What stands for input_spikes on disk: see spike_trains
EVENTS = {
    spike_trains.COUNT: "input spikes in the bin",
    spike_trains.EVENT: "synapses of the input spikes, bin after bin, ascending within a bin",
}

COORDINATES = {
    "trial": Variable(("trial",), "iu", "1", "trial number; with the seed it fixes the input", KINDS),
    "trial_seed": Variable(("trial",), "iu", "1", "seed of the trial's input"),
    "time_ms": Variable(("time_ms",), "iuf", "ms", "start of each 1 ms bin", KINDS),
    "time_fine_ms": Variable(("time_fine_ms",), "f", "ms", "time of each fine sample"),
    "source_file": Variable(("trial",), "T", "1", "file or run the trial comes from", KINDS),
    "synapse_sign": Variable(("synapse",), "i", "1", "+1 excitatory, -1 inhibitory", ("simulation",)),
    "synapse_receptor": Variable(("synapse",), "T", "1", "receptor model", ("simulation",)),
    "synapse_segment": Variable(("synapse",), "iu", "1", "index of the synapse's segment", ("simulation",)),
    "segment_type": Variable(("segment",), "T", "1", "basal or apical", ("simulation",)),
    "segment_section": Variable(("segment",), "iu", "1", "section within its tree", ("simulation",)),
    "segment_x": Variable(("segment",), "f", "1", "position along the section, 0 to 1", ("simulation",)),
    "segment_distance_um": Variable(("segment",), "f", "um", "path length from the soma's start", ("simulation",)),
    "segment_length_um": Variable(("segment",), "f", "um", "length of the segment", ("simulation",)),
}

ATTRIBUTES = ("apical_schema", "kind", "dataset_id", "config", "provenance")


def validate(ds: xr.Dataset, where: str = "dataset") -> None:
    """Check names, dims, dtypes, units and attributes of a truth or prediction dataset (no values are read).

    Raises InputError naming `where`, the first variable or attribute at fault, what was expected and what came.
    """
    for name in ATTRIBUTES:
        if name not in ds.attrs:
            raise InputError(f"{where}: attribute '{name}' is missing: this is not a dataset written by apical")
    version, kind = ds.attrs["apical_schema"], ds.attrs["kind"]
    if version != SCHEMA_VERSION:
        raise InputError(
            f"{where}: written with dataset schema {version}, this apical reads schema {SCHEMA_VERSION}: "
            "make it again, or use the apical version that wrote it"
        )
    if kind not in KINDS:
        raise InputError(f"{where}: attribute 'kind' is '{kind}', expected one of {', '.join(KINDS)}")
    for name, spec in (VARIABLES | COORDINATES).items():
        if name not in ds.variables:
            if kind in spec.kinds:
                raise InputError(f"{where}: variable '{name}' is missing from this {kind}")
            continue
        found = ds[name]
        if found.dims != spec.dims:
            raise InputError(f"{where}: variable '{name}' has dims {found.dims}, expected {spec.dims}")
        if found.dtype.kind not in spec.dtype and not (spec.dtype == "T" and found.dtype.kind in "OU"):
            raise InputError(f"{where}: variable '{name}' has dtype {found.dtype}, expected kind '{spec.dtype}'")
        if found.attrs.get("units") != spec.units:
            raise InputError(f"{where}: variable '{name}' has units '{found.attrs.get('units')}', not '{spec.units}'")


def open_dataset(path: str | Path, kind: str | None = None, complete: bool = True) -> xr.Dataset:
    """Open a dataset lazily, after checking that it is whole.

    kind: 'simulation' or 'prediction' to insist on one.
    complete: refuse a store in which trials are still pending.
    Raises InputError for a missing, foreign, truncated or unfinished store.
    """
    import zarr

    path = Path(path)
    if not path.exists():
        raise InputError(f"{path}: no such dataset; `apical simulate` or `apical import-neuronio` makes one")
    try:
        group = zarr.open_group(path, mode="r")
        consolidated = group.metadata.consolidated_metadata is not None
        ds = xr.open_zarr(path, consolidated=consolidated, chunks=None, drop_variables=EVENTS)
        if spike_trains.EVENT in group:
            ds["input_spikes"] = spike_trains.dense_variable(path, ds.sizes["synapse"], _attributes("input_spikes"))
    except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise InputError(f"{path}: not a readable Zarr store ({_one_line(error)}); make it again") from error
    validate(ds, str(path))
    if kind is not None and ds.attrs["kind"] != kind:
        raise InputError(f"{path}: is a {ds.attrs['kind']}, expected a {kind}")
    for name, array in group.arrays():
        if name in (*VARIABLES, *EVENTS) and not complete:
            continue
        chunks = array.shape[0] if name == spike_trains.EVENT else array.nchunks
        lost = len(_lost(path, name, array)) if name == spike_trains.EVENT else chunks - array.nchunks_initialized
        if lost:
            raise InputError(
                f"{path}: truncated: variable '{name}' lacks {lost} of {chunks} chunks; "
                "finish it with --resume, or make it again with --overwrite"
            )
    if complete:
        pending = int((read(ds, "trial_status") == PENDING).sum())
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
    except (OSError, ValueError, RuntimeError) as error:
        at = "" if trial is None else f" at trial position {trial}"
        raise InputError(
            f"{where}: variable '{name}' is damaged{at} ({_one_line(error)}); make the store again"
        ) from error


def source(ds: xr.Dataset) -> str:
    """The path that the dataset was opened from."""
    return ds.encoding.get("source", "dataset")


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
    Raises InputError where the path cannot be written or the result would not be a valid dataset.
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
    try:
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
                attributes=_attributes(name),
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
                attributes=_attributes(name),
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
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({_one_line(error)})") from error
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


def write_trial(path: str | Path, position: int, arrays: dict[str, np.ndarray], status: int = DONE) -> None:
    """Write one trial's variables, each without the trial dim, at `position`; its status is written last."""
    import zarr

    group = zarr.open_group(path, mode="r+")
    if "input_spikes" in arrays:
        spike_trains.write(group, position, arrays["input_spikes"])
        arrays = {name: values for name, values in arrays.items() if name != "input_spikes"}
    for name, values in (arrays | {"trial_status": np.array(status)}).items():
        array = group[name]
        assert isinstance(array, zarr.Array)
        array.with_config({"write_empty_chunks": True})[position] = values


def output_spike_bins(ds: xr.Dataset, published: bool = False) -> np.ndarray:
    """Output spikes as a boolean array, shape (B, T): True in the bin of each spike, int(t - 0.5).

    published: take the published (quantised) times where the dataset has them, as the published evaluation does.
    Source: label convention of Beniaguev et al. 2021.
    """
    name = "output_spike_time_published_ms"
    times_ms = read(ds, name if published and name in ds else "output_spike_time_ms")
    bins = np.zeros((ds.sizes["trial"], ds.sizes["time_ms"]), dtype=bool)
    trial, spike = np.nonzero(np.isfinite(times_ms))
    at = np.maximum(times_ms[trial, spike] - SPIKE_BIN_OFFSET_MS, 0).astype(int)
    inside = at < bins.shape[1]
    bins[trial[inside], at[inside]] = True
    return bins


def made_with(*packages: str) -> dict[str, str | None]:
    """What every artefact says of the code that made it: versions of apical, Python and `packages`, and the commit.

    The commit is that of apical's own checkout; None where it was installed without one.
    """
    root, commit = Path(__file__).parents[1], None
    if (root / ".git").exists():
        try:
            git = subprocess.run(["git", "-C", root, "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
            commit = git.stdout.strip()
        except (OSError, subprocess.CalledProcessError):
            commit = None
    versions: dict[str, str | None] = {name: version(name) for name in ("apical", *packages)}
    return versions | {"python": platform.python_version(), "git_commit": commit}


def config_of(ds: xr.Dataset) -> dict:
    """The configuration that made the dataset."""
    return json.loads(ds.attrs["config"])


def _attributes(name: str) -> dict[str, Any]:
    if name in EVENTS:
        return {"units": "1", "long_name": EVENTS[name]}
    spec = (VARIABLES | COORDINATES)[name]
    return {"units": spec.units, "long_name": spec.long_name}


def _one_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:120]
