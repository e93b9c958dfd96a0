"""One model on its way through a fit: its step, its log, and its folder, which is whole whenever the fit is stopped."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from ...simulate.schema import InputError
from ..models.cost import macs_per_ms
from ..models.network import Network
from ..processes import Processes
from ..tensors import read_tensors
from .board import Board
from .dendrites import DendriteComponents
from .model_card import model_card
from .run_folder import (
    DENDRITES,
    README,
    STATE,
    WEIGHTS,
    LogRow,
    RunCard,
    prepare_folder,
    read_card,
    write_atomically,
    write_log,
)
from .step import make_optimizer


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
        overwrite: bool,
        tensorboard: bool,
    ) -> None:
        """Make the folder, or go on with the one that is there. Raises InputError as `prepare_folder` does."""
        self.card, self.config, self.model, self.out, self._writes = card, card.fit, model, out, processes.first
        if self._writes:
            prepare_folder(card, out, resume=resume, overwrite=overwrite)
            if dendrites is not None:
                write_atomically(out / DENDRITES, dendrites.save)
        processes.wait()
        self.optimizer = make_optimizer(self.config, model)
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
        rmse_mv = [row.validation_rmse_mv for row in self.log]
        return len(rmse_mv) - 1 - rmse_mv.index(min(rmse_mv)) >= self.config.patience

    @property
    def validation_is_due(self) -> bool:
        at_end = self.step % self.config.validate_every == 0 or self.step == self.config.steps
        return at_end and self.error is None

    def stepped(self, loss: float) -> None:
        """Note a step and its loss."""
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
        best = all(rmse_mv < row.validation_rmse_mv for row in self.log)
        self.log.append(self.last)
        self._losses.clear()
        if not self._writes:
            return
        if best:
            write_atomically(self.out / WEIGHTS, lambda path: save_file(_on_cpu(self.model), path))
        self._save_state()
        if self._board is not None:
            self._board.write(self.last, self.config.rates(self.step - 1).learning_rate, closing=self.ended)

    def explain(self, dataset: Mapping[str, Any]) -> None:
        """Write the model card, of what was fitted to a dataset with these attributes."""
        if self._writes and self.log:
            text = model_card(read_card(self.out), self.log, dataset, macs_per_ms(self.model))
            write_atomically(self.out / README, lambda path: path.write_text(text))

    def _check_number(self, what: str, value: float) -> None:
        if math.isfinite(value):
            return
        kept = f"the best model up to step {self.last.step} is kept" if self.last.step else "no model was kept"
        self.error = InputError(
            f"{self.out}: {what} is {value} at step {self.step}; {kept}; fit again with a lower learning_rate"
        )

    def _save_state(self) -> None:
        """Batches follow from seed and step, so there is no random state to keep."""
        state = {
            "step": self.step,
            "log": [list(row) for row in self.log],
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }
        write_atomically(self.out / STATE, lambda path: torch.save(state, path))
        write_log(self.out, self.log)

    def _restore(self) -> None:
        """Go back to the last validation of the run in the folder; to step 0 where there has been none."""
        self.step, self.log = 0, []
        if not (self.out / STATE).exists():
            return
        state = read_tensors(self.out / STATE)
        try:
            self.model.load_state_dict(state["model"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.step, self.log = state["step"], [LogRow(*row) for row in state["log"]]
        except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
            raise InputError(f"{self.out / STATE}: is not of this run; --overwrite fits it from the start") from error


def _on_cpu(model: Network) -> dict[str, torch.Tensor]:
    return {name: tensor.cpu().contiguous() for name, tensor in model.state_dict().items()}
