"""Fit surrogates to a dataset: trials in, a run folder out of each."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from copy import deepcopy
from itertools import compress, groupby
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import xarray as xr

from ...simulate.schema import InputError, notebook, read
from ..device import check_precision, choose_device
from ..models.cost import n_parameters
from ..models.dendritic_branches import branches_of
from ..models.elm import N_BRANCHES
from ..models.families import AnyConfig, configure
from ..processes import Processes, joined, started
from ..provenance import provenance
from .board import check_installed
from .dendrites import DendriteComponents, fit_components
from .laid_out import laid_out
from .live import Rolling, Schedule, Source, check_plan, split_held_out
from .live_plan import LiveCard, LivePlan
from .one_writer import alone_with
from .recipe import FitConfig
from .resident import Resident, fits
from .rollout import overlap_ms_of
from .run import Run
from .run_folder import CARD, FittedTo, RunCard, check_folder, read_card
from .scaling import VoltageScaling
from .split import Split, split_trials
from .stack import Stack
from .start import start
from .step import make_optimizer
from .steps import DeviceSteps, HostSteps, Training
from .stores import Data, check_live, open_stores, paths_of
from .teacher import open_teacher, taught
from .validation import validate
from .weight_average import WeightAverage
from .windows import SETTLING_MS, Trials, check_window, finished_trials, load_joined, positions_of

IN_MEMORY_TRIALS_MS = {  # more stays on disk
    "cpu": 10_000_000,  # 2.8 hours of trials, 0.4 GB
    "cuda": 100_000_000,  # 28 hours, 4 GB: from memory they go to the GPU's
}
THREADS_FROM_DISK = 2  # that draw ahead; a batch that is in memory, or laid out, is drawn sooner than it is handed over


class FitProgress(NamedTuple):
    """Where a fit stands; of several models together, their means."""

    step: int  # steps done
    steps: int  # of so many
    loss: float
    validation_rmse_mv: float  # of the last validation; NaN before the first
    validation_roc_auc: float

    def in_words(self) -> str:
        """Loss, and the last validation where there was one, two spaces apart.

        >>> FitProgress(1, 9, 0.5, math.nan, math.nan).in_words(), FitProgress(2, 9, 0.5, 1.5, 0.9).in_words()
        ('loss 0.500', 'loss 0.500  val 1.50 mV  AUC 0.900')
        """
        parts = [f"loss {self.loss:.3f}"]
        if not math.isnan(self.validation_rmse_mv):
            parts.append(f"val {self.validation_rmse_mv:.2f} mV")
        if not math.isnan(self.validation_roc_auc):
            parts.append(f"AUC {self.validation_roc_auc:.3f}")
        return "  ".join(parts)


Report = Callable[[FitProgress], None]


def fit(
    config: FitConfig | None,
    data: Data | None,
    out: str | Path,
    *,
    device: str = "auto",
    resume: bool = False,
    overwrite: bool = False,
    tensorboard: bool = False,
    report: Report | None = None,
    say: Callable[[str], None] | None = None,
    live: Source | None = None,
    plan: LivePlan | None = None,
) -> Path:
    """Fit the model that `config` describes to the simulation at `data`, and return the run folder `out`.

    config: such as `quick` and `paper` return. data: path of a simulation, or of several of one cell and layout: trials
    of each are in every part of the split, those that a fit to it alone would hold out. out: path of the run. With
    resume, None for config or data is what the run was started with.
    device: auto, cpu or cuda. resume: go on with the run in `out`, where there is one; on a CPU the result is that of
    a run that was never stopped, bit for bit. overwrite: replace it. tensorboard: write the log for TensorBoard too.
    report: called after every step, on a GPU after every hundredth and at validations; in a notebook, a bar shows them
    where it is not given. say: called with how the model is computed here, and what a user should know.
    live: makes trials to learn from while the fit goes on, such as an entered `LiveTrials`; `data` is then what it held
    out. plan: how many are in memory, and how often each is seen.
    Started by `torchrun`, each process takes its share of every batch, and the first one writes.
    Raises InputError for a dataset that does not suit, an `out` that exists, or a loss that is no longer a number.
    """
    if config is None or data is None:
        if not resume:
            raise InputError(f"{out}: a fit takes settings and a dataset; only a run that is resumed knows its own")
        card = read_card(Path(out))
        config, data = config or card.fit, data or card.datasets
        if card.live is not None:
            plan = plan or card.live.plan
            if live is None:
                raise InputError(f"{out}: was fitted to trials made live; give `live`, which makes them again")
    if report is None and notebook.in_notebook():
        shown = notebook.Bar(f"Fitting {config.family} {config.size}", "steps")
        report = lambda progress: shown(progress.step, progress.steps, progress.in_words())  # noqa: E731
    (run,) = fit_together(
        [config],
        data,
        [out],
        device=device,
        resume=resume,
        overwrite=overwrite,
        tensorboard=tensorboard,
        report=report,
        say=say,
        live=live,
        plan=plan,
    )
    if isinstance(run, InputError):
        raise run
    return run


def fit_together(
    configs: Sequence[FitConfig],
    data: Data,
    outs: Sequence[str | Path],
    *,
    device: str = "auto",
    resume: bool = False,
    overwrite: bool = False,
    tensorboard: bool = False,
    report: Report | None = None,
    say: Callable[[str], None] | None = None,
    live: Source | None = None,
    plan: LivePlan | None = None,
) -> list[Path | InputError]:
    """As `fit`, for models that differ in nothing but the seed, as one stack where their family can be stacked.

    Returns for each its run folder, or the error of a loss that is no longer a number, which stops no other model.
    """
    if any(config.model_copy(update={"seed": configs[0].seed}) != configs[0] for config in configs):
        raise InputError("models that are fitted together may differ in their seed only")
    if resume:
        configs = [_as_started(each, Path(out)) for each, out in zip(configs, outs, strict=True)]
    config, torch_device = configs[0], choose_device(device)
    check_precision(config.precision, config.family, torch_device)
    if tensorboard:
        check_installed()
    stores, plan = open_stores(data), plan or LivePlan()
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
    models, started_from = start(_model_config(config, ds), configs, list(map(Path, outs)), splits, resume=resume)
    check_window(ds.sizes["time_ms"], config.window_ms, overlap_ms_of(models[0], config.burn_in_ms))
    teacher = _teacher(config, stores, fitted_to, live)
    training, held_out = (
        [(each, getattr(of.split, part)) for each, of in zip(stores, fitted_to, strict=True)]
        for part in ("train", "validation")
    )
    share = started().share(config.batch)
    with joined(torch_device) as processes, ExitStack() as held:
        scaling = VoltageScaling()
        dendrites = _dendrites(config, training)
        most_ms = IN_MEMORY_TRIALS_MS[torch_device.type]
        from_disk = sum(len(numbers) for _, numbers in training) * ds.sizes["time_ms"] > most_ms
        validation = load_joined(held_out, scaling, from_disk=from_disk)
        if live is None:
            train = load_joined(
                training, scaling, dendrites, from_disk=from_disk, spike_jitter_ms=config.spike_jitter_ms
            )
            if teacher is not None:
                train = taught(train, teacher, fitted_to[0].split.train, config.teacher_share, scaling)
        else:
            check_plan(plan, validation, live)
            schedule = Schedule(plan, steps=config.steps, batch=config.batch, seed=config.seed)
            sign_s, duration_ms = read(ds, "synapse_sign"), ds.sizes["time_ms"]
            train = Rolling(live, schedule, plan, sign_s, duration_ms, config.spike_jitter_ms, say).trials
        silent = not any(spike_t[SETTLING_MS:].any() for spike_t in validation.spike_bt)
        if silent and config.chosen_by == "auc":
            raise InputError(f"{_silence(paths_of(data), validation)}; choose by rmse, or hold out more trials")
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
            provenance=provenance(torch_device),
        )
        cards = [card.model_copy(update={"fit": each}) for each in configs]
        for own, out in zip(cards, map(Path, outs), strict=True):
            if processes.first:
                held.enter_context(alone_with(out))
                check_folder(own, out, resume=resume, overwrite=overwrite)
        if live is not None:
            live.prepare(len(train.inputs))
        runs = []  # what is refused above leaves no folder behind
        for own, model, out in zip(cards, models, map(Path, outs), strict=True):
            if config.spike_bias_from_rate and config.start_from is None:
                model.set_spike_bias(_log_odds((train if live is None else validation).spike_rate))
            if config.spike_bias is not None:
                model.set_spike_bias(config.spike_bias)
            kind = {"resume": resume, "tensorboard": tensorboard}
            runs.append(Run(own, model.to(torch_device), out, processes, dendrites, **kind))
        laid = held.enter_context(laid_out(train, Path(outs[0]))) if from_disk else None
        train = train if laid is None else laid
        resident = None if from_disk or live is not None else _resident(train, torch_device, config, share)
        if say is not None and processes.first:
            for line in _remarks(runs, resident, torch_device, from_disk, laid):
                say(line)
            if silent:
                say(_silence(paths_of(data), validation))
        threads = THREADS_FROM_DISK if from_disk and laid is None else 0
        try:
            _advance(runs, _Material(train, validation, share, processes, threads, resident, report, say))
        except InputError:  # of a trial; what there is by then explains itself, and what has no model goes
            for run in runs:
                run.explain([each.attrs for each in stores])
            raise
        for run in runs:
            run.explain([each.attrs for each in stores])
    return [run.out if run.error is None else run.error for run in runs]


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


def _as_started(config: FitConfig, out: Path) -> FitConfig:
    """With the share of test trials of a run that is gone on with, unless one is asked for: its default was another."""
    if "test_fraction" in config.model_fields_set or not (out / CARD).exists():
        return config
    return config.model_copy(update={"test_fraction": read_card(out).fit.test_fraction})


class _Material(NamedTuple):
    """What runs are taken through."""

    train: Trials
    validation: Trials
    share: slice  # of each batch
    processes: Processes
    threads: int  # that draw ahead
    resident: Resident | None  # the training trials, where they lie on a GPU
    report: Report | None
    say: Callable[[str], None] | None


def _advance(runs: list[Run], material: _Material) -> None:
    """Take all runs to their end; those at the same step go on together."""
    while going := [run for run in runs if not run.ended]:
        step = min(run.step for run in going)
        ahead = [run for run in runs if run.step > step]
        until = min([run.step for run in ahead], default=going[0].config.steps)
        _advance_together([run for run in runs if run in going or run in ahead], range(step, until), material)


def _advance_together(runs: list[Run], steps: range, material: _Material) -> None:
    """Take those runs that are at the first of `steps` through them, or to where one of them ends.

    What is computed of one model depends, in its last digit, on how many are computed with it. So a run that has been
    there before, as after a kill between two folders, is in the stack by a copy that is not kept.
    """
    config, processes = runs[0].config, material.processes
    at = [run.step == steps.start for run in runs]
    models = [run.model if here else deepcopy(run.model) for run, here in zip(runs, at, strict=True)]
    optimizers = [
        run.optimizer if here else make_optimizer(config, model)
        for run, model, here in zip(runs, models, at, strict=True)
    ]
    means = [run.average if here else deepcopy(run.average) for run, here in zip(runs, at, strict=True)]
    seeds, stack = [run.config.seed for run in runs], Stack(models)
    averages = [WeightAverage(mean, model) for mean, model in zip(means, models, strict=True) if mean is not None]
    training = Training(stack, optimizers, config, seeds, material.train, material.share, processes, averages)
    taken: HostSteps | DeviceSteps
    if material.resident is None:
        taken = HostSteps(training, steps, threads=material.threads)
    else:
        taken = DeviceSteps(training, material.resident, material.say if processes.first else None)
    with closing(taken):
        for some in _between_validations(steps, taken.at_once, config.validate_every):
            losses = taken.take(some)
            for run, own in compress(zip(runs, zip(*losses, strict=True), strict=True), at):
                for loss in own:
                    run.stepped(loss)
                if run.validation_is_due:
                    scores = (0.0, 0.0)
                    if processes.first:
                        scores = validate(run.scored, material.validation, run.card.scaling)
                    run.validated(*processes.agree(scores))
            if material.report is not None and processes.first:
                material.report(_progress([*compress(runs, at)]))
            if any(run.ended for run in compress(runs, at)):
                return


def _between_validations(steps: range, at_once: int, validate_every: int) -> Iterator[range]:
    """`steps` in parts of `at_once` at most, each of which ends where a validation is due, if one is.

    >>> list(_between_validations(range(3, 11), 4, 5))
    [range(3, 5), range(5, 9), range(9, 10), range(10, 11)]
    """
    start = steps.start
    while start < steps.stop:
        due = start - start % validate_every + validate_every
        yield range(start, start := min(start + at_once, due, steps.stop))


def _progress(runs: Sequence[Run]) -> FitProgress:
    losses, rmses_mv, aucs = zip(*((run.loss, *run.last[2:4]) for run in runs), strict=True)
    means = (sum(values) / len(runs) for values in (losses, rmses_mv, aucs))
    return FitProgress(runs[0].step, runs[0].config.steps, *means)


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


def _resident(train: Trials, device: torch.device, config: FitConfig, share: slice) -> Resident | None:
    """The training trials on the GPU; None where there is none, or they are too many."""
    if device.type != "cuda" or not fits(train, device):
        return None
    return Resident(train, device, window_ms=config.window_ms, batch=len(range(config.batch)[share]))


def _remarks(
    runs: Sequence[Run], resident: Resident | None, device: torch.device, from_disk: bool, laid: Trials | None
) -> list[str]:
    """How the models are computed, and from where."""
    together = [f"{len(runs)} models together"] if len(runs) > 1 else []
    too_many = device.type == "cuda" and not resident and runs[0].card.live is None
    drawn = ["too many trials for the GPU's memory: the processor draws"] if too_many else []
    if from_disk:
        how = "laid out on disk until the fit ends" if laid else "unpacked again for each window: the disk has no room"
        drawn.append(f"trials {how}")
    how = ", ".join([*filter(None, [runs[0].model.how]), *together, *drawn])
    return [how] if how else []


def _silence(data: list[str], validation: Trials) -> str:
    n = len(validation.inputs)
    return f"{', '.join(data)}: no output spike in its validation trials ({n}): their ROC-AUC is nan"


def _runs_of(sign_s: np.ndarray) -> list[tuple[int, int]]:
    """Runs of equal sign: (sign, how many), in order."""
    return [(sign, len(list(run))) for sign, run in groupby(sign_s.tolist())]


def _log_odds(rate: float) -> float:
    """Log odds of a rate; of one spike in a million bins where there is none."""
    rate = min(max(rate, 1e-6), 1 - 1e-6)
    return math.log(rate / (1 - rate))
