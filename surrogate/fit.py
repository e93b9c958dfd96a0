"""Fit one surrogate to one dataset: trials in, run folder out."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch
import xarray as xr
from safetensors.torch import save_file

from ..simulate.schema import InputError, open_dataset
from .cost import n_parameters
from .dendrites import DendriteComponents, fit_components
from .device import choose_device
from .models import AnyConfig, assemble, configure
from .network import Network
from .provenance import provenance
from .recipe import FitConfig
from .rollout import overlap_ms_of
from .run_folder import DENDRITES, STATE, WEIGHTS, LogRow, RunCard, prepare_folder, write_atomically, write_log
from .scaling import VoltageScaling
from .split import split_trials
from .tensors import read_tensors
from .training import make_optimizer, train_step
from .validation import validate
from .windows import Trials, check_window, finished_trials, load_trials, positions_of


class FitProgress(NamedTuple):
    """Where a fit stands, after each step."""

    step: int  # steps done
    steps: int  # of so many
    loss: float
    validation_rmse_mv: float  # of the last validation; NaN before the first
    validation_roc_auc: float


def fit(
    config: FitConfig,
    data: str | Path,
    out: str | Path,
    *,
    device: str = "auto",
    resume: bool = False,
    overwrite: bool = False,
    report: Callable[[FitProgress], None] | None = None,
    say: Callable[[str], None] | None = None,
) -> Path:
    """Fit the model that `config` describes to the simulation at `data`, and return the run folder `out`.

    device: auto, cpu or cuda. resume: go on with the run in `out`, where there is one; on a CPU the result is that of
    a run that was never stopped, bit for bit. overwrite: replace it. report: called after every step. say: called once,
    with how the model is computed here.
    Raises InputError for a dataset that does not suit, an `out` that exists, or a loss that is no longer a number.
    """
    torch_device, out = choose_device(device), Path(out)
    ds = open_dataset(data, "simulation")
    model = assemble(_model_config(config, ds.sizes["synapse"]), config.seed).to(torch_device)
    check_window(ds.sizes["time_ms"], config.window_ms, overlap_ms_of(model, config.burn_in_ms))
    card = RunCard(
        fit=config,
        model=model.config,
        n_parameters=n_parameters(model),
        scaling=VoltageScaling(),
        split=split_trials(finished_trials(ds), config.split_seed, config.validation_fraction, config.test_fraction),
        dataset=str(data),
        dataset_id=ds.attrs["dataset_id"],
        provenance=provenance(torch_device),
    )
    train, validation, dendrites = _load(card, ds)  # first: what is refused leaves no folder behind
    prepare_folder(card, out, resume=resume, overwrite=overwrite)
    if say is not None and model.how:
        say(model.how)
    if dendrites is not None:
        write_atomically(out / DENDRITES, dendrites.save)

    if config.spike_bias_from_rate:
        model.set_spike_bias(_log_odds(float(train.spike_bt.mean())))
    optimizer = make_optimizer(config, model)
    step, log = _restore(out, model, optimizer)
    losses: list[float] = []
    last = log[-1] if log else LogRow(0, math.nan, math.nan, math.nan, 0.0)
    started = time.monotonic() - last.seconds
    while step < config.steps:
        losses.append(train_step(model, optimizer, train, config, step))
        step += 1
        _check_number("loss", losses[-1], step, last, out)
        if step % config.validate_every == 0 or step == config.steps:
            scores = validate(model, validation, card.scaling)
            _check_number("validation RMSE", scores.rmse_mv, step, last, out)
            seconds = round(time.monotonic() - started, 2)
            last = LogRow(step, sum(losses) / len(losses), *scores, seconds)
            if all(last.validation_rmse_mv < row.validation_rmse_mv for row in log):
                write_atomically(out / WEIGHTS, lambda path: save_file(_on_cpu(model), path))
            log.append(last)
            _save_state(out, model, optimizer, step, log)
            losses.clear()
        if report is not None:
            loss = losses[-1] if losses else last.loss
            report(FitProgress(step, config.steps, loss, last.validation_rmse_mv, last.validation_roc_auc))
    return out


def _model_config(config: FitConfig, n_inputs: int) -> AnyConfig:
    options = dict(config.options)
    if config.dendrite_components:
        if config.family != "tcn":
            raise InputError(f"dendrite_components is {config.dendrite_components}: only a tcn has a head for them")
        options["n_dendrite_components"] = config.dendrite_components
    return configure(config.family, config.size, n_inputs, **options)


def _load(card: RunCard, ds: xr.Dataset) -> tuple[Trials, Trials, DendriteComponents | None]:
    """Training and validation trials; the test trials stay on disk."""
    dendrites = None
    if card.fit.dendrite_components:
        dendrites = fit_components(ds, positions_of(ds, card.split.train), card.fit.dendrite_components)
    train = load_trials(ds, card.split.train, card.scaling, dendrites)
    return train, load_trials(ds, card.split.validation, card.scaling), dendrites


def _log_odds(rate: float) -> float:
    """Log odds of a rate; of one spike in a million bins where there is none."""
    rate = min(max(rate, 1e-6), 1 - 1e-6)
    return math.log(rate / (1 - rate))


def _check_number(what: str, value: float, step: int, last: LogRow, out: Path) -> None:
    if not math.isfinite(value):
        kept = f"the best model up to step {last.step} is kept" if last.step else "no model was kept"
        raise InputError(f"{out}: {what} is {value} at step {step}; {kept}; fit again with a lower learning_rate")


def _on_cpu(model: Network) -> dict[str, torch.Tensor]:
    return {name: tensor.cpu().contiguous() for name, tensor in model.state_dict().items()}


def _save_state(out: Path, model: Network, optimizer: torch.optim.Optimizer, step: int, log: list[LogRow]) -> None:
    """All that the next step depends on. Batches follow from seed and step, so there is no random state to keep."""
    state = {
        "step": step,
        "log": [list(row) for row in log],
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
    }
    write_atomically(out / STATE, lambda path: torch.save(state, path))
    write_log(out, log)


def _restore(out: Path, model: Network, optimizer: torch.optim.Optimizer) -> tuple[int, list[LogRow]]:
    """Go back to the last validation of the run in `out`; step 0 where there has been none."""
    if not (out / STATE).exists():
        return 0, []
    state = read_tensors(out / STATE)
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    return state["step"], [LogRow(*row) for row in state["log"]]
