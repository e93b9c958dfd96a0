"""A fitted classifier at work: loaded from its run, and asked about the sequences of a split."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from safetensors import SafetensorError
from safetensors.torch import load_file

from ...simulate.schema import InputError
from ...surrogate.device import choose_device
from ...surrogate.fitting.run_folder import WEIGHTS
from ..models.classifier import Classifier, assemble
from ..schema import open_task
from .fit import VALIDATION_BATCH, task_batches
from .run_folder import TaskCard, read_task_card, task_id
from .step import Answers, answers


class Answered(NamedTuple):
    """What a run's classifier says of a split."""

    card: TaskCard
    split: str
    answers: Answers


def load_classifier(run: str | Path) -> tuple[Classifier, TaskCard]:
    """The classifier of a run, in evaluation mode, and what its run says of itself. Raises InputError."""
    folder = Path(run)
    card = read_task_card(folder)
    model = assemble(card.model)
    try:
        model.load_state_dict(load_file(folder / WEIGHTS))
    except (OSError, SafetensorError, RuntimeError) as error:
        raise InputError(f"{folder / WEIGHTS}: is not there, or not of this run; fit it again") from error
    return model.eval(), card


def answer(run: str | Path, task: str | Path, split: str = "test", *, device: str = "auto") -> Answered:
    """What a run's classifier says of a split's sequences, in their order.

    run: folder that `fit_task` made. task: path of the task that it was fitted to. split: train, validation or test.
    device: auto, cpu or cuda.
    Raises InputError for a task other than the run's, whose test sequences it may have learned from.
    """
    model, card = load_classifier(run)
    ds = open_task(task)
    if task_id(ds) != card.task_id:
        raise InputError(f"{task}: is not the task that {run} was fitted to ({card.title}, {card.task}); give that one")
    batches = task_batches(card.fit, ds, split, batch=VALIDATION_BATCH)
    return Answered(card, split, answers(model.to(choose_device(device)), batches))
