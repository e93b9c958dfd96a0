"""The log of a fit as TensorBoard reads it."""

from __future__ import annotations

import math
from pathlib import Path

from ...simulate.schema import InputError, unwritten
from .run_folder import LogRow

FOLDER = "tensorboard"


def check_installed() -> None:
    """Raise InputError where TensorBoard is not installed."""
    try:
        import torch.utils.tensorboard  # noqa: F401
    except ImportError as error:
        raise InputError("--tensorboard: TensorBoard is not installed; pip install tensorboard") from error


class Board:
    """Writes validations as they come; those that a stopped run had made after its last state are taken back."""

    def __init__(self, run: Path, step: int) -> None:
        """Of the run in folder `run`, which is at `step`. Raises InputError where nothing can be written there."""
        from torch.utils.tensorboard import SummaryWriter

        self._folder = run / FOLDER
        try:
            self._writer = SummaryWriter(self._folder, purge_step=step + 1)
        except OSError as error:
            raise unwritten(self._folder, error, "--resume goes on") from error

    def write(self, row: LogRow, learning_rate: float, *, closing: bool) -> None:
        """Add a validation; `closing` after the last one."""
        values = {
            "loss/train": row.loss,
            "validation/rmse_mv": row.validation_rmse_mv,
            "validation/roc_auc": row.validation_roc_auc,
            "learning_rate": learning_rate,
        }
        try:
            for name, value in values.items():
                if math.isfinite(value):
                    self._writer.add_scalar(name, value, row.step)
            self._writer.flush()
            if closing:
                self._writer.close()
        except OSError as error:
            raise unwritten(self._folder, error, "--resume goes on") from error
