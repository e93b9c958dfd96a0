"""The contract of every dataset on disk: names, dims, dtypes and units, shared by truth and prediction.

B trials (`trial`), T bins of 1 ms (`time_ms`), S synapses (`synapse`: all excitatory, then all inhibitory, each in
segment order), N dendritic segments (`segment`: basal, then apical), K output spikes at most (`spike`, NaN-padded).
"""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from . import spike_trains
from .input_error import InputError

SCHEMA_VERSION = 2
KINDS = ("simulation", "prediction")
PENDING, DONE, FAILED = 0, 1, 2  # values of trial_status

SPIKE_BIN_OFFSET_MS = 0.5  # published label: bin = int(t - 0.5), Beniaguev et al. 2021 evaluation code
UNKNOWN_TREE = "unknown"  # in segment_type, of data that do not tell where synapses are
UNTOLD = ("segment_x", "segment_distance_um", "segment_length_um")  # all NaN there
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
    "part": Variable(("trial",), "T", "1", "of its model's split: train, validation, test; empty: of no split"),
    "synapse_sign": Variable(("synapse",), "i", "1", "+1 excitatory, -1 inhibitory", ("simulation",)),
    "synapse_receptor": Variable(("synapse",), "T", "1", "receptor model", ("simulation",)),
    "synapse_segment": Variable(("synapse",), "iu", "1", "index of the synapse's segment", ("simulation",)),
    "segment_type": Variable(("segment",), "T", "1", "basal or apical; unknown where it is not told", ("simulation",)),
    "segment_section": Variable(("segment",), "iu", "1", "section within its tree", ("simulation",)),
    "segment_x": Variable(("segment",), "f", "1", "position along the section, 0 to 1; NaN: not told", ("simulation",)),
    "segment_distance_um": Variable(
        ("segment",), "f", "um", "path length from the soma's start; NaN: not told", ("simulation",)
    ),
    "segment_length_um": Variable(("segment",), "f", "um", "length of the segment; NaN: not told", ("simulation",)),
}

ATTRIBUTES = ("apical_schema", "kind", "dataset_id", "config", "provenance")

# Of what both JSON objects hold, what readers look at: where a field is there, it is of this type
TABLES: dict[str, dict[str, type]] = {
    "config": dict.fromkeys(("preset", "morphology", "biophysics", "made_by", "name", "run", "trained_on", "command"), str)
    | {"integration": dict, "statistics": dict, "options": dict},
    "provenance": {"morphology": dict, "biophysics": dict, "files": list, "appended": list, "sources": list},
}


def validate(ds: xr.Dataset, where: str = "dataset") -> None:
    """Check names, dims, dtypes, units and attributes of a truth or prediction dataset (no values are read).

    Raises InputError naming `where`, the first variable or attribute at fault, what was expected and what came.
    """
    for name in ATTRIBUTES:
        if name not in ds.attrs:
            raise InputError(f"{where}: attribute '{name}' is missing: this is not a dataset written by apical")
    for name, kinds in TABLES.items():
        table = _table(ds.attrs[name])
        if table is None:
            raise InputError(f"{where}: attribute '{name}' is no JSON object; make the store again")
        for field, kind in kinds.items():
            if not isinstance(table.get(field, kind()), kind | None):
                came = type(table[field]).__name__
                raise InputError(f"{where}: attribute '{name}': '{field}' is of type {came}, expected {kind.__name__}")
    if not isinstance(ds.attrs["dataset_id"], str):
        raise InputError(f"{where}: attribute 'dataset_id' is {ds.attrs['dataset_id']!r}, expected text")
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


def validate_coordinates(
    values: Mapping[str, np.ndarray], sizes: Mapping[Hashable, int], where: str = "dataset"
) -> None:
    """Check the values of the coordinates that are there. Raises InputError as `validate`."""

    def refuse(name: str, right: object, expected: str) -> None:
        if not right:
            raise InputError(f"{where}: variable '{name}' is damaged or not as agreed: expected {expected}")

    for name, found in values.items():
        if found.dtype.kind == "f":
            untold = name in UNTOLD and np.isnan(found).all()
            refuse(name, untold or np.isfinite(found).all(), "finite numbers")
    if "trial" in values:
        trial = values["trial"]
        refuse("trial", trial.size and trial.min() >= 0, "one trial or more, with numbers of 0 and more")
        refuse("trial", np.unique(trial).size == trial.size, "each trial number once")
    if "time_ms" in values:
        time_ms = values["time_ms"]
        refuse("time_ms", time_ms.size and np.array_equal(time_ms, np.arange(time_ms.size)), "0, 1, 2 and so on")
    if "synapse_sign" in values:
        sign = values["synapse_sign"]
        ordered = sign.size and (np.diff(sign) <= 0).all() and np.isin(sign, (1, -1)).all()
        refuse("synapse_sign", ordered, "+1 of all excitatory synapses, then -1 of all inhibitory ones")
    if "synapse_segment" in values:
        segment = values["synapse_segment"]
        right = not segment.size or (segment.min() >= 0 and segment.max() < sizes.get("segment", 0))
        refuse("synapse_segment", right, f"numbers of the {sizes.get('segment', 0)} segments, from 0 on")
    if "segment_type" in values:
        refuse(
            "segment_type",
            {*values["segment_type"].tolist()} <= {"basal", "apical", UNKNOWN_TREE},
            f"basal, apical and {UNKNOWN_TREE}",
        )


def _table(text: object) -> dict | None:
    """The JSON object in a text; None where there is none."""
    try:
        found = json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def attributes(name: str) -> dict[str, Any]:
    if name in EVENTS:
        return {"units": "1", "long_name": EVENTS[name]}
    spec = (VARIABLES | COORDINATES)[name]
    return {"units": spec.units, "long_name": spec.long_name}
