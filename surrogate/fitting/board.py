"""The log of a fit as TensorBoard reads it."""

from __future__ import annotations

import math
from pathlib import Path

from ...simulate.schema import InputError
from .run_folder import LogRow

FOLDER = "tensorboard"


class Board:
    """Writes validations as they come; those that a stopped run had made after its last state are taken back."""

    def __init__(self, run: Path, step: int) -> None:
        """Of the run in folder `run`, which is at `step`. Raises InputError where TensorBoard is not installed."""
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise InputError("--tensorboard: TensorBoard is not installed; pip install tensorboard") from error
        self._writer = SummaryWriter(run / FOLDER, purge_step=step + 1)

    def write(self, row: LogRow, learning_rate: float, *, closing: bool) -> None:
        """Add a validation; `closing` after the last one."""
        values = {
            "loss/train": row.loss,
            "validation/rmse_mv": row.validation_rmse_mv,
            "validation/roc_auc": row.validation_roc_auc,
            "learning_rate": learning_rate,
        }
        for name, value in values.items():
            if math.isfinite(value):
                self._writer.add_scalar(name, value, row.step)
        self._writer.flush()
        if closing:
            self._writer.close()
