"""What a sweep on a task fits: every size of every family, with bins of every width and every seed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field, field_validator

from ...simulate.schema import InputError, Seed, shown
from ...surrogate.models.settings import Settings
from ...surrogate.sweep.sweep_config import replaced, sweep_fields
from ..fitting.recipe import RECIPES, TaskFit, recipe
from ..models.classifier import FAMILIES
from ..models.settings import check_known

VARIED = ("family", "size", "seed", "bin_ms")  # what runs differ in, so no settings of a sweep


class TaskModels(Settings):
    """One family at several sizes. Seeds and bins are the sweep's where none are given."""

    family: str = Field(description="elm, branch-elm, elm-network, lstm, chrono-lstm, gru, transformer or snn")
    sizes: tuple[int, ...] = Field(min_length=1)
    label: str = Field(default="", pattern=r"^[\w.-]*$", description="in the names of its runs, after family and size")
    seeds: tuple[Seed, ...] = Field(default=(), description="in place of the sweep's")
    bins_ms: tuple[float, ...] = Field(default=(), description="in place of the sweep's")
    options: dict[str, bool | int | float | str] = Field(default={}, description="other fields of the model")
    settings: dict[str, Any] = Field(default={}, description="fields of the fit, for this family only")


class TaskSweep(Settings):
    """Every size of every family, with every seed; of events, with bins of every width."""

    models: tuple[TaskModels, ...] = Field(min_length=1)
    seeds: tuple[Seed, ...] = Field(default=(0,), min_length=1)
    bins_ms: tuple[float, ...] = Field(default=(), description="of events: widths of a bin, in ms")
    recipe: str = Field(default="quick", description="whose settings stand where none are given")
    settings: dict[str, Any] = Field(default={}, description="fields of the fit, for all families")

    @field_validator("recipe")
    @classmethod
    def _is_known(cls, name: str) -> str:
        if name not in RECIPES:
            raise ValueError(f"recipe {name!r} is not known; choose from {', '.join(RECIPES)}")
        return name

    def changed(self, settings: dict[str, Any]) -> TaskSweep:
        """With settings of the fit replaced, for all families and for each."""
        return replaced(self, settings)

    def runs(self) -> dict[str, TaskFit]:
        """Every run's settings, by its name, in order. Raises InputError for what is not a setting, or a run twice."""
        runs: dict[str, TaskFit] = {}
        for models in self.models:
            check_known("model for sequences", models.family, FAMILIES)
            for size in models.sizes:
                for bin_ms in models.bins_ms or self.bins_ms or (None,):
                    for seed in models.seeds or self.seeds:
                        name = _name(models, size, bin_ms, seed)
                        if name in runs:
                            raise InputError(f"sweep: run {name} is there twice; leave one out, or give models labels")
                        runs[name] = self._fit(models, size, bin_ms, seed)
        return runs

    def _fit(self, models: TaskModels, size: int, bin_ms: float | None, seed: int) -> TaskFit:
        settings = {**self.settings, **models.settings}
        for name in VARIED:
            if name in settings:
                raise InputError(f"sweep: settings: '{name}' is what runs of a sweep differ in; leave it out there")
        of_all = settings.pop("options", {})
        if not isinstance(of_all, dict):
            raise InputError(f"sweep: settings: options is {shown(of_all)}, expected a table of the model's fields")
        options = {**of_all, **models.options}
        bins = {} if bin_ms is None else {"bin_ms": bin_ms}
        return recipe(self.recipe, models.family, size, **settings, **bins, seed=seed, options=options)


def _name(models: TaskModels, size: int, bin_ms: float | None, seed: int) -> str:
    """
    >>> _name(TaskModels(family="elm", sizes=(9,)), 9, 2.0, 0)
    'elm-9-2ms-seed0'
    >>> _name(TaskModels(family="lstm", sizes=(9,), label="wide"), 9, None, 1)
    'lstm-9-wide-seed1'
    """
    bins = [] if bin_ms is None else [f"{bin_ms:g}ms"]
    return "-".join([models.family, str(size), *([models.label] if models.label else []), *bins, f"seed{seed}"])


def read_task_sweep(path: str | Path) -> TaskSweep:
    """The sweep in a TOML file. Raises InputError naming file and field."""
    path = Path(path)
    if path.suffix != ".toml":
        raise InputError(f"sweep '{path}': of a task it is a .toml file of models")
    return TaskSweep.checked(str(path), sweep_fields(path))
