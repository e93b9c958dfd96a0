"""What a fit to labelled sequences does: batches of them, a step on one, and what a validation finds."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import torch
import xarray as xr
from torch import Tensor

from ...simulate.schema import source
from ..loader import Batch, Batches
from ..models.classifier import Classifier, assemble
from ..models.settings import AnySettings
from .recipe import TaskFit
from .run_folder import TaskRow
from .step import answers, take_step

THREADS = 1  # that draw ahead
VALIDATION_BATCH = 64


class Labels:
    """A classifier's way through a task. carried: nothing goes on from step to step."""

    carried: tuple[Tensor, ...] = ()

    def __init__(self, config: TaskFit, ds: xr.Dataset) -> None:
        """Raises InputError for a task that the settings do not suit."""
        self._config = config
        self._train = task_batches(config, ds, "train", batch=config.batch)
        self._validation = task_batches(config, ds, "validation", batch=VALIDATION_BATCH)
        self.epoch, self.class_names = len(self._train), tuple(self._train.class_names)
        self.sizes: dict[str, Any] = {
            "n_channels": self._train.n_channels,
            "n_classes": len(self.class_names),
            "towers": ds.attrs["towers"],
        }
        self.longest = self._train.longest

    def assemble(self, settings: AnySettings) -> Classifier:
        return assemble(settings, self._config.seed)

    def batches(self, numbers: range) -> Generator[Batch, None, None]:
        return self._train.steps(numbers)

    def step(self, model: Classifier, optimizer: torch.optim.Optimizer, batch: Batch, number: int, steps: int) -> float:
        return take_step(model, optimizer, batch, self._config, number, steps)

    def validated(self, model: Classifier, step: int, loss: float) -> TaskRow:
        found = answers(model, self._validation, self._config.validation_items)
        return TaskRow(step, loss, found.loss, found.accuracy, 0.0)

    def restore(self, model: Classifier, carried: list[Tensor]) -> None:
        """Nothing was carried."""


def task_batches(config: TaskFit, ds: xr.Dataset, split: str, *, batch: int) -> Batches:
    """A split of a task as a fit draws it. Raises InputError for a task that the settings do not suit."""
    config.check_target("label", source(ds))
    return Batches(
        ds,
        split,
        batch=batch,
        bin_ms=config.bin_ms,
        counting=config.counting,
        levels=config.levels,
        adding=config.adding,
        seed=config.seed,
        held_out=config.held_out,
        threads=THREADS if split == "train" else 0,
    )
