"""What a fit to text does: windows of streams whose state goes on, a step on one of each, and what a validation finds.

Gradients reach back to the beginning of a window, the state further: truncated back-propagation.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor
from torch.nn import functional as F

from ...simulate.schema import InputError, source
from ..models.language import OF_LABELS, LanguageModel, assemble_language_model
from ..models.sequence import Sequences
from ..models.settings import AnySettings
from ..text import SplitText, Text, TextBatch
from .bits import read_text
from .recipe import TaskFit
from .run_folder import TextRow
from .step import begin_step, descend

WINDOW = 100  # tokens, where none is told; the paper's of Enwik8
THREADS = 1  # that read ahead
DRAWN = 7  # tells the random numbers of resets from others of a seed


class NextToken:
    """A model's way through a text. carried: the state of every stream, empty before the first step."""

    carried: tuple[Tensor, ...] = ()

    def __init__(self, config: TaskFit, ds: xr.Dataset) -> None:
        """Raises InputError for a task that the settings do not suit."""
        config.check_target("next", source(ds))
        for name in OF_LABELS:
            if name in config.options:
                raise InputError(f"{source(ds)}: option '{name}' is of labels, and this task is text; leave it out")
        self._config = config
        self.longest = config.window or WINDOW
        self._train = Text(ds, batch=config.batch, window=self.longest, threads=THREADS)
        self._validation = SplitText(ds, "validation")
        self._validation.check_length()
        self.epoch, self.class_names = len(self._train), tuple(self._validation.vocabulary)
        self.sizes: dict[str, Any] = {"n_channels": len(self.class_names), "n_classes": len(self.class_names)}

    def assemble(self, settings: AnySettings) -> LanguageModel:
        return assemble_language_model(settings, self._config.seed)

    def batches(self, numbers: range) -> Generator[TextBatch, None, None]:
        return self._train.steps(numbers)

    def step(
        self, model: LanguageModel, optimizer: torch.optim.Optimizer, batch: TextBatch, number: int, steps: int
    ) -> float:
        """Take step `number`, from 0, of so many; returns the windows' loss, the model's regularisers in it.

        What it draws is of seed and step only.
        """
        config, device = self._config, model.readout.weight.device
        begin_step(model, config, number)
        state = self._begun(model, batch.fresh, number)
        logits_btk, after = model(Sequences.of(batch.inputs, device), state)
        next_n = torch.from_numpy(batch.next_bt).to(device).flatten()
        loss = F.cross_entropy(logits_btk.flatten(0, 1), next_n, label_smoothing=config.label_smoothing)
        self.carried = tuple(each.detach().clone() for each in after)  # a view would hold the whole window
        return descend(model, optimizer, loss + model.penalty, config, number, steps)

    def _begun(self, model: LanguageModel, fresh: bool, number: int) -> tuple[Tensor, ...]:
        """The state in which the streams begin a step: each its own, or at rest by the chance of that step."""
        config = self._config
        chance = config.reset(number)
        if fresh or chance == 1 or not self.carried:
            return model.rest(config.batch)
        anew_b = np.random.default_rng([config.seed, number, DRAWN]).random(config.batch) < chance
        if not anew_b.any():
            return self.carried
        return model.encoder.anew(self.carried, torch.from_numpy(anew_b).to(self.carried[0].device))

    def validated(self, model: LanguageModel, step: int, loss: float) -> TextRow:
        found = read_text(model, self._validation, self._config.validation_items)
        return TextRow(step, loss, found.bits, found.accuracy, 0.0)

    def restore(self, model: LanguageModel, carried: list[Tensor]) -> None:
        """Go on from the state that an earlier process has kept; at rest from one of another device's kernel, which may
        have another form.
        """
        rest = model.rest(self._config.batch)
        if [each.shape for each in carried] == [each.shape for each in rest]:
            self.carried = tuple(each.to(model.readout.weight.device) for each in carried)
