"""Trials of a store on workers: each one simulates and writes its own, and says how it ended."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

from ..cell import biophysics, morphologies
from ..config import Simulation
from ..engine.interface import Together
from ..mechanisms.library import Busy
from ..schema import InputError
from . import chunks, store
from .dask_cluster import spread
from .worker import Kept, Outcome, everything, side_by_side, simulate_trials, under_way

if TYPE_CHECKING:
    from distributed import Client


SoFar = Callable[[float, int], None]  # called with trials done, those of a batch in part, and all


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
    together: int = 1,
    device: str = "cpu",
    so_far: SoFar | None = None,
) -> None:
    """Simulate the trials `todo` of the store, which has `total` in all. `keep`: what is written of each.

    together: how many trials a worker simulates side by side. device: see engine.run.run_many. report: called with
    each trial that has ended. so_far: called then, and about once a second while trials are integrated side by side.
    Raises InputError for trials that ended their worker each time; the others are written all the same.
    """
    from distributed import KilledWorker

    todo, lost = list(todo), []
    where, dataset_id, done = str(out.resolve()), str(store.dataset_id(out)), total - len(todo)
    tasks = (
        (config.model_copy(update={"seed": seed}), where, dataset_id, [each[:2] for each in batch], keep, device)
        for seed, batch in _batches(todo, together)
    )
    with _under_way(client, dataset_id, done, lambda trials: so_far(trials, total) if so_far else None) as ended:
        for (*_, places, _, _), future in spread(client, simulate_trials, tasks):
            try:
                outcomes = future.result()
            except KilledWorker:
                lost += [trial for _, trial in places]
                ended(places[0][0], 0)
                continue
            for (_, trial), outcome in zip(places, outcomes, strict=True):
                done += 1
                if report:
                    report(Progress(done, total, trial, outcome))
            ended(places[0][0], len(places))
    chunks.sweep(out)  # after workers that were killed
    if lost:
        raise InputError(
            f"{out}: trial {', '.join(map(str, sorted(lost)))} ended its worker each time (out of memory?); "
            "the others are there, --resume tries it again"
        )


@contextmanager
def _under_way(
    client: Client, dataset_id: str, done: int, tell: Callable[[float], None]
) -> Iterator[Callable[[int, int], None]]:
    """Tells how many trials are done, those of a batch in part.

    Call what it gives with each batch that has ended: the position of its first trial, and how many are done of it.
    """
    parts: dict[int, float] = {}  # of batches, by the position of the first trial
    over: set[int] = set()
    turn = Lock()  # workers are heard in a thread of Dask's

    def heard(event: tuple[float, tuple[int, float]]) -> None:
        position, trials = event[1]
        with turn:
            if position not in over:
                parts[position] = trials
                tell(done + sum(parts.values()))

    def ended(position: int, trials: int) -> None:
        nonlocal done
        with turn:
            over.add(position)
            parts.pop(position, None)
            done += trials
            tell(done + sum(parts.values()))

    client.subscribe_topic(under_way(dataset_id), heard)
    try:
        yield ended
    finally:
        client.unsubscribe_topic(under_way(dataset_id))


def trials_together(client: Client, config: Simulation, device: str, busy: Busy) -> Together:
    """How many trials a worker simulates side by side; engine 'batched' is compiled now. busy: shows a message."""
    if config.integration.engine != "batched":
        return Together(1)
    with busy("Generating and compiling a time step of this cell"):
        return client.submit(side_by_side, config, device, pure=False).result()


def _batches(todo: list[Place], together: int) -> Iterator[tuple[int, list[Place]]]:
    """Seed and trials of each batch: as many as run side by side, of one seed."""
    for seed, places in groupby(todo, lambda place: place.seed):
        alike = list(places)
        for first in range(0, len(alike), together):
            yield seed, alike[first : first + together]


def found_from_anywhere(config: Simulation) -> Simulation:
    """The same with absolute paths, for workers that run in another folder."""
    given = {name: getattr(config, name) for name in ("morphology", "biophysics", "mechanisms", "input_spikes")}
    named = {*morphologies.CATALOGUE, *biophysics.available(), None}
    paths = {name: str(Path(value).expanduser().resolve()) for name, value in given.items() if value not in named}
    return config.model_copy(update=paths)
