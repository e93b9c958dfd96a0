"""What a fit goes from: its data opened, checked and split, its models made, its trials loaded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import xarray as xr

from ...simulate.schema import InputError, read
from ..models.cost import n_parameters
from ..models.dendritic_branches import branches_of
from ..models.elm import N_BRANCHES
from ..models.families import AnyConfig, configure
from ..models.network import Network
from ..processes import started
from ..provenance import provenance
from .dendrites import DendriteComponents, fit_components
from .live import Rolling, Schedule, Source, check_plan, split_held_out
from .live_plan import LiveCard, LivePlan
from .recipe import FitConfig
from .rollout import overlap_ms_of
from .run_folder import FittedTo, RunCard
from .scaling import VoltageScaling
from .split import Split, split_trials
from .start import start
from .stores import Data, check_live, open_stores, paths_of
from .teacher import open_teacher, taught
from .windows import SETTLING_MS, Trials, check_window, finished_trials, load_joined, positions_of

IN_MEMORY_TRIALS_MS = {  # more stays on disk
    "cpu": 10_000_000,  # 2.8 hours of trials, 0.4 GB
    "cuda": 100_000_000,  # 28 hours, 4 GB: from memory they go to the GPU's
}


class Prepared(NamedTuple):
    """All that there is before the first step."""

    stores: list[xr.Dataset]
    models: list[Network]
    train: Trials
    validation: Trials
    dendrites: DendriteComponents | None
    card: RunCard  # of the first model
    from_disk: bool  # whether the trials are left there
    silence: str  # what is to be said where no validation trial has a spike, else ""


def prepare(
    configs: Sequence[FitConfig],
    data: Data,
    outs: Sequence[Path],
    device: torch.device,
    *,
    resume: bool,
    live: Source | None,
    plan: LivePlan,
    say: Callable[[str], None] | None,
) -> Prepared:
    """Everything for a fit of models that differ in their seed only, as `fit_together` is asked for it.

    Nothing is written. Raises InputError for a dataset, a start, a teacher or a plan that does not suit.
    """
    config, stores = configs[0], open_stores(data)
    ds = stores[0]
    if live is not None:
        if len(configs) + len(stores) + started().count > 3:
            raise InputError("a live fit is of one model, in one process, with one store of what is held out")
        check_live(paths_of(data)[0], ds, live.settings)
        if config.dendrite_components:
            raise InputError("dendrite_components: a live fit has no voltages of dendrites; fit to a dataset")
    fitted_to = [
        FittedTo(
            dataset=path,
            dataset_id=each.attrs["dataset_id"],
            split=_split(config, path, each) if live is None else split_held_out(finished_trials(each), plan, path),
        )
        for path, each in zip(paths_of(data), stores, strict=True)
    ]
    splits = {of.dataset_id: of.split for of in fitted_to}
    models, started_from = start(_model_config(config, ds), configs, outs, splits, resume=resume)
    check_window(ds.sizes["time_ms"], config.window_ms, overlap_ms_of(models[0], config.burn_in_ms))
    teacher = _teacher(config, stores, fitted_to, live)
    training, held_out = (
        [(each, getattr(of.split, part)) for each, of in zip(stores, fitted_to, strict=True)]
        for part in ("train", "validation")
    )
    scaling, dendrites = VoltageScaling(), _dendrites(config, training)
    from_disk = sum(len(numbers) for _, numbers in training) * ds.sizes["time_ms"] > IN_MEMORY_TRIALS_MS[device.type]
    validation = load_joined(held_out, scaling, from_disk=from_disk)
    if live is None:
        train = load_joined(training, scaling, dendrites, from_disk=from_disk, spike_jitter_ms=config.spike_jitter_ms)
        if teacher is not None:
            train = taught(train, teacher, fitted_to[0].split.train, config.teacher_share, scaling)
    else:
        check_plan(plan, validation, live)
        schedule = Schedule(plan, steps=config.steps, batch=config.batch, seed=config.seed)
        sign_s, duration_ms = read(ds, "synapse_sign"), ds.sizes["time_ms"]
        train = Rolling(live, schedule, plan, sign_s, duration_ms, config.spike_jitter_ms, say).trials
    silent = not any(spike_t[SETTLING_MS:].any() for spike_t in validation.spike_bt)
    silence = _silence(paths_of(data), validation) if silent else ""
    if silent and config.chosen_by == "auc":
        raise InputError(f"{silence}; choose by rmse, or hold out more trials")
    card = RunCard(
        fit=config,
        model=models[0].config,
        n_parameters=n_parameters(models[0]),
        scaling=scaling,
        **dict(fitted_to[0]),
        also=fitted_to[1:],
        live=None if live is None else _live_card(live, plan, train),
        started_from=started_from,
        teacher_id=None if teacher is None else teacher.attrs["dataset_id"],
        input_signs=_runs_of(read(ds, "synapse_sign")),
        provenance=provenance(device),
    )
    return Prepared(stores, models, train, validation, dendrites, card, from_disk, silence)


def _split(config: FitConfig, path: str, ds: xr.Dataset) -> Split:
    fractions = config.validation_fraction, config.test_fraction, config.train_fraction
    return split_trials(finished_trials(ds), config.split_seed, *fractions, where=f"{path}: ")


def _teacher(
    config: FitConfig, stores: list[xr.Dataset], fitted_to: list[FittedTo], live: Source | None
) -> xr.Dataset | None:
    """The prediction whose targets are mixed in, if one is."""
    if config.teacher is None:
        return None
    if live is not None or len(stores) > 1:
        raise InputError("teacher: is a prediction of one dataset; fit to that one alone, and not live")
    return open_teacher(config.teacher, stores[0], fitted_to[0].split)


def _live_card(live: Source, plan: LivePlan, train: Trials) -> LiveCard:
    return LiveCard(config=live.settings, dataset_id=live.dataset_id, plan=plan, trials=len(train.inputs))


def _model_config(config: FitConfig, ds: xr.Dataset) -> AnyConfig:
    options: dict[str, object] = dict(config.options)
    if config.dendrite_components:
        if config.family != "tcn":
            raise InputError(f"dendrite_components is {config.dendrite_components}: only a tcn has a head for them")
        options["n_dendrite_components"] = config.dendrite_components
    n_branches = options.get("n_branches", N_BRANCHES)
    if options.get("routing") == "dendrites" and isinstance(n_branches, int) and n_branches > 0:
        branch_of_input = branches_of(ds, n_branches)
        options |= {"branch_of_input": branch_of_input, "n_branches": max(branch_of_input) + 1}
    return configure(config.family, config.size, ds.sizes["synapse"], **options)


def _dendrites(config: FitConfig, training: list[tuple[xr.Dataset, list[int]]]) -> DendriteComponents | None:
    """The components that are fitted too, of the training trials."""
    if not config.dendrite_components:
        return None
    placed = ((ds, positions_of(ds, numbers)) for ds, numbers in training)
    return fit_components(placed, config.dendrite_components)


def _silence(data: list[str], validation: Trials) -> str:
    n = len(validation.inputs)
    return f"{', '.join(data)}: no output spike in its validation trials ({n}): their ROC-AUC is nan"


def _runs_of(sign_s: np.ndarray) -> list[tuple[int, int]]:
    """Runs of equal sign: (sign, how many), in order."""
    return [(sign, len(list(run))) for sign, run in groupby(sign_s.tolist())]
