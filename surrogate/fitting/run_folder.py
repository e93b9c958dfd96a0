"""The folder of a run: what each file holds, written so that stopping at any moment leaves it whole."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import Field, ValidationError

from ...simulate.schema import InputError, recover, writing_whole
from ..models.families import ModelConfig
from ..models.settings import Settings
from .live_plan import LiveCard, LivePlan
from .recipe import FitConfig
from .scaling import VoltageScaling
from .split import Split
from .stores import joint_id

RUN_VERSION = 1
CARD = "config.json"  # RunCard
WEIGHTS = "weights.safetensors"  # of the step with the best validation
LOG = "log.csv"  # a LogRow per validation
STATE = "state.pt"  # all that `fit` needs, beside the log, to go on from the last validation
README = "README.md"  # the model card
DENDRITES = "dendrites.safetensors"  # DendriteComponents, where there is a third head


class FittedTo(Settings):
    """A dataset that a model was fitted to."""

    dataset: str
    dataset_id: str
    split: Split


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
    also: list[FittedTo] = Field(default=[], description="further datasets, each with its own trials in every part")
    live: LiveCard | None = Field(default=None, description="trials that it was fitted to while they were simulated")
    started_from: str | None = Field(default=None, description="SHA-256 of the weights that it started with")
    teacher_id: str | None = Field(default=None, description="dataset_id of the prediction that it was taught by")
    input_signs: list[tuple[int, int]] | None = Field(default=None, description="(sign, how many), in their order")
    provenance: dict[str, str | None]

    @property
    def fitted_to(self) -> list[FittedTo]:
        """All datasets, in their order."""
        return [FittedTo(dataset=self.dataset, dataset_id=self.dataset_id, split=self.split), *self.also]

    @property
    def datasets(self) -> list[str]:
        """The path of each dataset."""
        return [each.dataset for each in self.fitted_to]

    @property
    def trained_on(self) -> str:
        """The id of what it was fitted to."""
        return self.live.dataset_id if self.live else joint_id([each.dataset_id for each in self.fitted_to])

    @property
    def splits(self) -> dict[str, Split]:
        """The parts of each dataset, by its id; trials that were simulated live are all learned from."""
        live = {self.live.dataset_id: self.live.split} if self.live else {}
        return {each.dataset_id: each.split for each in self.fitted_to} | live


class LogRow(NamedTuple):
    """One validation."""

    step: int
    loss: float  # mean over the steps since the last row
    validation_rmse_mv: float
    validation_roc_auc: float  # NaN where the validation trials have no spike
    seconds: float  # since the first step, time between a stop and its resumption left out

    def error(self, chosen_by: str) -> float:
        """What the best validation has least of: RMSE, or what its ROC-AUC lacks; NaN is the worst."""
        error = self.validation_rmse_mv if chosen_by == "rmse" else 1 - self.validation_roc_auc
        return math.inf if math.isnan(error) else error


def write_file(path: Path, content: bytes) -> None:
    """Put a file of a run, whole, in place of what was there. Raises InputError where it cannot be written."""
    with writing_whole(path, then="--resume goes on") as growing:
        growing.write_bytes(content)


def write_log(folder: Path, rows: Sequence[NamedTuple]) -> None:
    """Write all rows so far, of one kind; there is at least one."""
    text = io.StringIO()
    csv.writer(text).writerows([rows[0]._fields, *rows])
    write_file(folder / LOG, text.getvalue().encode())


def read_log(folder: Path, until: int, kind: Any = LogRow) -> list[Any]:
    """The rows up to step `until`. Raises InputError where they cannot be read or there is none of that step.

    kind: of the rows: a step, then numbers.
    """
    try:
        with (folder / LOG).open(newline="") as file:
            rows = [kind(int(row["step"]), *map(float, list(row.values())[1:])) for row in csv.DictReader(file)]
    except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
        raise InputError(f"{folder / LOG}: cannot be read; --overwrite fits the run from the start") from error
    rows = [row for row in rows if row.step <= until]
    if not rows or rows[-1].step != until:
        raise InputError(f"{folder / LOG}: has no row of step {until}; --overwrite fits the run from the start")
    return rows


def check_folder(card: RunCard, out: Path, *, resume: bool, overwrite: bool) -> None:
    """See that the run's folder can be made, or that the run in it is the one to resume.

    Raises InputError where `out` exists and neither is asked for, where what is there is not a run, or where it is
    a run of another configuration or dataset.
    """
    if goes_on(out, resume=resume, overwrite=overwrite):
        _check_same_run(card, read_card(out), out)


def goes_on(out: Path, *, resume: bool, overwrite: bool) -> bool:
    """Whether there is a run in `out` that is to be resumed. Raises InputError where what is there may not go."""
    recover(out)
    if not out.exists():
        return False
    if not (resume or overwrite):
        raise InputError(f"{out}: exists already; --resume goes on with it, --overwrite replaces it")
    if not (out / CARD).exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out}: is there but is not a run of `apical fit`; choose another path")
    return resume and (out / CARD).exists()


def make_folder(card: Settings, out: Path) -> None:
    """Make the folder of a run with its card, in place of what was there. Raises InputError where it cannot be made."""
    with writing_whole(out) as growing:
        growing.mkdir(parents=True)
        (growing / CARD).write_text(card.model_dump_json(indent=1))


def read_card(folder: Path) -> RunCard:
    """What a run says of itself.

    Raises InputError where the folder is not a run, or one of another version.
    """
    told = ""
    try:
        told = (folder / CARD).read_text()
        card = RunCard.model_validate_json(told)
    except OSError as error:
        raise InputError(f"{folder}: no run there ({CARD} cannot be read); `apical fit` makes one") from error
    except (ValidationError, UnicodeDecodeError) as error:
        if '"apical_task_run"' in told:
            raise InputError(
                f"{folder}: a classifier of a task, no model of a cell; `apical evaluate TASK {folder}` scores it"
            ) from error
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
    check_same(folder, dict(fit), dict(fit.changed(given)))
    return fit


def _check_same_run(now: RunCard, then: RunCard, out: Path) -> None:
    asked, had = ({"dataset_id": card.trained_on} | dict(card.fit) for card in (now, then))
    check_same(out, had, asked)
    plans = ({} if card.live is None else dict(card.live.plan) for card in (now, then))
    check_same(out, *reversed([dict.fromkeys(LivePlan.model_fields) | plan for plan in plans]))
    for is_now, was in zip(now.fitted_to, then.fitted_to, strict=True):
        if is_now.split != was.split:
            raise InputError(f"{out}: {is_now.dataset} has other trials than when this run was started: fit it anew")


def check_same(out: Path, had: dict[str, Any], asked: dict[str, Any]) -> None:
    """Raise InputError for the first field in which a run that is resumed differs from what it was started with."""
    for field, value in asked.items():
        if value != had[field]:
            raise InputError(
                f"{out}: was started with {field} = {had[field]!r}, now it is {value!r}: "
                "resume with the same settings and dataset, or choose another folder"
            )
