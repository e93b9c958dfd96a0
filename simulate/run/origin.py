"""The experiment that a dataset came from, found and seen to be the same, so that its trials can be simulated again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import xarray as xr
from pydantic import ValidationError

from .. import schema
from ..cell import morphologies
from ..cell.morphologies import Morphology
from ..config import Simulation
from ..schema import InputError
from . import store
from .preparation import BY_CONTENT, other_nmodl
from .spread import Place


def configuration(data: Path, ds: xr.Dataset, moved: Mapping[str, str]) -> tuple[Simulation, Morphology | None]:
    """The configuration that made the simulation `ds` at `data`, and its morphology.

    moved: paths of morphology, biophysics, mechanisms or input_spikes, where its own are gone.
    Raises InputError where apical did not simulate it, or for a file that is not there or has another content.
    """
    made_by = schema.config_of(ds)
    if "preset" not in made_by:
        whose = made_by.get("made_by", "another program")
        raise InputError(f"{data}: was made by {whose}, not simulated by apical; give one that `apical simulate` made")
    try:
        config = Simulation.model_validate(made_by | dict(moved))
    except ValidationError as error:
        field = ".".join(map(str, error.errors()[0]["loc"]))
        raise InputError(
            f"{data}: its configuration is of another apical (field '{field}'); simulate it anew"
        ) from error
    seeds = store.labels(data)[1].tolist()
    try:
        morphology = morphologies.resolve(config.morphology) if config.lif is None else None
        first_id = config.model_copy(update={"seed": seeds[0]}).dataset_id(morphology)
    except InputError as error:
        where = "give where the file is now with --morphology, --biophysics, --mechanisms or --input-spikes"
        raise InputError(f"{data}: cannot be simulated again ({error}); {where}") from error
    if store.id_with_seeds(first_id, seeds) != ds.attrs["dataset_id"]:
        raise InputError(f"{data}: was made from {_difference(ds, config, morphology)}; give the one it was made from")
    return config, morphology


def places(data: Path, ds: xr.Dataset, numbers: list[int] | None) -> tuple[np.ndarray, list[Place]]:
    """Positions in `ds` of the trials of these numbers, or of all finished ones, and what fixes the input of each.

    A place's own position is that in a store of these trials alone. Raises InputError for one that is not there.
    """
    status = schema.read(ds, "trial_status")
    trials, seeds = (each.tolist() for each in store.labels(data))
    position = {trial: at for at, trial in enumerate(trials) if status[at] == schema.DONE}
    chosen = list(position if numbers is None else dict.fromkeys(numbers))
    for number in chosen:
        if number not in position:
            raise InputError(f"{data}: has no finished trial {number}; `apical inspect` lists its trials")
    if not chosen:
        raise InputError(f"{data}: no finished trial to simulate again")
    positions = [position[number] for number in chosen]
    return np.array(positions), [Place(at, trials[p], seeds[p]) for at, p in enumerate(positions)]


def _difference(ds: xr.Dataset, config: Simulation, morphology: Morphology | None) -> str:
    """What is not as it was, as far as the dataset tells."""
    provenance = json.loads(ds.attrs["provenance"])
    had = provenance.get("morphology", {}).get("sha256")
    if morphology is not None and had not in (None, morphology.sha256):
        return f"another morphology than {morphology.path} (sha256 {had[:8]}…, not {morphology.sha256[:8]}…)"
    if other := other_nmodl(ds, config):
        return other[0]
    given = [str(getattr(config, name)) for name in BY_CONTENT[1:] if getattr(config, name)]
    return f"another content of {' or '.join(given)}, or by another apical"
