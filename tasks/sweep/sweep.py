"""Many classifiers of one task with one command, each fitted and scored."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from ...simulate.schema import InputError
from ...surrogate.device import choose_device, gpu_of
from ...surrogate.fitting.one_writer import alone_with
from ...surrogate.sweep.runs import CARD, Join, Outcome, Show, Spread, prepare, read_card, run_all, score_path, told
from ..fitting.fit import TaskProgress, fit_task
from ..fitting.recipe import TaskFit
from ..fitting.run_folder import task_id
from ..schema import open_task
from .sweep_config import TaskSweep


class TaskScoring(NamedTuple):
    """How runs are scored, by whoever knows scores.

    one: writes the score file of a run: called with the task, the run and the file's path, which is there only once it
        is whole. join: writes one score file of several.
    """

    one: Callable[[Path, Path, Path], None]
    join: Join


def run_task_sweep(
    config: TaskSweep | None,
    task: str | Path | None,
    out: str | Path,
    scoring: TaskScoring,
    *,
    device: str = "auto",
    resume: bool = False,
    overwrite: bool = False,
    spread: Spread | None = None,
    report: Show | None = None,
) -> list[Outcome]:
    """Fit and score every run of a sweep on a task; returns how each ended, in order.

    config: models, sizes, bins and seeds. task: path of the task. out: path of the folder. scoring: how a run is
    scored. device: auto, cpu, cuda or cuda:N. overwrite: replace what is at `out`.
    In `out`: runs/NAME, a run each; scores.csv, a row for each run that is done; runs.csv, how each ended.
    resume: go on; a run that was stopped goes on too, and what failed is tried again; config and task may then be None,
    for those that the sweep was started with. spread: where runs are computed, one after another in this process
    unless given. report: called with runs done, runs in all, and what goes on. A run that fails stops no other.
    Raises InputError for a sweep that cannot begin: a setting, the task or the folder is at fault.
    """
    out = Path(out)
    if config is None or task is None:
        own = own_task_sweep(out)
        config, task = config or own.config, task or own.task
    runs, ds = config.runs(), open_task(task)
    choose_device(device)
    card = {"sweep": config.model_dump(mode="json"), "task": str(task), "dataset_id": task_id(ds)}
    with alone_with(out):
        prepare(out, card, resume=resume, overwrite=overwrite)
        groups = [{name: fit} for name, fit in runs.items()]
        return run_all(groups, run_one, (str(task), out, scoring, device), out, scoring.join, spread, report)


def run_one(
    group: dict[str, TaskFit],
    task: str,
    out: Path,
    scoring: TaskScoring,
    device: str,
    show: Callable[[str], None] | None = None,
    place: int | None = None,
) -> list[Outcome]:
    """Fit the one run of a group and score it; what goes wrong is in what is returned.

    place: which of several processes this is; several GPUs are theirs by turn.
    """
    ((name, config),) = group.items()

    def report(progress: TaskProgress) -> None:
        if show is not None:
            show(f"{name}: step {progress.step:,} of {progress.steps:,}  {progress.in_words()}")

    try:
        run = fit_task(config, task, out / "runs" / name, device=gpu_of(place, device), resume=True, report=report)
        scoring.one(Path(task), run, score_path(out, name))
    except Exception as error:  # whatever it is, the other runs go on
        return [Outcome(name, told(error))]
    return [Outcome(name, None)]


class OwnTaskSweep(NamedTuple):
    """What a sweep on a task was started with."""

    config: TaskSweep
    task: str


def is_task_sweep(out: str | Path) -> bool:
    """Whether what is in a folder is a sweep on a task."""
    return (Path(out) / CARD).exists() and "task" in read_card(Path(out))


def own_task_sweep(out: Path) -> OwnTaskSweep:
    """What the sweep in `out` was started with. Raises InputError where there is none, or one on a simulation."""
    card = read_card(out)
    if "task" not in card:
        raise InputError(f"{out}: is a sweep on a simulation, not on a task")
    return OwnTaskSweep(TaskSweep.checked(str(out / CARD), card["sweep"]), card["task"])
