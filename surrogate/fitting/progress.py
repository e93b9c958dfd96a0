"""What a fit tells of itself while it goes on."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from .run import Run


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


def progress_of(runs: Sequence[Run]) -> FitProgress:
    """Of models that are at the same step, the means."""
    losses, rmses_mv, aucs = zip(*((run.loss, *run.last[2:4]) for run in runs), strict=True)
    means = (sum(values) / len(runs) for values in (losses, rmses_mv, aucs))
    return FitProgress(runs[0].step, runs[0].config.steps, *means)
