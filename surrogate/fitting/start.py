"""What a fit starts from: new weights, or those of another run, whose least branches may be left out."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import NamedTuple

from safetensors import SafetensorError
from safetensors.torch import load_file

from ...simulate.schema import InputError, shown
from ..models.elm import ELM
from ..models.families import AnyConfig, assemble
from ..models.network import Network
from ..models.pruning import pruned
from .recipe import FitConfig
from .run_folder import CARD, STATE, WEIGHTS, RunCard, read_card
from .split import Split

OF_PRUNING = "kept_branches"


def kept_model(folder: Path) -> tuple[RunCard, Network]:
    """What a run says of itself, and the best model that it came to.

    Raises InputError where the folder is not a run, or its weights are missing, damaged or of another model.
    """
    card, path = read_card(folder), folder / WEIGHTS
    if not path.exists():
        raise InputError(f"{path}: not there yet; finish the run with `apical fit … --resume`")
    model = assemble(card.model)
    try:
        model.load_state_dict(load_file(path))
    except (SafetensorError, RuntimeError, OSError) as error:
        raise InputError(f"{path}: damaged, or not the weights that {CARD} describes; fit the run again") from error
    return card, model


class Start(NamedTuple):
    """The models that are fitted, and which weights they had: the SHA-256 of a run's, or None of new ones."""

    models: list[Network]
    weights: str | None


def start(
    described: AnyConfig,
    configs: Sequence[FitConfig],
    outs: Sequence[Path],
    splits: Mapping[str, Split],
    *,
    resume: bool,
) -> Start:
    """The models of a fit, one for each of `configs`, which differ in their seed only.

    described: the model that they ask for. outs: their folders; runs that go on are what they were. splits: of the
    datasets to fit to, by their ids.
    Raises InputError where the run to start from cannot be read, is of another model, or learned from a trial that is
    held out here, and where no branch can be left out of it.
    """
    config = configs[0]
    if config.start_from is None:
        if config.keep_branches is not None:
            raise InputError("keep_branches: branches are left out of a model that was fitted; give start_from too")
        return Start([assemble(described, each.seed) for each in configs], None)
    if resume and all((out / STATE).exists() for out in outs):
        cards = [read_card(out) for out in outs]
        return Start([assemble(card.model) for card in cards], cards[0].started_from)
    folder = Path(config.start_from)
    card, model = kept_model(folder)
    _check_same_model(config, described, model)
    _check_held_out(folder, card, splits)
    if config.keep_branches is not None:
        if not isinstance(model, ELM) or model.config.n_branches is None or model.config.routing == "dendrites":
            raise InputError(f"keep_branches: {folder} has no branches of which some can be left out")
        if config.keep_branches >= model.n_branches:
            raise InputError(f"keep_branches is {config.keep_branches}: {folder} has {model.n_branches}; keep fewer")
        model = pruned(model, config.keep_branches)
    weights = hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()
    return Start([deepcopy(model) for _ in configs], weights)


def _check_same_model(config: FitConfig, described: AnyConfig, model: Network) -> None:
    had, asked = model.config.model_dump(), described.model_dump()
    for name in sorted(had.keys() | asked.keys()):
        if name != OF_PRUNING and had.get(name) != asked.get(name):
            raise InputError(
                f"start_from: {config.start_from} has {name} = {shown(had.get(name))}, this fit asks for "
                f"{shown(asked.get(name))}; give the same model, size and options"
            )


def _check_held_out(folder: Path, card: RunCard, splits: Mapping[str, Split]) -> None:
    """Raise InputError where the run learned from what is held out of this fit."""
    for dataset_id, then in card.splits.items():
        now = splits.get(dataset_id)
        seen = sorted({*then.train} & {*now.validation, *now.test}) if now is not None else []
        if seen:
            raise InputError(
                f"start_from: {folder} learned from trial {seen[0]}, which is held out here; give the split_seed and "
                "fractions that it has"
            )
