"""What a sweep fits: models × sizes × seeds × amounts of data, from a preset or a TOML file."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from ...simulate.schema import InputError, Seed, shown
from ...simulate.schema.input_error import one_line
from ..fitting.recipe import FitConfig, paper, quick
from ..models.families import check_family
from ..models.settings import Settings

RECIPES = {"paper": paper, "quick": quick}
VARIED = ("family", "size", "seed", "train_fraction")  # what runs differ in, so no settings of a sweep
STACKED = {"elm"}  # families whose models of one shape are faster together than one after another


def _of_every_run(settings: dict[str, Any]) -> dict[str, Any]:
    for name in VARIED:
        if name in settings:
            raise ValueError(f"settings: '{name}' is what runs of a sweep differ in; give it in a sweep's .toml file")
    if not isinstance(settings.get("options", {}), dict):
        raise ValueError(f"settings: options is {shown(settings['options'])}, expected a table of the model's fields")
    return settings


FitSettings = Annotated[dict[str, Any], AfterValidator(_of_every_run)]


class Models(Settings):
    """One family at several sizes."""

    family: str
    sizes: tuple[int | str, ...] = Field(min_length=1)
    label: str = Field(default="", pattern=r"^[\w.-]*$", description="in the names of its runs, after family and size")
    options: dict[str, bool | int | float | str | None] = Field(default={}, description="other fields of the model")
    settings: FitSettings = Field(default={}, description="fields of the fit, for this family only")


def replaced(sweep: Any, settings: dict[str, Any]) -> Any:
    """A sweep of `models`, each with settings of its own, with some replaced for all and for each."""
    models = tuple(
        each.model_copy(update={"settings": {k: v for k, v in each.settings.items() if k not in settings}})
        for each in sweep.models
    )
    return sweep.model_copy(update={"models": models, "settings": sweep.settings | settings})


class Sweep(Settings):
    """What is fitted: every size of every family, with every seed, on every share of the training trials."""

    models: tuple[Models, ...] = Field(min_length=1)
    seeds: tuple[Seed, ...] = Field(default=(0,), min_length=1)
    train_fractions: tuple[float, ...] = Field(default=(1.0,), min_length=1)
    recipe: Literal["paper", "quick"] = "paper"
    settings: FitSettings = Field(default={}, description="fields of the fit, for all families")

    def changed(self, settings: dict[str, Any]) -> Sweep:
        """With settings of the fit replaced, for all families and for each."""
        return replaced(self, settings)

    def groups(self) -> list[dict[str, FitConfig]]:
        """Runs by name, those that can be fitted together in one group. Raises InputError for what is not a setting."""
        groups = []
        for fraction in self.train_fractions:
            for models in self.models:
                check_family(models.family)
                for size in models.sizes:
                    runs = {
                        self._name(models, size, fraction, s): self._fit(models, size, fraction, s) for s in self.seeds
                    }
                    together = models.family in STACKED
                    groups += [runs] if together else [{name: config} for name, config in runs.items()]
        return groups

    def _name(self, models: Models, size: int | str, fraction: float, seed: int) -> str:
        data = [] if fraction == 1 else [f"data{fraction:g}"]
        return "-".join([models.family, str(size), *([models.label] if models.label else []), *data, f"seed{seed}"])

    def _fit(self, models: Models, size: int | str, fraction: float, seed: int) -> FitConfig:
        changes = self.settings | models.settings | {"seed": seed, "train_fraction": fraction}
        options = {**changes.pop("options", {}), **models.options}
        return RECIPES[self.recipe](models.family, size, **changes, options=options)


# Sizes of the published tables: Spieler et al. 2024; TCNs of Beniaguev et al. 2021
BRANCH_ELM_SIZES = (1, 2, 3, 5, 7, 10, 15, 20, 25, 30, 40, 50, 75, 100)
ELM_SIZES = (10, 15, 20, 25, 35, 50, 75, 100)
LSTM_SIZES = (15, 25, 50, 100, 150, 250)
TCN_SIZES = ("2x8", "3x8", "3x64", "4x128", "6x128", "7x128")
UNBRANCHED = {"n_branches": None}
PRESETS = {
    "parameter-efficiency": Sweep(
        models=(
            Models(family="elm", sizes=BRANCH_ELM_SIZES),
            Models(family="elm", sizes=ELM_SIZES, label="unbranched", options=UNBRANCHED),
            Models(family="lstm", sizes=LSTM_SIZES),
            Models(family="tcn", sizes=TCN_SIZES),
        ),
        seeds=(0, 1, 2),
    ),
    "data-efficiency": Sweep(
        models=(Models(family="elm", sizes=(20,)),), seeds=(0, 1, 2), train_fractions=(0.03, 0.1, 0.3, 1.0)
    ),
}


def model_of(run: str) -> str:
    """What a run's model is called in tables: family, size and label."""
    return re.sub(r"(-data[\d.e-]+)?-seed\d+$", "", run)


def read_sweep(name: str | Path) -> Sweep:
    """The preset of that name, or the sweep in a TOML file. Raises InputError naming file and field."""
    if str(name) in PRESETS:
        return PRESETS[str(name)]
    path = Path(name)
    if path.suffix != ".toml":
        raise InputError(f"sweep '{name}': is no preset ({', '.join(PRESETS)}) and no .toml file")
    return Sweep.checked(str(path), sweep_fields(path))


def sweep_fields(path: Path) -> dict[str, Any]:
    """What the TOML file of a sweep holds. Raises InputError where it cannot be read."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: the sweep cannot be read ({one_line(error)})") from error
