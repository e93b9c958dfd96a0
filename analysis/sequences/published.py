"""Published results on tasks of sequences, each with its source."""

from __future__ import annotations

import csv
from importlib.resources import files

from pydantic import BaseModel, ConfigDict, Field, field_validator


class PublishedAccuracy(BaseModel):
    """One published test accuracy; a figure that was not published is None."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    task: str = Field(min_length=1, description="SHD, SHD-Adding, or LRA and its task")
    family: str = Field(min_length=1, description="model family")
    label: str = Field(min_length=1, description="which model of the family")
    n_parameters: int | None = Field(ge=1, description="trainable parameters, as published")
    bin_ms: float | None = Field(gt=0, description="width of a bin of events")
    accuracy: float = Field(ge=0, le=1)
    source: str = Field(min_length=1)

    @field_validator("*", mode="before")
    @classmethod
    def _empty_is_unpublished(cls, value: str) -> str | None:
        return value or None


class PublishedNetwork(BaseModel):
    """One published network of neurons of one size; a figure that was not published is None."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    task: str = Field(min_length=1, description="SHD-Adding or Enwik8")
    n_neurons: int = Field(ge=1, description="neurons of the recurrent layer")
    d_m: int = Field(ge=1, description="memory units of each")
    n_branches: int = Field(ge=1, description="of each neuron")
    synapses_per_branch: int = Field(ge=1)
    n_parameters: int | None = Field(ge=1, description="trainable parameters, as published")
    accuracy: float | None = Field(ge=0, le=1, description="of the test")
    validation_accuracy: float | None = Field(ge=0, le=1)
    bits_per_character: float | None = Field(gt=0)
    source: str = Field(min_length=1)

    @field_validator("*", mode="before")
    @classmethod
    def _empty_is_unpublished(cls, value: str) -> str | None:
        return value or None


def published_accuracies() -> list[PublishedAccuracy]:
    """Every row of `comparison/published/tasks/*.csv`, file by file in alphabetical order."""
    return [PublishedAccuracy.model_validate(row) for row in _rows("tasks")]


def published_networks() -> list[PublishedNetwork]:
    """Every row of `comparison/published/networks/*.csv`, file by file in alphabetical order."""
    return [PublishedNetwork.model_validate(row) for row in _rows("networks")]


def _rows(kind: str) -> list[dict[str, str]]:
    folder = files("apical.analysis.comparison") / "published" / kind
    tables = sorted((entry for entry in folder.iterdir() if entry.name.endswith(".csv")), key=lambda entry: entry.name)
    return [row for table in tables for row in csv.DictReader(table.read_text("utf-8").splitlines())]
