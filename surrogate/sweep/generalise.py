"""Runs on data of other cells, receptors and inputs: each predicts every dataset that its inputs fit, and is scored."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import xarray as xr

from ...simulate.schema import InputError, config_of, open_dataset, output_spike_bins, recover
from ..device import choose_device
from ..fitting.run_folder import write_file
from ..use.checkpoint import Surrogate
from ..use.predict import predict
from .sweep_config import model_of

CARD = "generalise.json"  # beside the predictions: what they are of

ScoreOf = Callable[[Path, Path], Any]  # the score of a prediction, from its truth and itself


class Transfer(NamedTuple):
    """One model on one dataset: its score, or None and the reason."""

    surrogate: Surrogate
    data: Path
    score: Any
    reason: str


def generalise(
    runs: Sequence[str] | None,
    data: Sequence[str | Path] | None,
    folder: str | Path,
    score: ScoreOf,
    *,
    device: str = "auto",
    resume: bool = False,
    overwrite: bool = False,
    report: Callable[[int, int, str], None] | None = None,
) -> list[Transfer]:
    """Predict every simulation of `data` with every run, and score it; returns what came of each, run by run.

    runs: as `Surrogate.load` takes them. data: paths of simulations. folder: where the predictions are kept,
    RUN-on-DATASET_ID.zarr; of the data that a run was fitted on, its held-out trials. score: gives a prediction's
    score. device: auto, cpu, cuda or cuda:N. resume: take the predictions that are there and finished; runs and data
    may then be None, for those that the folder was made with. overwrite: make them again. report: called with what is
    done, what there is, and what goes on. Runs that one name, seed and training dataset would not tell apart are called
    by their folders.
    Raises InputError for a run or dataset that cannot be read or is given twice, or a folder that cannot be used.
    """
    folder = Path(folder)
    if not (runs and data):
        if not resume:
            raise InputError(f"{folder}: give runs and data; only predictions that are resumed know their own")
        own_runs, own_data = _own(folder)
        runs, data = runs or own_runs, data or own_data
    surrogates = _told_apart([Surrogate.load(run) for run in runs])
    truths = [(Path(path), open_dataset(path, "simulation")) for path in data]
    _once("dataset", [ds.attrs["dataset_id"] for _, ds in truths], list(map(str, data)))
    choose_device(device)
    found = list[Transfer]()
    _prepare(folder, resume, overwrite)
    card = json.dumps({"runs": list(runs), "data": list(map(str, data))}, indent=1).encode()
    for surrogate in surrogates:
        for path, ds in truths:
            if report is not None:
                report(len(found), len(surrogates) * len(truths), f"{surrogate.name} on {path.name}")
            found.append(_transfer(surrogate, path, ds, folder, card, score, device, resume))
    if report is not None:
        report(len(found), len(found), "")
    return found


def _transfer(
    surrogate: Surrogate,
    path: Path,
    ds: xr.Dataset,
    folder: Path,
    card: bytes,
    score: ScoreOf,
    device: str,
    resume: bool,
) -> Transfer:
    n_inputs = ds.sizes["synapse"]
    if n_inputs != surrogate.model.n_inputs:
        return Transfer(surrogate, path, None, f"{n_inputs:,} inputs, the model reads {surrogate.model.n_inputs:,}")
    if not output_spike_bins(ds).any():
        return Transfer(surrogate, path, None, "no output spikes")
    out = folder / f"{_slug(surrogate.run)}-on-{_slug(ds.attrs['dataset_id'])}.zarr"
    recover(out)
    _say_what_it_is_of(folder, card)
    if not (resume and _is_there(out, surrogate, ds.attrs["dataset_id"])):
        predict(surrogate, path, out, device=device, overwrite=True)
    try:
        return Transfer(surrogate, path, score(path, out), "")
    except InputError as error:  # one that has nothing to score keeps no other from its score
        return Transfer(surrogate, path, None, str(error))


def _say_what_it_is_of(folder: Path, card: bytes) -> None:
    """Write the card, if it is not there, once there is something to predict: nothing that is refused has a folder."""
    if not ((folder / CARD).is_file() and (folder / CARD).read_bytes() == card):
        folder.mkdir(parents=True, exist_ok=True)
        write_file(folder / CARD, card)


def _own(folder: Path) -> tuple[list[str], list[str]]:
    """The runs and the data that a folder of predictions was made with. Raises InputError where it does not say."""
    try:
        card = json.loads((folder / CARD).read_text())
        own = card["runs"], card["data"]
        if not all(isinstance(each, list) and each and all(isinstance(one, str) for one in each) for each in own):
            raise ValueError("names are text")
    except OSError as error:
        raise InputError(
            f"{folder}: does not say what its predictions are of ({CARD} cannot be read); give runs and data"
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{folder / CARD}: is damaged; give runs and data") from error
    return own


def _told_apart(surrogates: list[Surrogate]) -> list[Surrogate]:
    """Each with a name that no other of the same seed and training data has."""
    _once("run", [_slug(each.run) for each in surrogates], [each.run for each in surrogates])

    def keys() -> list[tuple]:
        return [(each.name, each.seed, each.trained_on) for each in surrogates]

    twice = [key for key in keys() if keys().count(key) > 1]
    surrogates = [
        replace(each, name=model_of(Path(each.run).resolve().name)) if key in twice else each
        for each, key in zip(surrogates, keys(), strict=True)
    ]
    _once("model and seed", keys(), [each.run for each in surrogates])
    return surrogates


def _once(what: str, keys: list, said: list[str]) -> None:
    """Raise InputError where a key is there twice."""
    for at, key in enumerate(keys):
        if key in keys[:at]:
            raise InputError(f"{said[at]}: the same {what} as {said[keys.index(key)]}; give one of them")


def _prepare(folder: Path, resume: bool, overwrite: bool) -> None:
    if resume and overwrite:
        raise InputError("only one of --resume and --overwrite can be given")
    above = next(each for each in (folder, *folder.absolute().parents) if each.exists())
    if not above.is_dir():
        raise InputError(f"{folder}: cannot be made a folder ({above} is a file); choose another path")
    remains = re.compile(rf"\.|{re.escape(CARD)}$")
    there = above == folder and any(not remains.match(each.name) for each in folder.iterdir())
    if there and not (resume or overwrite):
        raise InputError(
            f"{folder}: exists already; --resume takes the predictions that are there, --overwrite makes them again"
        )


def _is_there(out: Path, surrogate: Surrogate, truth_id: str) -> bool:
    """Whether a finished prediction of this truth by this model is there."""
    try:
        had = open_dataset(out, "prediction")
    except InputError:
        return False
    config = config_of(had)
    same_model = all(config.get(name) == value for name, value in surrogate.describe().items())
    return had.attrs.get("truth_id") == truth_id and same_model


def _slug(text: str) -> str:
    """Text as part of a file's name.

    >>> _slug("../sweeps/nmda/runs/elm-20"), _slug("owner/elm-20@main")
    ('up_sweeps_nmda_runs_elm-20', 'owner_elm-20_main')
    """
    return re.sub(r"[^\w.-]+", "_", text.replace("..", "up")).strip("._")
