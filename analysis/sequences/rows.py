"""What one classifier, or model of text, scored on one task, and the files of such scores: a row each, and beside them
the answers, or the bits of a text.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from ...simulate.schema import InputError, writing_whole
from ..scores.files import read_rows, write_rows
from .measure import ACCURACY, BITS, Measure

TASK_SCORES_SCHEMA: Literal[1] = 1


class TaskScore(BaseModel):
    """One row: one model, one seed, one task. Arrays are kept beside the file. K blocks of a text."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, arbitrary_types_allowed=True)

    task_scores_schema: Literal[1] = Field(TASK_SCORES_SCHEMA, description="version of this list of columns")
    task: str = Field(min_length=1, description="title of the task")
    task_id: str = Field(min_length=1, description="id of the task")
    family: str = Field(min_length=1, description="model family, such as elm or lstm")
    size: int = Field(ge=1, description="its size")
    name: str = Field(min_length=1, description="name of the run")
    seed: int = Field(ge=0, description="seed of the fit")
    n_parameters: int = Field(ge=0, description="trainable parameters")
    steps: int = Field(ge=1, description="training steps")
    batch: int = Field(ge=1, description="sequences, or streams of text, in a step")
    bin_ms: float | None = Field(gt=0, description="width of a bin; empty where there are no events")
    adding: bool = Field(description="whether two were added")
    split: str = Field(description="whose sequences were scored")
    n_classes: int = Field(ge=2, description="classes, or characters there are")
    n_sequences: int = Field(ge=1, description="sequences, or characters of text, that were scored")
    accuracy: float = Field(ge=0, le=1, description="share of right answers, or of characters thought the likeliest")
    d_m: int | None = Field(default=None, ge=1, description="of a network of ELM neurons: memory units of each")
    n_sources: int | None = Field(default=None, ge=1, description="of such a network: synapses of each neuron")
    bits_per_character: float | None = Field(
        default=None, ge=0, description="of text: −log2 of their probability, mean"
    )
    label_n: np.ndarray | None = Field(default=None, exclude=True, description="right answers (N,)")
    predicted_n: np.ndarray | None = Field(default=None, exclude=True, description="answers given (N,)")
    curve_i2: np.ndarray | None = Field(default=None, exclude=True, description="step, and validation accuracy or bits")
    bits_k: np.ndarray | None = Field(default=None, exclude=True, description="of text: bits of each block (K,)")
    characters_k: np.ndarray | None = Field(default=None, exclude=True, description="of text: characters of each (K,)")

    @field_validator("bin_ms", "d_m", "n_sources", "bits_per_character", mode="before")
    @classmethod
    def _empty_is_none(cls, value: Any) -> Any:
        return None if value == "" else value

    @property
    def measure(self) -> Measure:
        """What tells how well the task is done."""
        return ACCURACY if self.bits_per_character is None else BITS

    @property
    def value(self) -> float:
        """Its accuracy, or of text bits per character."""
        return self.accuracy if self.bits_per_character is None else self.bits_per_character

    @property
    def size_in_words(self) -> str:
        """Its size, of a network with that of its neurons."""
        return str(self.size) if self.d_m is None else f"{self.size}, d_m {self.d_m}"

    @property
    def what(self) -> tuple:
        """What seeds of one model share: task, model, size, bin, steps."""
        model = self.family, self.size, self.n_parameters, self.d_m, self.n_sources
        return self.task_id, self.adding, *model, self.bin_ms, self.steps, self.batch, self.split


COLUMNS = [name for name, field in TaskScore.model_fields.items() if not field.exclude]
LATER = ("d_m", "n_sources", "bits_per_character")  # columns that the first files lack; of later ones the last
BEFORE = [[name for name in COLUMNS if name not in LATER[kept:]] for kept in (0, 2)]
ARRAYS = {"label_n": "i4", "predicted_n": "i4", "curve_i2": "f8", "bits_k": "f8", "characters_k": "i4"}


def answers_path(scores: str | Path) -> Path:
    """Where the answers of a score file are: scores.csv, scores.answers.npz."""
    return Path(scores).with_suffix(".answers.npz")


def are_task_scores(path: str | Path) -> bool:
    """Whether a score file is of tasks, as far as its header says."""
    try:
        with Path(path).open(encoding="utf-8") as file:
            return "task_scores_schema" in file.readline()
    except (OSError, UnicodeDecodeError):
        return False


def write_task_scores(path: str | Path, scores: Sequence[TaskScore]) -> None:
    """Write scores as CSV, one row each, and their answers beside it. Raises InputError where that cannot be."""
    rows = [score.model_dump() for score in scores]
    arrays = {}
    for row, score in zip(rows, scores, strict=True):
        for name, kind in ARRAYS.items():
            if (values := getattr(score, name)) is not None:
                arrays[f"{_key(row, COLUMNS)}.{name}"] = values.astype(kind)
    with writing_whole(answers_path(path)) as growing:
        np.savez_compressed(growing, **arrays)  # type: ignore[arg-type]  # NumPy's stub: the last argument is them
    write_rows(Path(path), COLUMNS, rows)


def read_task_scores(paths: Sequence[str | Path]) -> list[TaskScore]:
    """Read the scores of one or more files, in order, with their answers where those are beside them.

    Raises InputError naming file, row and column where one is missing or foreign, or a run is there twice.
    """
    found: list[TaskScore] = []
    for path in map(Path, paths):
        found += _read_file(path)
    seen: set[tuple] = set()
    for score in found:
        run = (*score.what, score.seed, score.name)
        if run in seen:
            raise InputError(f"run '{score.name}', seed {score.seed}, is there twice; leave one out")
        seen.add(run)
    return found


def _read_file(path: Path) -> list[TaskScore]:
    header, rows = read_rows(path)
    if header not in (COLUMNS, *BEFORE) or not rows:
        wrong = sorted(set(header) ^ set(COLUMNS))
        raise InputError(f"{path}: is no file of task scores ({wrong[0] if wrong else 'no rows'}); evaluate again")
    answers = _answers(answers_path(path))
    scores = []
    for at, row in enumerate(rows, start=1):
        key = _key(row, header)
        beside = {name: answers.get(f"{key}.{name}") for name in ARRAYS}
        try:
            scores.append(
                TaskScore.model_validate({**row, "task_scores_schema": int(row["task_scores_schema"]), **beside})
            )
        except (ValidationError, ValueError, TypeError) as error:
            told = error.errors()[0] if isinstance(error, ValidationError) else {"loc": ("task_scores_schema",)}
            raise InputError(
                f"{path}: row {at}: column '{told['loc'][0]}' is not what it holds; evaluate again"
            ) from error
    return scores


def _answers(path: Path) -> dict[str, np.ndarray]:
    if not path.exists():
        return {}
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as found:
            return dict(found)
    except Exception as error:  # zip, zlib and NumPy raise half a dozen kinds
        raise InputError(f"{path}: is damaged, or holds no answers; evaluate again, or remove it") from error


def _key(row: dict[str, Any], columns: Sequence[str]) -> str:
    """What stands for a row: another value in any column is another row."""
    told = "\n".join(f"{name}={'' if row[name] is None else row[name]}" for name in columns)
    return hashlib.sha256(told.encode()).hexdigest()[:16]
