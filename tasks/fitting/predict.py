"""A fitted model at work: loaded from its run, and asked about the sequences, or the text, of a split."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple, TypeVar

import xarray as xr
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from ...simulate.schema import InputError
from ...surrogate.device import choose_device
from ...surrogate.fitting.run_folder import WEIGHTS
from ..models.classifier import Classifier, assemble
from ..models.language import LanguageModel, assemble_language_model
from ..schema import open_task
from ..text import SplitText
from .bits import TextRead, read_text
from .labels import VALIDATION_BATCH, task_batches
from .run_folder import TaskCard, read_task_card, task_id
from .step import Answers, answers

Loaded = TypeVar("Loaded", bound=nn.Module)


class Answered(NamedTuple):
    """What a run's classifier says of a split."""

    card: TaskCard
    split: str
    answers: Answers


class ReadThrough(NamedTuple):
    """What a run's model of text says of a split."""

    card: TaskCard
    split: str
    read: TextRead


def load_classifier(run: str | Path) -> tuple[Classifier, TaskCard]:
    """The classifier of a run, in evaluation mode, and what its run says of itself. Raises InputError."""
    card = _card(Path(run), "label")
    return _with_weights(assemble(card.model), Path(run)), card


def load_language_model(run: str | Path) -> tuple[LanguageModel, TaskCard]:
    """The model of text of a run, in evaluation mode, and what its run says of itself. Raises InputError."""
    card = _card(Path(run), "next")
    return _with_weights(assemble_language_model(card.model), Path(run)), card


def answer(run: str | Path, task: str | Path, split: str = "test", *, device: str = "auto") -> Answered:
    """What a run's classifier says of a split's sequences, in their order.

    run: folder that `fit_task` made. task: path of the task that it was fitted to. split: train, validation or test.
    device: auto, cpu or cuda.
    Raises InputError for a task other than the run's, whose test sequences it may have learned from.
    """
    model, card = load_classifier(run)
    batches = task_batches(card.fit, _own(run, card, task), split, batch=VALIDATION_BATCH)
    return Answered(card, split, answers(model.to(choose_device(device)), batches))


def read_through(run: str | Path, task: str | Path, split: str = "test", *, device: str = "auto") -> ReadThrough:
    """The bits that each token of a split's text takes a run's model, which reads it from beginning to end.

    run: folder that `fit_task` made. task: path of the text that it was fitted to. split: train, validation or test.
    device: auto, cpu or cuda.
    Returns the run's card, the split, and `read`: `bits`, per character, `bits_n` of each character but the first, and
    whether each was thought the likeliest. Raises InputError for a task other than the run's.
    """
    model, card = load_language_model(run)
    text = SplitText(_own(run, card, task), split)
    text.check_length()
    return ReadThrough(card, split, read_text(model.to(choose_device(device)), text))


def _card(run: Path, target: str) -> TaskCard:
    card = read_task_card(run)
    if card.target != target:
        is_one = "a model of text; `read_through` asks it" if target == "label" else "a classifier; `answer` asks it"
        raise InputError(f"{run}: is the run of {is_one}")
    return card


def _with_weights(model: Loaded, run: Path) -> Loaded:
    try:
        model.load_state_dict(load_file(run / WEIGHTS))
    except (OSError, SafetensorError, RuntimeError) as error:
        raise InputError(f"{run / WEIGHTS}: is not there, or not of this run; fit it again") from error
    return model.eval()


def _own(run: str | Path, card: TaskCard, task: str | Path) -> xr.Dataset:
    """The task that a run was fitted to, opened."""
    ds = open_task(task)
    if task_id(ds) != card.task_id:
        raise InputError(f"{task}: is not the task that {run} was fitted to ({card.title}, {card.task}); give that one")
    return ds
