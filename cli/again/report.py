"""The commands that make again what a report shows, in order; what no command is known for is a comment."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from .prediction import prediction_again
from .simulation import line, simulation_again

if TYPE_CHECKING:
    import xarray as xr

    from ...analysis.scores.rows import Score

FIGURE = "parameter_efficiency.svg"
OF_A_MODEL = ("name", "seed", "n_parameters", "train_trials", "trained_on", "mode")  # in scores and in predictions


def report_again(
    scores: Sequence[Path], data: Path | None, predictions: Sequence[Path], trials: int | None, out: Path
) -> list[str]:
    """The truth, models and predictions, as far as they are given; each score file, the figure, and the report."""
    from ...simulate.schema import open_dataset

    commands, opened = [], {path: open_dataset(path, "prediction") for path in predictions}
    truth = None if data is None else open_dataset(data, "simulation")
    if truth is not None:
        commands += simulation_again(truth, str(data))
        for path, prediction in opened.items():
            commands += prediction_again(prediction, str(path), truth, str(data))
    for file in scores:
        commands.append(_scores_again(file, truth, data, opened))
    commands.append(line("apical compare", *scores, "--out", FIGURE))
    given = ["--data", data] if data is not None else []
    for path in predictions:
        given += ["--prediction", path]
    given += ["--trials", trials] if trials is not None else []
    return [*commands, line("apical report", *scores, *given, "--out", out)]


def _scores_again(file: Path, truth: xr.Dataset | None, data: Path | None, predictions: dict[Path, xr.Dataset]) -> str:
    """The command that writes a score file: `apical sweep`, or `apical evaluate` where all of its rows are of these."""
    from ...analysis.scores.files import read_scores
    from ...simulate.schema import config_of

    rows = read_scores([file])
    swept = _sweep(file, {(row.name, row.seed) for row in rows})
    if swept is not None:
        known = data is not None and truth is not None and all(r.trained_on == truth.attrs["dataset_id"] for r in rows)
        several = _data_of_sweep(file.parent / "sweep.json", {r.trained_on for r in rows})
        folder = file.parent if (file.parent / "sweep.json").exists() else Path("sweeps", file.stem)
        if known or several:
            return line("apical sweep", swept, *([data] if known else several), "--out", folder)
        return f"# {file}: of the sweep {swept}, on dataset {rows[0].trained_on or 'unknown'}"
    of_model = {
        tuple("" if config.get(name) is None else config[name] for name in OF_A_MODEL): path
        for path, config in ((path, config_of(prediction)) for path, prediction in predictions.items())
    }
    scored = [
        of_model.get(tuple("" if getattr(row, name) is None else getattr(row, name) for name in OF_A_MODEL))
        for row in rows
    ]
    given = [path for path in scored if path is not None]
    if truth is not None and len(given) == len(rows) and all(r.dataset_id == truth.attrs["dataset_id"] for r in rows):
        options = _options(rows, truth, [predictions[path] for path in given])
        if options is not None:
            return line("apical evaluate", data, *given, *options, "--out", file)
    return f"# {file}: `apical evaluate` wrote it, of predictions that were not given for this report"


def _options(rows: Sequence[Score], truth: xr.Dataset, predictions: Sequence[xr.Dataset]) -> list[str] | None:
    """With which `apical evaluate` scored as many trials of the predictions as the rows say; None for no options."""
    from ...analysis.metrics.pair import PUBLISHED_TIMES, paired

    exact = PUBLISHED_TIMES in truth and rows[0].spike_times == "exact"
    options = ["--exact-spikes"] * exact + ["--published-only"] * all(row.brier is None for row in rows)
    choices: tuple[tuple[Literal["held-out", "every"], list[str]], ...] = (
        ("held-out", []),
        ("every", ["--every-trial"]),
    )
    for part, choice in choices:
        pairs = [paired(truth, each, part=part, published_spike_times=False if exact else None) for each in predictions]
        if [int(pair.kept_b.sum()) for pair in pairs] == [row.n_trials for row in rows]:
            return [*choice, *options]
    return None


def _data_of_sweep(card: Path, trained_on: set[str]) -> list[str]:
    """The paths of the several simulations that a sweep was fitted to; none where its card does not say so."""
    try:
        told = json.loads(card.read_text())
    except (OSError, ValueError):
        return []
    several = (
        isinstance(told, dict) and isinstance(told.get("dataset"), list) and {told.get("dataset_id")} == trained_on
    )
    return [str(each) for each in told["dataset"]] if several else []


def _sweep(file: Path, runs: set[tuple[str, int | None]]) -> str | None:
    """The sweep that wrote a score file: in its folder, or the .toml beside it whose runs these are; None for none."""
    card, beside = file.parent / "sweep.json", file.with_suffix(".toml")
    if not card.exists() and not beside.exists():
        return None

    from ...simulate.schema import InputError
    from ...surrogate.sweep.sweep_config import PRESETS, Sweep, model_of, read_sweep

    try:
        if card.exists() and file.name == "scores.csv":
            found = Sweep.model_validate(json.loads(card.read_text())["sweep"])
            return next((name for name, preset in PRESETS.items() if preset == found), None)
        if beside.exists():
            named = {(model_of(name), fit.seed) for group in read_sweep(beside).groups() for name, fit in group.items()}
            return str(beside) if named == runs else None
    except (InputError, ValueError, KeyError):
        return None
    return None
