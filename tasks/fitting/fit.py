"""Fit a model to a task: labelled sequences, or text, in, and a run folder out."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import torch
import xarray as xr
from safetensors.torch import save
from torch import nn

from ...simulate.schema import InputError, source
from ...surrogate.device import choose_device
from ...surrogate.fitting.one_writer import alone_with
from ...surrogate.fitting.run_folder import (
    CARD,
    README,
    STATE,
    WEIGHTS,
    make_folder,
    read_log,
    write_file,
    write_log,
)
from ...surrogate.fitting.step import optimizer_state, restore_optimizer
from ...surrogate.models.cost import n_parameters
from ...surrogate.provenance import provenance
from ...surrogate.tensors import read_tensors, tensors_to_bytes
from ..models.classifier import configure
from ..models.settings import AnySettings
from ..schema import open_task
from .card import card_in_words
from .labels import Labels
from .recipe import TaskFit
from .run_folder import ROWS, Row, TaskCard, check_task_folder, read_task_card, task_id
from .step import make_optimizer
from .text import NextToken

Learned = Labels | NextToken


class TaskProgress(NamedTuple):
    """Where a fit stands."""

    step: int  # steps done
    steps: int  # of so many
    loss: float
    score: float  # of the last validation: accuracy, or of text bits; NaN before the first
    unit: str = ""

    def in_words(self) -> str:
        """
        >>> TaskProgress(1, 9, 0.5, math.nan).in_words(), TaskProgress(2, 9, 0.5, 0.91).in_words()
        ('loss 0.500', 'loss 0.500  val 0.910')
        """
        return f"loss {self.loss:.3f}" + ("" if math.isnan(self.score) else f"  val {self.score:.3f}{self.unit}")


def fit_task(
    config: TaskFit | None,
    task: str | Path | None,
    out: str | Path,
    *,
    device: str = "auto",
    resume: bool = False,
    overwrite: bool = False,
    report: Callable[[TaskProgress], None] | None = None,
) -> Path:
    """Fit the model that `config` describes to the task at `task`, and return the run folder `out`.

    Of labelled sequences it is a classifier; of text it says at each token which one comes next.

    config: such as `recipe` returns. task: path of a task. out: path of the run. device: auto, cpu or cuda. resume: go
    on with the run in `out`, where there is one; None for config or task is then what it was started with, and on a CPU
    the result is that of a run that was never stopped, bit for bit. overwrite: replace it. report: called after every
    step.
    Raises InputError for a task that does not suit, an `out` that exists, or a loss that is no longer a number.
    """
    out = Path(out)
    if config is None or task is None:
        if not resume:
            raise InputError(f"{out}: a fit takes settings and a task; only a run that is resumed knows its own")
        card = read_task_card(out)
        config, task = config or card.fit, task or card.task
    torch_device, ds = choose_device(device), open_task(task)
    learned = learning(config, ds)
    model_settings = _model_settings(config, ds, learned)
    model = learned.assemble(model_settings)
    card = TaskCard(
        fit=config,
        model=model_settings,
        steps=config.steps or max(round(config.epochs * learned.epoch), 1),
        n_parameters=n_parameters(model),
        task=str(task),
        title=ds.attrs["title"],
        target=ds.attrs["target"],
        task_id=task_id(ds),
        class_names=learned.class_names,
        provenance=provenance(torch_device),
    )
    with alone_with(out), torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        check_task_folder(card, out, resume=resume, overwrite=overwrite)
        if not (resume and (out / CARD).exists()):
            make_folder(card, out)
        _Run(card, learned, model.to(torch_device), out).go_through(report)
    return out


class _Run:
    """A model on its way through a fit, and its folder, which is whole whenever the fit is stopped."""

    def __init__(self, card: TaskCard, learned: Learned, model: nn.Module, out: Path) -> None:
        self.card, self.config, self.out = card, card.fit, out
        self.learned: Any = learned
        self.model: Any = model
        self.optimizer = make_optimizer(self.config, model)
        self.step = 0
        self.log = self._restored()
        self._losses: list[float] = []
        self._started = time.monotonic() - (self.log[-1].seconds if self.log else 0.0)

    def go_through(self, report: Callable[[TaskProgress], None] | None) -> None:
        """Take all steps that are left. Raises InputError for a loss that is no longer a number."""
        steps, every = self.card.steps, self.config.validate_every or self.learned.epoch
        if self._waited_enough:
            return
        with closing(self.learned.batches(range(self.step, steps))) as batches:
            for batch in batches:
                loss = self.learned.step(self.model, self.optimizer, batch, self.step, steps)
                self.step += 1
                self._losses.append(loss)
                self._check_number(loss)
                if self.step % every == 0 or self.step == steps:
                    self._validate()
                if report is not None:
                    score = self.log[-1].score if self.log else math.nan
                    unit = " bits" if self.card.target == "next" else ""
                    report(TaskProgress(self.step, steps, loss, score, unit))
                if self._waited_enough:
                    break
        write_file(self.out / README, card_in_words(self.card, self.log).encode())

    @property
    def _waited_enough(self) -> bool:
        if self.config.patience is None or not self.log:
            return False
        ranks = [row.rank for row in self.log]
        return len(ranks) - 1 - ranks.index(max(ranks)) >= self.config.patience

    def _validate(self) -> None:
        """Note a validation, and write all that the next step depends on; the weights too, where they are the best."""
        row: Row = self.learned.validated(self.model, self.step, sum(self._losses) / len(self._losses))
        row = row._replace(seconds=round(time.monotonic() - self._started, 2))
        self._check_number(-row.rank[-1])
        best = all(row.rank > other.rank for other in self.log)
        self.log.append(row)
        self._losses.clear()
        weights = {name: tensor.cpu().contiguous() for name, tensor in self.model.state_dict().items()}
        if best:
            write_file(self.out / WEIGHTS, save(weights))
        write_log(self.out, self.log)
        rate = self.config.rate(self.step - 1, self.card.steps)
        state = {"step": self.step, "model": weights, "optimizer": optimizer_state(self.optimizer, rate)}
        if self.learned.carried:
            state["carried"] = [each.cpu().contiguous() for each in self.learned.carried]
        write_file(self.out / STATE, tensors_to_bytes(state))

    def _check_number(self, loss: float) -> None:
        if not math.isfinite(loss):
            last = self.log[-1].step if self.log else 0
            kept = f"the best model up to step {last} is kept" if last else "no model was kept"
            raise InputError(
                f"{self.out}: loss is {loss} at step {self.step}; {kept}; fit again with a lower learning_rate"
            )

    def _restored(self) -> list[Row]:
        """Go back to the last validation of the run in the folder; its log."""
        if not (self.out / STATE).exists():
            return []
        state = read_tensors(self.out / STATE)
        try:
            self.model.load_state_dict(state["model"])
            restore_optimizer(self.optimizer, state["optimizer"])
            self.step = int(state["step"])
            self.learned.restore(self.model, state.get("carried", []))
        except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
            raise InputError(f"{self.out / STATE}: is not of this run; --overwrite fits it from the start") from error
        return read_log(self.out, self.step, ROWS[self.card.target])


def learning(config: TaskFit, ds: xr.Dataset) -> Learned:
    """What a fit to a task does. Raises InputError for a task that the settings do not suit."""
    return NextToken(config, ds) if ds.attrs["target"] == "next" else Labels(config, ds)


def _model_settings(config: TaskFit, ds: xr.Dataset, learned: Learned) -> AnySettings:
    given: dict[str, Any] = {**learned.sizes, **config.options}
    if config.bin_ms is not None and config.family in ("elm", "branch-elm", "elm-network", "snn"):
        given["step_ms"] = config.bin_ms
    if config.family == "chrono-lstm":
        given = {"longest": max(learned.longest, 3)} | given
    try:
        return configure(config.family, config.size, given)
    except InputError as error:
        raise InputError(f"{source(ds)}: {error}") from error
