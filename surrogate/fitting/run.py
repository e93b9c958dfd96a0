"""One model on its way through a fit: its step, its log, and its folder, which is whole whenever the fit is stopped."""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save

from ...simulate.schema import InputError
from ..models.cost import macs_per_ms
from ..models.network import Network
from ..processes import Processes
from ..tensors import read_tensors, tensors_to_bytes
from .board import Board
from .dendrites import DendriteComponents
from .model_card import model_card
from .run_folder import (
    CARD,
    DENDRITES,
    README,
    STATE,
    WEIGHTS,
    LogRow,
    RunCard,
    make_folder,
    read_card,
    read_log,
    write_file,
    write_log,
)
from .step import make_optimizer, optimizer_state, restore_optimizer


class Run:
    """A model, its optimizer, how far they have come, and the best that has been."""

    def __init__(
        self,
        card: RunCard,
        model: Network,
        out: Path,
        processes: Processes,
        dendrites: DendriteComponents | None = None,
        *,
        resume: bool,
        tensorboard: bool,
    ) -> None:
        """Make the folder, which `check_folder` has seen, or go on with the run in it. Raises InputError."""
        self.card, self.config, self.model, self.out, self._writes = card, card.fit, model, out, processes.first
        if self._writes:
            if not (resume and (out / CARD).exists()):
                make_folder(card, out)
            if dendrites is not None:
                write_file(out / DENDRITES, dendrites.to_bytes())
        processes.wait()
        self.optimizer = make_optimizer(self.config, model)
        self.average = None if self.config.weight_average is None else deepcopy(model).requires_grad_(False)
        self.error: InputError | None = None
        self._restore()
        self.last = self.log[-1] if self.log else LogRow(0, math.nan, math.nan, math.nan, 0.0)
        self._losses: list[float] = []
        self._started = time.monotonic() - self.last.seconds
        self._board = Board(out, self.step) if tensorboard and self._writes else None

    @property
    def loss(self) -> float:
        """Of the last step."""
        return self._losses[-1] if self._losses else self.last.loss

    @property
    def ended(self) -> bool:
        """Whether there is nothing more to do: all steps, no gain in `patience` validations, or an error."""
        return self.error is not None or self.step >= self.config.steps or self._waited_enough

    @property
    def _waited_enough(self) -> bool:
        if self.config.patience is None or not self.log:
            return False
        errors = [row.error(self.config.chosen_by) for row in self.log]
        return len(errors) - 1 - errors.index(min(errors)) >= self.config.patience

    @property
    def scored(self) -> Network:
        """What is validated and kept: the model, or the mean of its weights."""
        return self.model if self.average is None else self.average

    @property
    def validation_is_due(self) -> bool:
        at_end = self.step % self.config.validate_every == 0 or self.step == self.config.steps
        return at_end and self.error is None

    def stepped(self, loss: float) -> None:
        """Note a step and its loss; none after an error."""
        if self.error is not None:
            return
        self._losses.append(loss)
        self.step += 1
        self._check_number("loss", loss)

    def validated(self, rmse_mv: float, roc_auc: float) -> None:
        """Note a validation, and write all that the next step depends on; the weights too, where they are the best."""
        self._check_number("validation RMSE", rmse_mv)
        if self.error is not None:
            return
        seconds = round(time.monotonic() - self._started, 2)
        self.last = LogRow(self.step, sum(self._losses) / len(self._losses), rmse_mv, roc_auc, seconds)
        by = self.config.chosen_by
        best = all(self.last.error(by) < row.error(by) for row in self.log)
        self.log.append(self.last)
        self._losses.clear()
        if not self._writes:
            return
        if best:
            write_file(self.out / WEIGHTS, save(_on_cpu(self.scored)))
        self._save_state()
        if self._board is not None:
            self._board.write(self.last, self.config.rates(self.step - 1).learning_rate, closing=self.ended)

    def explain(self, datasets: Sequence[Mapping[str, Any]]) -> None:
        """Write the model card, of what was fitted to datasets with these attributes. No model leaves no folder."""
        if self._writes and self.log:
            text = model_card(read_card(self.out), self.log, datasets, macs_per_ms(self.model))
            write_file(self.out / README, text.encode())
        elif self._writes:
            shutil.rmtree(self.out)

    def _check_number(self, what: str, value: float) -> None:
        if math.isfinite(value):
            return
        kept = f"the best model up to step {self.last.step} is kept" if self.last.step else "no model was kept"
        self.error = InputError(
            f"{self.out}: {what} is {value} at step {self.step}; {kept}; fit again with a lower learning_rate"
        )

    def _save_state(self) -> None:
        """Batches follow from seed and step, so there is no random state to keep.

        The log is first, so that it has at least the validations that the state has seen.
        """
        write_log(self.out, self.log)
        optimizer = optimizer_state(self.optimizer, self.config.rates(self.step - 1).learning_rate)
        state = {"step": self.step, "model": self.model.state_dict(), "optimizer": optimizer}
        if self.average is not None:
            state["average"] = self.average.state_dict()
        write_file(self.out / STATE, tensors_to_bytes(state))

    def _restore(self) -> None:
        """Go back to the last validation of the run in the folder; to step 0 where there has been none."""
        self.step = 0
        self.log: list[LogRow] = []
        if not (self.out / STATE).exists():
            return
        state = read_tensors(self.out / STATE)
        try:
            self.model.load_state_dict(state["model"])
            restore_optimizer(self.optimizer, state["optimizer"])
            if self.average is not None:
                self.average.load_state_dict(state["average"])
            self.step = int(state["step"])
            kept = [LogRow(*row) for row in state.get("log", ())]  # of apical 0.1
        except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
            raise InputError(f"{self.out / STATE}: is not of this run; --overwrite fits it from the start") from error
        self.log = kept or read_log(self.out, self.step)


def _on_cpu(model: Network) -> dict[str, torch.Tensor]:
    return {name: tensor.cpu().contiguous() for name, tensor in model.state_dict().items()}
