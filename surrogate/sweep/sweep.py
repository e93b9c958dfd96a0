"""Many fits with one command: models × sizes × seeds × amounts of data, each fitted, predicted and scored."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from ...simulate.schema import InputError, recover, writing_whole
from ..device import check_precision, choose_device, gpu_of
from ..fitting.fit import fit_together
from ..fitting.one_writer import alone_with
from ..fitting.progress import FitProgress
from ..fitting.recipe import FitConfig
from ..fitting.run_folder import write_file
from ..fitting.stores import Data, joint_id, open_stores, paths_of
from ..use.checkpoint import load_run
from ..use.predict import predict
from .sweep_config import Sweep, model_of

CARD, SCORES, RUNS = "sweep.json", "scores.csv", "runs.csv"
SCORE = "score.csv"  # beside a run's weights: that it is done, and its scores


class Scoring(NamedTuple):
    """How predictions are scored, by whoever knows scores.

    one: writes the score file of a run: called with its predictions, each after its truth, and the file's path, which
        is there only once it is whole. join: writes one score file of several.
    """

    one: Callable[[Sequence[tuple[Path, Path]], Path], None]
    join: Callable[[Sequence[Path], Path], None]


class Outcome(NamedTuple):
    """How one run ended: done, or what went wrong."""

    run: str
    error: str | None


# Calls a function for each of many arguments, somewhere, with place: the number of the process, if they are counted;
# gives these, as they come, with what it returned, or the error of what kept it from returning, such as a worker that
# died
Spread = Callable[[Callable[..., list[Outcome]], Iterable[tuple]], Iterator[tuple[tuple, list[Outcome] | Exception]]]


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
    report: Callable[[int, int, str], None] | None = None,
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
    names = [name for group in groups for name in group]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InputError(f"sweep: run {twice} is there twice; give models of one family and size labels of their own")
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
        _prepare(out, card, resume=resume, overwrite=overwrite)
        return _run_all(groups, paths, test, out, scoring, device, spread, report)


def _run_all(
    groups: list[dict[str, FitConfig]],
    data: list[str],
    test: str | None,
    out: Path,
    scoring: Scoring,
    device: str,
    spread: Spread | None,
    report: Callable[[int, int, str], None] | None,
) -> list[Outcome]:
    """Run what is not done yet; how every run ended, in the groups' order."""
    names = [name for group in groups for name in group]
    todo = [{n: c for n, c in group.items() if not _score_path(out, n).exists()} for group in groups]
    todo = [group for group in todo if group]
    outcomes = {name: Outcome(name, None) for name in names if _score_path(out, name).exists()}
    arguments = [(group, data, test, out, scoring, device) for group in todo]

    def show(note: str) -> None:
        if report is not None:
            report(len(outcomes), len(names), note)

    if outcomes:  # a kill may have come between the last run and the tables
        _write_tables(out, scoring, list(outcomes.values()))
    show("")
    ended = spread(run_group, arguments) if spread else ((each, run_group(*each, show=show)) for each in arguments)
    for (group, *_), some in ended:
        if isinstance(some, Exception):
            some = [Outcome(name, _told(some)) for name in group]
        outcomes |= {outcome.run: outcome for outcome in some}
        _write_tables(out, scoring, [outcomes[name] for name in names if name in outcomes])
        show(f"{some[-1].run} {'failed' if some[-1].error else 'done'}")
    return [outcomes[name] for name in names]


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
        return [Outcome(name, _told(error)) for name in names]
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
            scoring.one(predicted, _score_path(out, name))
            outcomes.append(Outcome(name, None))
        except Exception as error:
            outcomes.append(Outcome(name, _told(error)))
    return outcomes


def _told(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if isinstance(error, InputError) else f"{type(error).__name__}: {text}"


def _files(name: str, data: Sequence[str]) -> list[str]:
    """What a run's prediction of each simulation is called.

    >>> _files("elm-3-seed0", ["a.zarr"]), _files("elm-3-seed0", ["a.zarr", "b.zarr"])
    (['elm-3-seed0.zarr'], ['elm-3-seed0-1.zarr', 'elm-3-seed0-2.zarr'])
    """
    return [f"{name}-{at}.zarr" if data[1:] else f"{name}.zarr" for at in range(1, len(data) + 1)]


def _score_path(out: Path, name: str) -> Path:
    return out / "runs" / name / SCORE


class OwnSweep(NamedTuple):
    """What a sweep was started with."""

    config: Sweep
    data: Data
    test: str | None


def own_sweep(out: Path) -> OwnSweep:
    """What the sweep in `out` was started with. Raises InputError where there is none."""
    card = _read_card(out)
    if "dataset" not in card:
        raise InputError(f"{out / CARD}: does not say where its dataset is; give it")
    return OwnSweep(Sweep.checked(str(out / CARD), card["sweep"]), card["dataset"], card.get("test"))


def _read_card(out: Path) -> dict[str, Any]:
    try:
        card = json.loads((out / CARD).read_text())
    except OSError as error:
        raise InputError(f"{out}: no sweep there ({CARD} cannot be read); `apical sweep` makes one") from error
    except ValueError as error:
        raise InputError(f"{out / CARD}: is damaged; start the sweep anew") from error
    if not (isinstance(card, dict) and isinstance(card.get("sweep"), dict) and "dataset_id" in card):
        raise InputError(f"{out / CARD}: is damaged; start the sweep anew")
    return card


def _prepare(out: Path, card: dict[str, Any], *, resume: bool, overwrite: bool) -> None:
    """Make the folder, or check that the sweep in it is the one to go on with."""
    recover(out)
    if out.exists() and not (resume or overwrite):
        raise InputError(f"{out}: exists already; --resume goes on with it, --overwrite replaces it")
    if out.exists() and not (out / CARD).exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out}: is there but is not a sweep; choose another path")
    if (out / CARD).exists() and resume:
        before = _read_card(out)
        for what, id_of in {"dataset": "dataset_id", "test dataset": "test_id"}.items():
            if before.get(id_of) != card[id_of]:
                raise InputError(f"{out}: was started with another {what}; choose another folder")
        for field, value in card["sweep"].items():
            if before["sweep"].get(field) != value:
                told = f"{field} = {json.dumps(before['sweep'].get(field))}, now it is {json.dumps(value)}"
                raise InputError(f"{out}: was started with another sweep ({told}); choose another folder")
        return
    with writing_whole(out) as growing:
        (growing / "runs").mkdir(parents=True)
        (growing / CARD).write_text(json.dumps(card, indent=1))


def _write_tables(out: Path, scoring: Scoring, outcomes: list[Outcome]) -> None:
    done = [_score_path(out, each.run) for each in outcomes if each.error is None]
    if done:
        scoring.join(done, out / SCORES)
    ended = [[each.run, "done" if each.error is None else "failed", each.error or ""] for each in outcomes]
    _write_csv(out / RUNS, ["run", "status", "error"], ended)


def _write_csv(path: Path, header: list[str], rows: list[list[Any]]) -> None:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header, *rows])
    write_file(path, text.getvalue().encode())
