"""What one model scored on one dataset, and the CSV files that keep such rows."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..simulate.schema import InputError

SCORES_SCHEMA: Literal[2] = 2


class Score(BaseModel):
    """One row of scores: one model, one seed, one dataset. Fractions run from 0 to 1, voltages are in mV."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    scores_schema: Literal[2] = Field(SCORES_SCHEMA, description="version of this list of columns")
    family: str = Field(min_length=1, description="model family, such as elm or tcn")
    size: str = Field(description="setting of the family's size dial, such as 20 or 7x128")
    name: str = Field(description="name of the run or checkpoint")
    seed: int | None = Field(description="seed of the fit; empty where it is not known")
    n_parameters: int = Field(ge=0, description="trainable parameters")
    macs_per_ms: int | None = Field(ge=0, description="multiply-accumulates for 1 ms; empty where they are not known")
    train_trials: int | None = Field(ge=1, description="trials that it was fitted on; empty where it is not known")
    dataset_id: str = Field(description="id of the dataset that the model was scored on")
    dataset: str = Field(description="what that dataset is, in words: input preset, morphology, parameter set")
    trained_on: str = Field(description="id of the dataset that the model was fitted to; empty where it is not known")
    mode: str = Field(description="how a trial was predicted: windows (published) or stream; empty where not known")
    n_trials: int = Field(ge=1, description="trials that were scored")
    n_output_spikes: int = Field(ge=1, description="scored 1 ms bins with an output spike of the truth")
    spike_times: Literal["published", "exact"] = Field(description="output spike times that were the truth")
    roc_auc: float = Field(ge=0, le=1, description="area under the ROC curve over 1 ms bins")
    tp_at_fp_0025: float = Field(ge=0, le=1, description="true positives at a false-positive rate of 0.0025")
    tp_at_fp_01: float = Field(ge=0, le=1, description="true positives at a false-positive rate of 0.01")
    auc_at_fp_0025: float = Field(ge=0, le=1, description="mean true positives below a false-positive rate of 0.0025")
    auc_at_fp_01: float = Field(ge=0, le=1, description="mean true positives below a false-positive rate of 0.01")
    rmse_mv: float = Field(ge=0, description="root mean squared voltage error as predicted, mV")
    rmse_rescaled_mv: float = Field(ge=0, description="the same after the published rescaling per file, mV")
    mae_mv: float = Field(ge=0, description="mean absolute voltage error as predicted, mV")
    mae_rescaled_mv: float = Field(ge=0, description="the same after the published rescaling per file, mV")
    explained_variance: float = Field(le=1, description="explained variance of the voltage as predicted, at most 1")
    explained_variance_rescaled: float = Field(le=1, description="the same after the published rescaling per file")


COLUMNS = tuple(Score.model_fields)


def write_scores(path: str | Path, scores: Iterable[Score]) -> None:
    """Write scores as CSV, one row each under one header; an existing file is replaced.

    Raises InputError where the path cannot be written.
    """
    try:
        with Path(path).open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(score.model_dump() for score in scores)
    except OSError as error:
        raise InputError(f"{path}: scores cannot be written ({error.strerror})") from error


def read_scores(paths: Sequence[str | Path]) -> list[Score]:
    """Read the scores of one or more CSV files, in order.

    Raises InputError naming file, row and column where a file is missing or foreign, a column is missing or unknown, a
    value is not what its column holds, or a row has another scores schema.
    """
    return [score for path in paths for score in _read_file(Path(path))]


def _read_file(path: Path) -> list[Score]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file, strict=True)
            header, rows = reader.fieldnames or [], list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise InputError(f"{path}: scores cannot be read ({reason}); `apical evaluate` writes them") from error
    if "scores_schema" in header:  # before the columns: another schema explains why they differ
        for at, row in enumerate(rows, start=1):
            if row["scores_schema"] != str(SCORES_SCHEMA):
                raise InputError(
                    f"{path}: row {at}: column 'scores_schema' is '{row['scores_schema']}', this apical reads "
                    f"{SCORES_SCHEMA}: evaluate again"
                )
    wrong = [f"lacks column '{name}'" for name in COLUMNS if name not in header]
    wrong += [f"has unknown column '{name}'" for name in header if name not in COLUMNS]
    wrong += [f"has column '{name}' more than once" for name in COLUMNS if header.count(name) > 1]
    if wrong:
        raise InputError(f"{path}: header {wrong[0]}; `apical evaluate` writes score files")
    if not rows:
        raise InputError(f"{path}: has no rows; evaluate a prediction first")
    return [_parse(path, at, row) for at, row in enumerate(rows, start=1)]


def _parse(path: Path, at: int, row: dict[str, str | None]) -> Score:
    if None in row or None in row.values():  # csv's mark for cells beyond the header, or short of it
        raise InputError(f"{path}: row {at}: has more or fewer cells than the header's {len(COLUMNS)}; evaluate again")
    values = {name: cell for name, cell in row.items() if name != "scores_schema"}
    values |= {name: row[name] or None for name in ("seed", "macs_per_ms", "train_trials")}
    try:
        return Score.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        column = first["loc"][0]
        raise InputError(
            f"{path}: row {at}: column '{column}' is '{row[str(column)]}': {first['msg'].lower()}; evaluate again"
        ) from error
