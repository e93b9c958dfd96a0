"""Fit surrogates to a dataset: trials in, a run folder out of each."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

import torch

from ...simulate.schema import InputError, notebook
from ..device import check_precision, choose_device
from ..processes import joined, started
from .advance import Material, advance
from .board import check_installed
from .laid_out import laid_out
from .live import Source
from .live_plan import LivePlan
from .one_writer import alone_with
from .prepare import prepare
from .progress import Report
from .recipe import FitConfig
from .resident import Resident, fits
from .run import Run
from .run_folder import CARD, check_folder, read_card
from .stores import Data
from .windows import Trials

THREADS_FROM_DISK = 2  # that draw ahead; a batch that is in memory, or laid out, is drawn sooner than it is handed over


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
    folders = [Path(out) for out in outs]
    if resume:
        configs = [_as_started(each, out) for each, out in zip(configs, folders, strict=True)]
    config, torch_device = configs[0], choose_device(device)
    check_precision(config.precision, config.family, torch_device)
    if tensorboard:
        check_installed()
    share = started().share(config.batch)
    of = prepare(configs, data, folders, torch_device, resume=resume, live=live, plan=plan or LivePlan(), say=say)
    train = of.train
    with joined(torch_device) as processes, ExitStack() as held:
        cards = [of.card.model_copy(update={"fit": each}) for each in configs]
        for own, out in zip(cards, folders, strict=True):
            if processes.first:
                held.enter_context(alone_with(out))
                check_folder(own, out, resume=resume, overwrite=overwrite)
        if live is not None:
            live.prepare(len(train.inputs))
        runs = []  # what is refused above leaves no folder behind
        for own, model, out in zip(cards, of.models, folders, strict=True):
            if config.spike_bias_from_rate and config.start_from is None:
                model.set_spike_bias(_log_odds((train if live is None else of.validation).spike_rate))
            if config.spike_bias is not None:
                model.set_spike_bias(config.spike_bias)
            kind = {"resume": resume, "tensorboard": tensorboard}
            runs.append(Run(own, model.to(torch_device), out, processes, of.dendrites, **kind))
        try:
            laid = held.enter_context(laid_out(train, folders[0])) if of.from_disk else None
            train = train if laid is None else laid
            resident = None if of.from_disk or live is not None else _resident(train, torch_device, config, share)
            if say is not None and processes.first:
                for line in filter(None, [*_remarks(runs, resident, torch_device, of.from_disk, laid), of.silence]):
                    say(line)
            threads = THREADS_FROM_DISK if of.from_disk and laid is None else 0
            advance(runs, Material(train, of.validation, share, processes, threads, resident, report, say))
        except InputError:  # of a trial; what there is by then explains itself, and what has no model goes
            for run in runs:
                run.explain([each.attrs for each in of.stores])
            raise
        for run in runs:
            run.explain([each.attrs for each in of.stores])
    return [run.out if run.error is None else run.error for run in runs]


def _as_started(config: FitConfig, out: Path) -> FitConfig:
    """With the share of test trials of a run that is gone on with, unless one is asked for: its default was another."""
    if "test_fraction" in config.model_fields_set or not (out / CARD).exists():
        return config
    return config.model_copy(update={"test_fraction": read_card(out).fit.test_fraction})


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


def _log_odds(rate: float) -> float:
    """Log odds of a rate; of one spike in a million bins where there is none."""
    rate = min(max(rate, 1e-6), 1 - 1e-6)
    return math.log(rate / (1 - rate))
