"""One step of a fit: a batch, its loss, and a step down its gradient; and how well a classifier does on a split."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..loader import Batch, Batches
from ..models.classifier import Classifier
from ..models.sequence import Sequences
from .recipe import TaskFit

SPREAD = 1_000_003  # seeds of a step's dropout: no two of a run alike


class Answers(NamedTuple):
    """What a classifier says of N sequences."""

    label_n: np.ndarray
    predicted_n: np.ndarray
    loss: float  # mean cross-entropy

    @property
    def accuracy(self) -> float:
        """Share of right ones."""
        return float((self.label_n == self.predicted_n).mean())


def make_optimizer(config: TaskFit, model: nn.Module) -> torch.optim.Optimizer:
    """The optimizer of a configuration; `take_step` sets its learning rate."""
    trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
    kind = {"adam": torch.optim.Adam, "adamax": torch.optim.Adamax}[config.optimizer]
    return kind(trainable, lr=config.learning_rate)


def take_step(
    model: Classifier, optimizer: torch.optim.Optimizer, batch: Batch, config: TaskFit, step: int, steps: int
) -> float:
    """Take step number `step`, from 0, of so many; returns the batch's loss, the model's regularisers in it.

    Its dropout is of seed and step only.
    """
    begin_step(model, config, step)
    logits_bk, label_b = _logits(model, batch)
    loss = F.cross_entropy(logits_bk, label_b, label_smoothing=config.label_smoothing) + model.penalty
    return descend(model, optimizer, loss, config, step, steps)


def begin_step(model: nn.Module, config: TaskFit, step: int) -> None:
    """Make ready for a training step, whose dropout is of seed and step only."""
    torch.manual_seed((config.seed * SPREAD + step) % 2**63)
    model.train()


def descend(
    model: nn.Module, optimizer: torch.optim.Optimizer, loss: Tensor, config: TaskFit, step: int, steps: int
) -> float:
    """A step down a loss, with the rate of step number `step`; none where it is no number. Returns the loss."""
    value = loss.item()
    if not math.isfinite(value):  # before it spoils the weights
        return value
    optimizer.zero_grad()
    loss.backward()
    if config.gradient_clip is not None:
        nn.utils.clip_grad_norm_(model.parameters(), config.gradient_clip)
    for group in optimizer.param_groups:
        group["lr"] = config.rate(step, steps)
    optimizer.step()
    return value


@torch.no_grad()
def answers(model: Classifier, batches: Batches, items: int | None = None) -> Answers:
    """What a model says of a split's sequences, or of the first so many."""
    model.eval()
    labels, predicted, losses, seen = [], [], 0.0, 0
    for batch in batches:
        logits_bk, label_b = _logits(model, batch)
        losses += F.cross_entropy(logits_bk, label_b, reduction="sum").item()
        labels.append(batch.label_b)
        predicted.append(logits_bk.argmax(1).cpu().numpy())
        seen += len(batch.label_b)
        if items is not None and seen >= items:
            break
    return Answers(np.concatenate(labels), np.concatenate(predicted), losses / seen)


def _logits(model: Classifier, batch: Batch) -> tuple[Tensor, Tensor]:
    device = model.readout.weight.device
    second = None if batch.second is None else Sequences.of(batch.second, device)
    return model(Sequences.of(batch.inputs, device), second), torch.from_numpy(batch.label_b).to(device)
