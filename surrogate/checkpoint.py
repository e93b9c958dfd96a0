"""A fitted model that stands for the cell, read from the folder of a run or from a published checkpoint."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from ..simulate.schema import InputError
from .cost import n_parameters
from .models import assemble
from .network import Network
from .published import DATASET, read_published_elm
from .run_folder import CARD, WEIGHTS, read_card
from .scaling import VoltageScaling
from .split import Split


@dataclass(frozen=True)
class Surrogate:
    """Network in evaluation mode, voltage scaling, and where both come from."""

    model: Network
    scaling: VoltageScaling
    name: str
    family: str
    size: int | str
    seed: int | None
    run: str  # its folder
    trained_on: str  # dataset_id of its training data
    split: Split | None = None  # of that dataset; None where it is not known

    def check_inputs(self, n_inputs: int, dataset: str | Path) -> None:
        """Raise InputError where a dataset has another number of synapses than the model reads."""
        if n_inputs != self.model.n_inputs:
            raise InputError(
                f"{self.run}: checkpoint expects {self.model.n_inputs} inputs, dataset has {n_inputs} ({dataset}): "
                "choose a dataset of the cell that it was fitted on"
            )

    def describe(self) -> dict[str, object]:
        """What a prediction says of the model that made it."""
        told = {key: getattr(self, key) for key in ("name", "family", "size", "seed", "run", "trained_on")}
        return told | {"n_parameters": n_parameters(self.model)}


def load_run(folder: str | Path, device: torch.device | str = "cpu") -> Surrogate:
    """The best model of a run.

    Raises InputError where the folder is not a run, or its weights are missing, damaged or of another model.
    """
    folder = Path(folder)
    card = read_card(folder)
    path = folder / WEIGHTS
    if not path.exists():
        raise InputError(f"{path}: not there yet; finish the run with `apical fit … --resume`")
    model = assemble(card.model)
    try:
        model.load_state_dict(load_file(path))
    except (SafetensorError, RuntimeError, OSError) as error:
        raise InputError(f"{path}: damaged, or not the weights that {CARD} describes; fit the run again") from error
    return Surrogate(
        model.to(device).eval(),
        card.scaling,
        name=f"{card.fit.family}-{card.fit.size}",
        family=card.fit.family,
        size=card.fit.size,
        seed=card.fit.seed,
        run=str(folder),
        trained_on=card.dataset_id,
        split=card.split,
    )


def load_published_elm(folder: str | Path, device: torch.device | str = "cpu") -> Surrogate:
    """A checkpoint of the ELM paper's authors: model_config.json and one *_state.pt.

    Raises InputError where either is missing, foreign or unreadable, or where reading it would run code.
    """
    folder = Path(folder)
    model = read_published_elm(folder)
    return Surrogate(
        model.to(device).eval(),
        VoltageScaling(),
        name=folder.resolve().name,
        family="elm",
        size=model.config.d_m,
        seed=None,
        run=str(folder),
        trained_on=DATASET,
    )
