"""The folder of a run: what each file holds, written so that stopping at any moment leaves it whole."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import Field, ValidationError

from ...simulate.schema import InputError
from ..models.families import ModelConfig
from ..models.settings import Settings
from .recipe import FitConfig
from .scaling import VoltageScaling
from .split import Split

RUN_VERSION = 1
CARD = "config.json"  # RunCard
WEIGHTS = "weights.safetensors"  # of the step with the lowest validation RMSE
LOG = "log.csv"  # a LogRow per validation
STATE = "state.pt"  # all that `fit` needs to go on from the last validation
README = "README.md"  # the model card
DENDRITES = "dendrites.safetensors"  # DendriteComponents, where there is a third head


class RunCard(Settings):
    """What a run says of itself."""

    apical_run: int = RUN_VERSION
    fit: FitConfig
    model: ModelConfig
    n_parameters: int
    scaling: VoltageScaling
    split: Split
    dataset: str
    dataset_id: str
    input_signs: list[tuple[int, int]] | None = Field(default=None, description="(sign, how many), in their order")
    provenance: dict[str, str | None]


class LogRow(NamedTuple):
    """One validation."""

    step: int
    loss: float  # mean over the steps since the last row
    validation_rmse_mv: float
    validation_roc_auc: float  # NaN where the validation trials have no spike
    seconds: float  # since the first step, time between a stop and its resumption left out


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` make a file beside `path`, then put it there in one step: a reader never sees half of it."""
    unfinished = path.with_name(path.name + ".tmp")
    write(unfinished)
    unfinished.replace(path)


def write_log(folder: Path, rows: list[LogRow]) -> None:
    """Write all rows so far."""

    def write(path: Path) -> None:
        with path.open("w", newline="") as file:
            csv.writer(file).writerows([LogRow._fields, *rows])

    write_atomically(folder / LOG, write)


def prepare_folder(card: RunCard, out: Path, *, resume: bool, overwrite: bool) -> None:
    """Make the folder of a run with its card, or check that the run in it is the one to resume.

    Raises InputError where `out` exists and neither is asked for, where what is there is not a run, or where it is
    a run of another configuration or dataset.
    """
    if out.exists():
        if not (resume or overwrite):
            raise InputError(f"{out}: exists already; --resume goes on with it, --overwrite replaces it")
        if not (out / CARD).exists() and (not out.is_dir() or any(out.iterdir())):
            raise InputError(f"{out}: is there but is not a run of `apical fit`; choose another path")
        if resume and (out / CARD).exists():
            _check_same_run(card, read_card(out), out)
            return
        shutil.rmtree(out)
    try:
        out.mkdir(parents=True)
    except OSError as error:
        raise InputError(f"{out}: cannot be made ({error.strerror})") from error
    write_atomically(out / CARD, lambda path: path.write_text(card.model_dump_json(indent=1)))


def read_card(folder: Path) -> RunCard:
    """What a run says of itself.

    Raises InputError where the folder is not a run, or one of another version.
    """
    try:
        card = RunCard.model_validate_json((folder / CARD).read_text())
    except OSError as error:
        raise InputError(f"{folder}: no run there ({CARD} cannot be read); `apical fit` makes one") from error
    except (ValidationError, UnicodeDecodeError) as error:
        raise InputError(f"{folder / CARD}: not written by this version of `apical fit`; fit it again") from error
    if card.apical_run != RUN_VERSION:
        raise InputError(
            f"{folder / CARD}: a run of version {card.apical_run}, this apical reads version {RUN_VERSION}; "
            f"fit it again, or use apical {card.provenance.get('apical')}, which wrote it"
        )
    return card


def own_settings(folder: Path, given: dict[str, Any]) -> FitConfig:
    """What the run in `folder` was started with. Raises InputError as `read_card`, and where a `given` one differs."""
    fit = read_card(folder).fit
    _check_same(folder, dict(fit), dict(fit.changed(given)))
    return fit


def _check_same_run(now: RunCard, then: RunCard, out: Path) -> None:
    asked, had = ({"dataset_id": card.dataset_id} | dict(card.fit) for card in (now, then))
    _check_same(out, had, asked)
    if now.split != then.split:
        raise InputError(f"{out}: {now.dataset} has other trials than when this run was started: fit it anew")


def _check_same(out: Path, had: dict[str, Any], asked: dict[str, Any]) -> None:
    for field, value in asked.items():
        if value != had[field]:
            raise InputError(
                f"{out}: was started with {field} = {had[field]!r}, now it is {value!r}: "
                "resume with the same settings and dataset, or choose another folder"
            )
