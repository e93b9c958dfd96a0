"""What a run starts from: a new store, one that is there and is to be finished, or one with more trials to it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from pydantic import ValidationError

from .. import schema
from ..cell.morphologies import Morphology
from ..config import Simulation
from ..engine.interface import Integration
from ..mechanisms.library import Busy
from ..names import counted
from ..presets import PRESETS
from ..schema import InputError
from ..trial.experiment import Layout
from . import chunks, store
from .provenance import provenance

BY_CONTENT = (
    "morphology",
    "biophysics",
    "mechanisms",
    "input_spikes",
)  # names; what they stand for is in the dataset_id


def create(
    out: Path, config: Simulation, morphology: Morphology | None, trials: int, layout: Layout, device: str = "cpu"
) -> None:
    """Make the store with every trial pending. device: where engine 'batched' runs, which it says.

    Raises InputError where there is not input for so many, or an input range is of a tree that is not there.
    """
    layout.check(trials)
    if config.input_spikes is None:
        _check_ranges(config, layout)
    coords = {
        "trial": np.arange(trials),
        "trial_seed": np.full(trials, config.seed),
        "time_ms": np.arange(config.duration_ms),
        "source_file": np.array([_source(config)] * trials),
        **layout.coordinates,
    }
    if config.record_fine:
        coords["time_fine_ms"] = np.arange(config.duration_ms * schema.FINE_PER_MS) / schema.FINE_PER_MS
    with schema.writing_whole(out) as growing:
        schema.create(
            growing,
            "simulation",
            layout.dtypes | {"trial_crc32": "u4"},
            coords,
            n_spike=layout.n_spike,
            dataset_id=config.dataset_id(morphology),
            config=config.model_dump(mode="json"),
            provenance=provenance(morphology, config) | ({} if device == "cpu" else {"device": device}),
        )


def _check_ranges(config: Simulation, layout: Layout) -> None:
    """Raise InputError for an input range that was given for a tree that the neuron lacks; a preset's may stand."""
    usual = PRESETS[config.preset]().statistics if config.preset in PRESETS else config.statistics
    for name, (low, high) in config.statistics:
        tree = name.rpartition("_")[2]
        given = (low, high) != getattr(usual, name) and (low, high) != (0, 0)
        if given and tree not in layout.coordinates["segment_type"]:
            raise InputError(f"statistics.{name}: given as ({low:g}, {high:g}), but the cell has no {tree} dendrite")


def unfinished(
    out: Path, config: Simulation, morphology: Morphology | None, trials: int | None, busy: Busy
) -> list[int]:
    """Positions of the trials that the store lacks.

    trials: how many it must have, in all or of the configuration's seed; None for any number. The engine may be another
    one, not the method and step. Raises InputError for a store of another configuration or number of trials.
    """
    made_for = _made_for(out)
    _check_same(out, made_for.integration.method(), config.integration.method(), "integration.")
    config = config.model_copy(update={"integration": made_for.integration})
    seeds = store.labels(out)[1].tolist()
    _check_same(out, made_for.model_dump(mode="json"), config.model_dump(mode="json"))
    first = config.model_copy(update={"seed": seeds[0]}).dataset_id(morphology)
    if store.dataset_id(out) != store.id_with_seeds(first, seeds):
        had, asked = (each.model_dump(include=set(BY_CONTENT)) for each in (made_for, config))
        names = [f"{name} {had[name]}, not {asked[name]}" for name in BY_CONTENT if had[name] != asked[name]]
        names = [*other_nmodl(schema.open_dataset(out, "simulation", complete=False), config), *names]
        raise _other(out, next(iter(names), "another content of its morphology, parameter set or input"))
    if trials is not None:
        if config.seed not in seeds:
            raise _other(out, f"seed {seeds[0]}, not {config.seed}")
        if trials not in (len(seeds), seeds.count(config.seed)):
            there = counted(len(seeds), "trial")
            raise InputError(f"{out}: was made for {there}, not {trials}; resume it with that number")
    with busy(f"Looking through {out}"):
        return chunks.unfinished(out)


def other_nmodl(ds: xr.Dataset, config: Simulation) -> list[str]:
    """The user's own mechanisms that are not what they were when `ds` was made, in words, each with its file."""
    if config.lif is not None:
        return []
    had = json.loads(ds.attrs["provenance"]).get("biophysics", {}).get("nmodl", {})
    now = config.parameter_set().nmodl
    gone = [f"with {had[name]['file']}, which is not used now" for name in had if name not in now]
    new = [f"without {source.file}" for name, source in now.items() if name not in had]
    same = [(had[name], source) for name, source in now.items() if name in had]
    return [*(f"another content of {now.file}" for had, now in same if had["text"] != now.text), *gone, *new]


def append(out: Path, config: Simulation, morphology: Morphology | None, trials: int, layout: Layout) -> list[int]:
    """Add pending trials of the configuration's seed to the store; returns their positions.

    Raises InputError where there is not input for so many.
    """
    numbers = store.labels(out)[0]
    before = len(numbers)
    layout.check(int(numbers.max()) + 1 + trials)
    made_by = provenance(morphology, config) | {"integration": config.integration.model_dump()}
    try:
        store.extend(out, trials, config.seed, _source(config), made_by)
    except OSError as error:
        raise schema.unwritten(out, error, "--append again") from error
    return list(range(before, before + trials))


def integrations(out: Path, positions: list[int]) -> list[tuple[Integration, list[int]]]:
    """How trials at these positions, in ascending order, are integrated by what the store says of them."""
    ds = schema.open_dataset(out, "simulation", complete=False)
    begins, how = [0], [_made_for(out).integration]
    for added in json.loads(ds.attrs["provenance"]).get("appended", []):
        begins.append(added["position"])
        how.append(Integration.model_validate(added["integration"]) if "integration" in added else how[0])
    of = [how[int(np.searchsorted(begins, at, "right")) - 1] for at in positions]
    return [(each, [at for at, its in zip(positions, of, strict=True) if its == each]) for each in dict.fromkeys(of)]


def with_engine_of(out: Path, config: Simulation) -> Simulation:
    """The configuration with the engine that the store's last trials have, where it leaves that open."""
    n_trials = len(store.labels(out)[0])
    ((last, _),) = integrations(out, [n_trials - 1])
    if config.integration.engine != "auto" or last.method() != config.integration.method():
        return config
    return config.model_copy(update={"integration": last})


def _check_same(out: Path, had: dict[str, Any], asked: dict[str, Any], outer: str = "") -> None:
    """Raises InputError with the first field that differs."""
    for name, value in asked.items():
        if isinstance(value, dict) and isinstance(had[name], dict) and had[name].keys() == value.keys():
            _check_same(out, had[name], value, f"{outer}{name}.")
        elif outer + name not in ("preset", "seed", *BY_CONTENT) and had[name] != value:
            raise _other(out, f"{outer}{name} {had[name]}, not {value}")


def _made_for(out: Path) -> Simulation:
    """The store's configuration; a field that apical did not have yet stands at its default."""
    had = schema.config_of(schema.open_dataset(out, "simulation", complete=False))
    try:
        return Simulation.model_validate(had)
    except ValidationError as error:
        field = ".".join(map(str, error.errors()[0]["loc"]))
        raise InputError(
            f"{out}: its configuration is of another apical (field '{field}'); give another path"
        ) from error


def _other(out: Path, difference: str) -> InputError:
    return InputError(f"{out}: was made with other settings ({difference}); give those, or another path")


def _source(config: Simulation) -> str:
    by = "" if config.lif else f", engine {config.integration.engine}"
    return f"{config.preset}, seed {config.seed}{by}"
