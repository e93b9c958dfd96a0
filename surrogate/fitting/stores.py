"""Several simulations as one to fit a model to: seen to be of one cell and layout, and none of a trial twice."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from ...simulate import schema
from ...simulate.schema import InputError, shown

Data = str | Path | Sequence[str | Path]
LABELS = tuple(name for name in schema.COORDINATES if name.startswith(("synapse_", "segment_")))
# Of a configuration, what is no part of the cell: its input, what is looked at, and names of files, whose content the
# provenance has
NOT_THE_CELL = {
    *("preset", "statistics", "out_of_distribution", "input_spikes", "seed", "seconds"),
    *("record_fine", "record_nexus", "nexus_um", "record_dendrites"),
    *("morphology", "biophysics", "mechanisms", "receptors"),
    *("files", "command", "options"),  # of data from elsewhere
}
OF_THE_MACHINE = {"engine", "precision", "fused"}  # of an integration: the method is the same
OF_A_FILE = {"file", "name", "source", "licence", "remarks"}  # of what the provenance has, what is no content


def paths_of(data: Data) -> list[str]:
    """The path of each simulation."""
    return [str(data)] if isinstance(data, str | Path) else [str(path) for path in data]


def open_stores(data: Data) -> list[xr.Dataset]:
    """Open the simulations lazily.

    Raises InputError as `open_dataset`, where two are not of one cell and layout, or where a trial is in two of them.
    """
    if not paths_of(data):
        raise InputError("data: no simulation is given; give one or more")
    stores = [(path, schema.open_dataset(path, "simulation")) for path in paths_of(data)]
    for at, (path, other) in enumerate(stores):
        for its_path, one in stores[:at]:
            for had, has, what in _differences(one, other):
                raise InputError(
                    f"{path}: is not of the cell and layout of {its_path}: {what} is {shown(has)}, not {shown(had)}; "
                    "fit them one by one"
                )
            _check_apart((its_path, path), (one, other))
    return [ds for _, ds in stores]


def check_live(path: str, ds: xr.Dataset, config: dict) -> None:
    """Raise InputError where `ds` is not of the cell of a configuration that is simulated live, or has its trials."""
    had, has = _cell_of(schema.config_of(ds)), _cell_of(config)
    for was, now, what in _fields({name: had.get(name) for name in has}, has):
        raise InputError(f"{path}: is not of the cell that is simulated live: {what} is {shown(was)}, not {shown(now)}")
    if "trial_seed" not in ds.variables or config["seed"] in schema.read(ds, "trial_seed"):
        raise InputError(f"{path}: may hold trials of seed {config['seed']}, which are learned from; give another seed")


def joint_id(dataset_ids: Sequence[str]) -> str:
    """What several datasets are called as one: of one it is its own id."""
    return "+".join(dataset_ids)


def _differences(one: xr.Dataset, other: xr.Dataset) -> Iterator[tuple[Any, Any, str]]:
    """What differs in cell and layout: of the one, of the other, and its name."""
    for dim, what in (("time_ms", "a trial's length in ms"), ("synapse", "the number of synapses")):
        if one.sizes[dim] != other.sizes[dim]:
            yield one.sizes[dim], other.sizes[dim], what
            return
    configs = [_cell_of(schema.config_of(ds)) for ds in (one, other)]
    of_both = configs[0].keys() & configs[1].keys()  # a later apical may have more, at what was so before
    had, has = ({name: config[name] for name in of_both} for config in configs)
    yield from _fields(had, has)
    made = [json.loads(ds.attrs["provenance"]) for ds in (one, other)]
    had, has = ({part: each.get(part) or {} for part in ("morphology", "biophysics")} for each in made)
    yield from _fields(had, has)
    for name in LABELS:
        labels = [schema.read(ds, name) for ds in (one, other)]
        same = labels[0] == labels[1]
        if labels[0].dtype.kind == "f":
            same |= np.isnan(labels[0]) & np.isnan(labels[1])
        if len(labels[0]) != len(labels[1]):
            yield len(labels[0]), len(labels[1]), f"the number of values of {name}"
        elif not same.all():
            at = int(np.argmin(same))
            yield labels[0].tolist()[at], labels[1].tolist()[at], f"{name}, at position {at},"


def _fields(one: Mapping, other: Mapping, outer: str = "") -> Iterator[tuple[Any, Any, str]]:
    """Fields that differ, those of a part by dotted names."""
    for name in sorted((one.keys() | other.keys()) - OF_A_FILE):
        had, has = one.get(name), other.get(name)
        if isinstance(had, Mapping) and isinstance(has, Mapping):
            yield from _fields(had, has, f"{outer}{name}.")
        elif had != has:
            yield had, has, outer + name


def _cell_of(config: dict) -> dict:
    """What a configuration says of the cell and of how it is integrated."""
    found = {name: value for name, value in config.items() if name not in NOT_THE_CELL}
    integration = found.pop("integration", {})
    return found | {name: value for name, value in integration.items() if name not in OF_THE_MACHINE}


def _check_apart(paths: tuple[str, str], two: tuple[xr.Dataset, xr.Dataset]) -> None:
    """Raise InputError where both hold a trial, which could then be learned from and be held out.

    A trial is known by number and seed, and seen to be the same by its input.
    """
    ids = [ds.attrs["dataset_id"] for ds in two]
    if ids[0] == ids[1]:
        raise InputError(f"{paths[1]}: is the same data as {paths[0]} (id {ids[0]}); give one of them")
    if not all("trial_seed" in ds.variables for ds in two):
        return
    where = [_positions(ds) for ds in two]
    for trial in sorted(where[0].keys() & where[1].keys()):
        first, second = (schema.EventStore(path).read(at[trial]) for path, at in zip(paths, where, strict=True))
        if all(np.array_equal(getattr(first, name), getattr(second, name)) for name in ("count_t", "synapse_n")):
            raise InputError(
                f"{paths[1]}: its trial {trial[1]}, of seed {trial[0]}, is in {paths[0]} too; "
                "simulate one of them with another --seed"
            )
        return  # other input of the same seed: so are all others


def _positions(ds: xr.Dataset) -> dict[tuple[int, int], int]:
    """Seed and number of each finished trial, and where it lies."""
    columns = (schema.read(ds, name).tolist() for name in ("trial_seed", "trial", "trial_status"))
    trials = enumerate(zip(*columns, strict=True))
    return {(seed, trial): at for at, (seed, trial, status) in trials if status == schema.DONE}
