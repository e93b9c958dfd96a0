"""The commands that fit a model and predict with it again, from what a prediction says of itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .simulation import differences, line

if TYPE_CHECKING:
    import xarray as xr

    from ...surrogate.fitting.live_plan import LiveCard
    from ...surrogate.fitting.recipe import FitConfig

FIT_OPTIONS = {  # settings that have an option of their own
    "seed": "--seed",
    "steps": "--steps",
    "batch": "--batch",
    "patience": "--patience",
    "dendrite_components": "--dendrites",
}


def prediction_again(prediction: xr.Dataset, path: str, truth: xr.Dataset, truth_path: str) -> list[str]:
    """What made the prediction at `path`: a fit, where its run is still there, and the prediction itself."""
    from ...simulate.schema import config_of
    from ...surrogate.fitting.run_folder import CARD
    from ...surrogate.use.hub import is_hub_name
    from ...surrogate.use.published import SETTINGS_FILE
    from ...surrogate.use.shipped import is_shipped

    config = config_of(prediction)
    if "integration" in config:
        return [_noise_floor(prediction, config, path, truth, truth_path)]
    run = str(config.get("run") or "")
    chosen = config.get("trials", "auto")
    chosen = chosen if isinstance(chosen, str) else ",".join(map(str, chosen))
    options = [*(["--trials", chosen] if chosen != "auto" else []), "--out", path]
    options = [*(["--mode", config["mode"]] if config.get("mode", "windows") != "windows" else []), *options]
    if run and (is_shipped(run) or is_hub_name(run)):
        return [line("apical predict", run, truth_path, *options)]
    if run and (Path(run) / CARD).exists():
        return _of_run(config, run, options, path, truth, truth_path)
    if run and (Path(run) / SETTINGS_FILE).exists():
        return [line("apical predict", "--elm-checkpoint", run, truth_path, *options)]
    return [f"# {path}: was predicted by {config.get('name')}, whose run {run or ''} is not there".replace("  ", " ")]


def _of_run(
    config: dict[str, Any], run: str, options: list[str], path: str, truth: xr.Dataset, truth_path: str
) -> list[str]:
    from ...surrogate.fitting.run_folder import read_card

    card = read_card(Path(run))
    if card.trained_on != config.get("trained_on") or card.fit.seed != config.get("seed"):
        return [f"# {path}: was predicted by a run that is no longer in {run}"]
    if config.get("name") != f"{card.fit.family}-{card.fit.size}":
        return [f"# {path}: is of the run {Path(run).name} of a sweep, which calls its model {config.get('name')}"]
    if card.live is not None:
        words = [*live_words(card.live), *fit_words(card.fit)]
        return [line("apical fit", *words, "--out", run), line("apical predict", run, truth_path, *options)]
    given = truth.attrs["dataset_id"]
    data = [truth_path if each.dataset_id == given else each.dataset for each in card.fitted_to]
    fit = line("apical fit", *data, *fit_words(card.fit), "--out", run)
    return [fit, line("apical predict", run, truth_path, *options)]


def live_words(live: LiveCard) -> list[str]:
    """What `apical fit` takes to simulate the trials of a live fit again."""
    from ...simulate.config import Simulation
    from ...simulate.presets import PRESETS
    from ...surrogate.fitting.live_plan import LivePlan

    config = Simulation.model_validate(live.config)
    before = PRESETS[config.preset]().model_dump(mode="json")
    words = ["--live", config.preset]
    for name, value in differences(before, config.model_dump(mode="json")):
        words += ["--live-set", f"{name}={json.dumps(value)}"]
    for name, value in differences(LivePlan().model_dump(), live.plan.model_dump()):
        words += [f"--{name.replace('_', '-')}", str(value)]
    return words


def fit_words(target: FitConfig) -> list[str]:
    """What `apical fit` takes for this configuration, from the recipe that is nearest to it."""
    from ...simulate.schema import InputError
    from ...surrogate.fitting.recipe import paper, quick

    found: list[list[str]] = []
    for recipe, make in (("quick", quick), ("paper", paper)):
        before, after = (each.model_dump(mode="json") for each in (make(target.family, target.size), target))
        changed = {name: after[name] for name in after if before[name] != after[name]}
        try:
            if make(target.family, target.size, **changed) != target:
                continue  # a recipe's own option that this fit does not have
        except InputError:
            continue
        words = ["--model", target.family, "--size", str(target.size)]
        words += ["--recipe", recipe] if recipe != "quick" else []
        for name, value in changed.items():
            own = name in FIT_OPTIONS and value is not None
            words += [FIT_OPTIONS[name], str(value)] if own else ["--set", f"{name}={json.dumps(value)}"]
        found.append(words)
    return min(found, key=len)


def _noise_floor(prediction: xr.Dataset, config: dict[str, Any], path: str, truth: xr.Dataset, truth_path: str) -> str:
    from ...simulate.schema import config_of

    own = config_of(truth).get("integration", {})
    words: list[str] = []
    for name, value in differences(own, config["integration"]):
        if name == "second_order":
            words += ["--order", "2" if value else "1"]
        elif name in ("engine", "tolerance", "dt_ms"):
            words += [f"--{name.removesuffix('_ms')}", "0" if value is None else str(value)]
    if "part" in prediction and (np.asarray(prediction["part"]) != "").any():
        return f"# {path}: apical noise-floor {truth_path} {' '.join(words)}, on the trials of another prediction"
    numbers = ",".join(map(str, np.asarray(prediction["trial"]).tolist()))
    return line("apical noise-floor", truth_path, *words, "--trials", numbers, "--out", path)
