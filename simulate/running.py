"""Trials of a store on workers: each one simulates and writes its own, and says how it ended."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from . import biophysics, cells, chunks, store
from .cluster import spread
from .config import Simulation
from .schema import InputError
from .worker import Kept, Outcome, everything, simulate_trial

if TYPE_CHECKING:
    from distributed import Client


@dataclass(frozen=True)
class Progress:
    """How far a run is: trials done of all, and the number and outcome of the trial that has just ended."""

    done: int
    total: int
    trial: int
    outcome: Outcome


class Place(NamedTuple):
    """A trial to simulate: its position in the store, and its number and seed, which fix its input."""

    position: int
    trial: int
    seed: int


def run(
    client: Client,
    out: Path,
    config: Simulation,
    todo: Iterable[Place],
    total: int,
    report: Callable[[Progress], None] | None,
    keep: Kept = everything,
) -> None:
    """Simulate the trials `todo` of the store, which has `total` in all. `keep`: what is written of each.

    Raises InputError for trials that ended their worker each time; the others are written all the same.
    """
    from distributed import KilledWorker

    todo = list(todo)
    where, dataset_id, done, lost = str(out.resolve()), store.dataset_id(out), total - len(todo), []
    tasks = (
        (config.model_copy(update={"seed": place.seed}), where, dataset_id, place.position, place.trial, keep)
        for place in todo
    )
    for (*_, trial, _), future in spread(client, simulate_trial, tasks):
        try:
            outcome = future.result()
        except KilledWorker:
            lost.append(trial)
            continue
        done += 1
        if report:
            report(Progress(done, total, trial, outcome))
    chunks.sweep(out)  # after workers that were killed
    if lost:
        raise InputError(
            f"{out}: trial {', '.join(map(str, sorted(lost)))} ended its worker each time (out of memory?); "
            "the others are there, --resume tries it again"
        )


def found_from_anywhere(config: Simulation) -> Simulation:
    """The same with absolute paths, for workers that run in another folder."""
    given = {name: getattr(config, name) for name in ("morphology", "biophysics", "input_spikes")}
    named = {*cells.CATALOGUE, *biophysics.available(), None}
    paths = {name: str(Path(value).expanduser().resolve()) for name, value in given.items() if value not in named}
    return config.model_copy(update=paths)
