"""What a run starts from: a new store, one that is there and is to be finished, or one with more trials to it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pydantic import ValidationError

from .. import schema
from ..cell.morphologies import Morphology
from ..config import Simulation
from ..mechanisms.library import Busy
from ..schema import InputError
from ..trial.experiment import Layout
from . import chunks, store
from .provenance import provenance

BY_CONTENT = ("morphology", "biophysics", "input_spikes")  # names; what they stand for is in the dataset_id


def create(
    out: Path, config: Simulation, morphology: Morphology | None, trials: int, layout: Layout, device: str = "cpu"
) -> None:
    """Make the store with every trial pending. device: where engine 'batched' runs, which it says.

    Raises InputError where there is not input for so many.
    """
    layout.check(trials)
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
            provenance=provenance(morphology, config.biophysics) | ({} if device == "cpu" else {"device": device}),
        )


def unfinished(
    out: Path, config: Simulation, morphology: Morphology | None, trials: int | None, busy: Busy
) -> list[int]:
    """Positions of the trials that the store lacks.

    trials: how many it must have, in all or of the configuration's seed; None for any number.
    Raises InputError for a store of another configuration or number of trials.
    """
    had, asked = _made_for(out).model_dump(mode="json"), config.model_dump(mode="json")
    seeds = store.labels(out)[1].tolist()
    for name, value in asked.items():
        if name not in ("preset", "seed", *BY_CONTENT) and had[name] != value:
            raise _other(out, f"{name} {had[name]}, not {value}")
    first = config.model_copy(update={"seed": seeds[0]}).dataset_id(morphology)
    if store.dataset_id(out) != store.id_with_seeds(first, seeds):
        raise _other(out, "another morphology, parameter set or input")
    if trials is not None:
        if config.seed not in seeds:
            raise _other(out, f"seed {seeds[0]}, not {config.seed}")
        if trials not in (len(seeds), seeds.count(config.seed)):
            raise InputError(f"{out}: was made for {len(seeds)} trials, not {trials}; resume it with that number")
    with busy(f"Looking through {out}"):
        return chunks.unfinished(out)


def append(out: Path, config: Simulation, morphology: Morphology | None, trials: int, layout: Layout) -> list[int]:
    """Add pending trials of the configuration's seed to the store; returns their positions.

    Raises InputError where there is not input for so many.
    """
    numbers = store.labels(out)[0]
    before = len(numbers)
    layout.check(int(numbers.max()) + 1 + trials)
    try:
        store.extend(out, trials, config.seed, _source(config), provenance(morphology, config.biophysics))
    except OSError as error:
        raise schema.unwritten(out, error, "--append again") from error
    return list(range(before, before + trials))


def _made_for(out: Path) -> Simulation:
    """The store's configuration; a field that apical did not have yet stands at its default."""
    had = schema.config_of(schema.open_dataset(out, "simulation", complete=False))
    try:
        return Simulation.model_validate(had)
    except ValidationError as error:
        field = ".".join(map(str, error.errors()[0]["loc"]))
        raise InputError(
            f"{out}: its configuration is of another apical (field '{field}'); give --overwrite, or another path"
        ) from error


def _other(out: Path, difference: str) -> InputError:
    return InputError(f"{out}: was made with other settings ({difference}); give --overwrite, or another path")


def _source(config: Simulation) -> str:
    return f"{config.preset}, seed {config.seed}"
