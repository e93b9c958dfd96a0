"""The folder of a task's run: what it says of itself, and its log; files and rules are those of a surrogate's."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Literal, NamedTuple

import xarray as xr
from pydantic import ValidationError

from ...simulate.schema import InputError
from ...surrogate.fitting.run_folder import CARD, STATE, check_same, goes_on, read_log
from ...surrogate.models.settings import Settings
from ...surrogate.tensors import read_tensors
from ..models.settings import ModelSettings
from ..schema import json_in
from .recipe import TaskFit

RUN_VERSION = 1


class TaskCard(Settings):
    """What a run says of itself."""

    apical_task_run: int = RUN_VERSION
    fit: TaskFit
    model: ModelSettings
    steps: int
    n_parameters: int
    task: str
    title: str
    target: Literal["label", "next"] = "label"
    task_id: str
    class_names: tuple[str, ...]
    provenance: dict[str, str | None]


class TaskRow(NamedTuple):
    """One validation."""

    step: int
    loss: float  # mean over the steps since the last row
    validation_loss: float
    validation_accuracy: float
    seconds: float  # since the first step, time between a stop and its resumption left out

    @property
    def rank(self) -> tuple[float, ...]:
        """By which the best validation is chosen: accuracy, and of equals the loss."""
        return self.validation_accuracy, -self.validation_loss

    @property
    def score(self) -> float:
        """What is told of it: accuracy."""
        return self.validation_accuracy


class TextRow(NamedTuple):
    """One validation of a model of text."""

    step: int
    loss: float  # in nats, mean over the steps since the last row
    validation_bits: float  # per token
    validation_accuracy: float  # share of tokens that were thought the likeliest
    seconds: float  # as in TaskRow

    @property
    def rank(self) -> tuple[float, ...]:
        """By which the best validation is chosen: the fewest bits."""
        return (-self.validation_bits,)

    @property
    def score(self) -> float:
        """What is told of it: bits."""
        return self.validation_bits


Row = TaskRow | TextRow
ROWS: dict[str, type[TaskRow] | type[TextRow]] = {"label": TaskRow, "next": TextRow}  # of each target


def task_id(ds: xr.Dataset) -> str:
    """What stands for a task: where it comes from, and the labels and splits of its sequences."""
    told = json.dumps({name: str(value) for name, value in sorted(ds.attrs.items())})
    made = hashlib.sha256(told.encode())
    for name in ("label", "split"):
        if name in ds:
            made.update(ds[name].values.astype("U16").tobytes())
    return made.hexdigest()[:16]


def is_task_run(folder: str | Path) -> bool:
    """Whether a folder is a run on a task."""
    return "apical_task_run" in json_in(Path(folder) / CARD)


def read_task_card(folder: Path) -> TaskCard:
    """What a run says of itself. Raises InputError where the folder is not a run, or one of another version."""
    try:
        card = TaskCard.model_validate_json((folder / CARD).read_text())
    except OSError as error:
        raise InputError(f"{folder}: no run there ({CARD} cannot be read); `apical fit` makes one") from error
    except (ValidationError, UnicodeDecodeError) as error:
        raise InputError(f"{folder / CARD}: not of a task, or of another version; fit it again") from error
    if card.apical_task_run != RUN_VERSION:
        raise InputError(f"{folder / CARD}: a run of version {card.apical_task_run}, expected {RUN_VERSION}; fit again")
    return card


def log_of(run: str | Path) -> list[Row]:
    """Every validation of a run up to the last step that it has kept. Raises InputError where there is none."""
    folder = Path(run)
    row = ROWS[read_task_card(folder).target]
    return [*read_log(folder, int(read_tensors(folder / STATE)["step"]), row)]


def check_task_folder(card: TaskCard, out: Path, *, resume: bool, overwrite: bool) -> None:
    """See that the run's folder can be made, or that the run in it is the one to resume. Raises InputError."""
    if goes_on(out, resume=resume, overwrite=overwrite):
        then = read_task_card(out)
        had, asked = (dict(each.fit) | {"task_id": each.task_id} for each in (then, card))
        check_same(out, had, asked)
