"""Many fits with one command: models × sizes × seeds × amounts of data, each fitted, predicted and scored."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from ...simulate.schema import InputError
from ..device import check_precision, choose_device, gpu_of
from ..fitting.fit import fit_together
from ..fitting.one_writer import alone_with
from ..fitting.progress import FitProgress
from ..fitting.recipe import FitConfig
from ..fitting.stores import Data, joint_id, open_stores, paths_of
from ..use.checkpoint import load_run
from ..use.predict import predict
from .runs import CARD, Join, Outcome, Show, Spread, check_names, prepare, read_card, run_all, score_path, told
from .sweep_config import Sweep, model_of


class Scoring(NamedTuple):
    """How predictions are scored, by whoever knows scores.

    one: writes the score file of a run: called with its predictions, each after its truth, and the file's path, which
        is there only once it is whole. join: writes one score file of several.
    """

    one: Callable[[Sequence[tuple[Path, Path]], Path], None]
    join: Join


def run_sweep(
    config: Sweep | None,
    data: Data | None,
    out: str | Path,
    scoring: Scoring,
    *,
    test: str | Path | None = None,
    device: str = "auto",
    resume: bool = False,
    overwrite: bool = False,
    spread: Spread | None = None,
    report: Show | None = None,
) -> list[Outcome]:
    """Fit, predict and score every run of a sweep on the simulation at `data`; returns how each ended, in order.

    config: models, sizes, seeds and amounts of data. data: path of the simulation, or of several as `fit` takes them.
    out: path of the folder.
    scoring: how a prediction is scored. test: path of a simulation of the same cell with other trials, all of which
    are predicted and scored in place of those that the fits hold out.
    device: auto, cpu, cuda or cuda:N. overwrite: replace what is at `out`.
    In `out`: runs/NAME, a run each; predictions/NAME.zarr, of the held-out trials (NAME-1.zarr and so on, of each of
    several simulations); scores.csv, a row for each run that is done and simulation; runs.csv, how each ended.
    resume: go on; what failed is tried again; config, data and test may then be None, for those that the sweep was
    started with. spread: where groups of runs are computed, one after another in this process unless given. report:
    called with runs done, runs in all, and what goes on. A run that fails is noted and stops no other.
    Raises InputError for a sweep that cannot begin: a setting, the dataset or the folder is at fault.
    """
    out = Path(out)
    if config is None or data is None:
        own = own_sweep(out)
        config, data, test = config or own.config, data or own.data, test or own.test
    groups = config.groups()
    check_names(groups)
    torch_device = choose_device(device)
    for each in (config for group in groups for config in group.values()):
        check_precision(each.precision, each.family, torch_device)
    paths = paths_of(data)
    test = None if test is None else str(test)
    stores = open_stores(paths if test is None else [*paths, test])
    ids = [ds.attrs["dataset_id"] for ds in stores]
    card = {
        "sweep": config.model_dump(mode="json"),
        "dataset": paths if paths[1:] else paths[0],
        "dataset_id": joint_id(ids[: len(paths)]),
        "test": test,
        "test_id": None if test is None else ids[-1],
    }
    with alone_with(out):
        prepare(out, card, resume=resume, overwrite=overwrite)
        arguments = (paths, test, out, scoring, device)
        return run_all(groups, run_group, arguments, out, scoring.join, spread, report)


def run_group(
    group: dict[str, FitConfig],
    data: list[str],
    test: str | None,
    out: Path,
    scoring: Scoring,
    device: str,
    show: Callable[[str], None] | None = None,
    place: int | None = None,
) -> list[Outcome]:
    """Fit the runs of a group, predict their held-out trials and score them; what goes wrong is in what is returned.

    test: the simulation that is predicted in place of the held-out trials. place: which of several processes this is;
    several GPUs are theirs by turn.
    """
    names, outcomes, truths = list(group), [], data if test is None else [test]
    device = gpu_of(place, device)

    def report(progress: FitProgress) -> None:
        if show is not None:
            more = f" and {len(names) - 1} more" if names[1:] else ""
            show(f"{names[0]}{more}: step {progress.step:,} of {progress.steps:,}  {progress.in_words()}")

    try:
        folders = [out / "runs" / name for name in names]
        fitted = fit_together(list(group.values()), data, folders, device=device, resume=True, report=report)
    except Exception as error:  # whatever it is, the other groups go on
        return [Outcome(name, told(error)) for name in names]
    for name, run in zip(names, fitted, strict=True):
        try:
            if isinstance(run, InputError):
                raise run
            surrogate = replace(load_run(run), name=model_of(name))
            predicted = [
                (Path(each), out / "predictions" / of) for each, of in zip(truths, _files(name, truths), strict=True)
            ]
            for truth, prediction in predicted:
                predict(surrogate, truth, prediction, device=device, overwrite=True)
            scoring.one(predicted, score_path(out, name))
            outcomes.append(Outcome(name, None))
        except Exception as error:
            outcomes.append(Outcome(name, told(error)))
    return outcomes


def _files(name: str, data: Sequence[str]) -> list[str]:
    """What a run's prediction of each simulation is called.

    >>> _files("elm-3-seed0", ["a.zarr"]), _files("elm-3-seed0", ["a.zarr", "b.zarr"])
    (['elm-3-seed0.zarr'], ['elm-3-seed0-1.zarr', 'elm-3-seed0-2.zarr'])
    """
    return [f"{name}-{at}.zarr" if data[1:] else f"{name}.zarr" for at in range(1, len(data) + 1)]


class OwnSweep(NamedTuple):
    """What a sweep was started with."""

    config: Sweep
    data: Data
    test: str | None


def own_sweep(out: Path) -> OwnSweep:
    """What the sweep in `out` was started with. Raises InputError where there is none."""
    card = read_card(out)
    if "dataset" not in card:
        raise InputError(f"{out / CARD}: does not say where its dataset is; give it")
    return OwnSweep(Sweep.checked(str(out / CARD), card["sweep"]), card["dataset"], card.get("test"))
