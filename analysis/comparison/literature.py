"""Scores from the literature, each with its source: what the measured ones are drawn in front of."""

from __future__ import annotations

import csv
from importlib.resources import files

from pydantic import BaseModel, ConfigDict, Field, field_validator


class Published(BaseModel):
    """One published result on NeuronIO's test set; a figure that was not published is None."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    family: str = Field(description="model family, or the name of a single model")
    label: str = Field(min_length=1, description="which model of the family")
    n_parameters: int = Field(ge=1, description="trainable parameters, as published (rounded in the papers' tables)")
    input_set: str = Field(description="NeuronIO's synapses: NMDA or AMPA")
    roc_auc: float | None = Field(ge=0, le=1)
    tp_at_fp_0025: float | None = Field(ge=0, le=1, description="true positive rate at 0.0025 false positives")
    tp_at_fp_01: float | None = Field(ge=0, le=1, description="true positive rate at 0.01 false positives")
    rmse_rescaled_mv: float | None = Field(ge=0, description="all published RMSE is after rescaling per file")
    explained_variance_rescaled: float | None = Field(le=1, description="0 to 1, after rescaling per file")
    source: str = Field(min_length=1)

    @field_validator("*", mode="before")
    @classmethod
    def _empty_is_unpublished(cls, value: str) -> str | None:
        return value or None


def published_scores() -> list[Published]:
    """Every result of `published/*.csv`, file by file in alphabetical order."""
    folder = files(__package__) / "published"
    tables = sorted((entry for entry in folder.iterdir() if entry.name.endswith(".csv")), key=lambda entry: entry.name)
    rows = (row for table in tables for row in csv.DictReader(table.read_text("utf-8").splitlines()))
    return [Published.model_validate(row) for row in rows]
