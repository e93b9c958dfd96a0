"""What a worker does: it builds the cell once, then simulates and writes trials, one by one or side by side."""

from __future__ import annotations

import errno
import socket
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np

from .. import schema
from ..config import Simulation
from ..cores import threads_beside
from ..engine.interface import Recording, Together
from ..schema import InputError
from ..trial.experiment import Events, Experiment, FailedTrial, Layout
from . import chunks, store
from .in_line import Line


@dataclass(frozen=True)
class Outcome:
    """How a trial ended. fault: why it failed, or "". cpu_s: of the worker, its share. n_bytes: on disk."""

    n_spikes: int
    fault: str
    cpu_s: float
    n_bytes: int


Arrays = dict[str, np.ndarray]
Kept = Callable[[Arrays], Arrays]  # what is written of a trial's arrays; a function that workers can import

TELL_EVERY_S = 1.0  # how far trials side by side are

_line = Line()  # NEURON's state is global: one run at a time, however many threads a worker was given
_held: tuple[tuple[Simulation, str], Experiment] | None = None


def describe(config: Simulation, device: str = "cpu") -> Layout:
    """What a dataset of `config` holds."""
    with _line.integrating:
        return _experiment(config, device).layout()


def side_by_side(config: Simulation, device: str) -> Together:
    """How many trials of `config` run in one go on `device`; generated code is compiled now."""
    with _line.integrating:
        return _experiment(config, device).neuron.side_by_side()


def under_way(dataset_id: str) -> str:
    """The topic of Dask's events about the trials of a dataset."""
    return f"apical-{dataset_id}"


def everything(arrays: Arrays) -> Arrays:
    """All that a simulation's store holds of a trial."""
    return arrays


def simulate_trials(
    config: Simulation,
    out: str,
    dataset_id: str,
    places: Sequence[tuple[int, int]],
    keep: Kept = everything,
    device: str = "cpu",
) -> list[Outcome]:
    """Simulate trials of `config` side by side and write what `keep` gives of each to the store `out`.

    places: position in the store, and number, of each. device: see engine.run.run_many.
    A trial that went wrong numerically is written as failed, with what there is of it. How many of them are integrated,
    in parts too, is told meanwhile as Dask's event `under_way(dataset_id)`: the first one's position, and how many.
    Called by several threads, one batch is drawn while the one before is integrated, and the one before that written.
    Raises InputError where this worker does not find the store, finds another one in its place, or cannot write.
    """
    from distributed import get_worker

    if not Path(out, "zarr.json").is_file():
        raise InputError(f"{out}: worker {socket.gethostname()} does not see it; put it where every node does")
    outcomes: list[Outcome] = []
    told_s = time.monotonic()

    def passed(trials: float) -> None:
        nonlocal told_s
        if time.monotonic() - told_s >= TELL_EVERY_S:
            told_s = time.monotonic()
            get_worker().log_event(under_way(dataset_id), (places[0][0], trials))

    def written(position: int, trial: int, events: Events, response: Recording | RuntimeError) -> Outcome:
        found = experiment.arrays(events, response)
        arrays, fault = (found.arrays, str(found)) if isinstance(found, FailedTrial) else (found, "")
        if store.dataset_id(out) != dataset_id:  # replaced meanwhile: what this worker has belongs to the former
            raise InputError(f"{out}: was replaced while it was written; only one run may write to it")
        try:
            status = schema.FAILED if fault else schema.DONE
            n_bytes = chunks.write(out, position, keep(arrays), status, variables)
        except OSError as error:
            why = "the disk is full" if error.errno in (errno.ENOSPC, errno.EDQUOT) else str(error)
            raise InputError(f"{out}: trial {trial} cannot be written ({why}); mend it, then --resume") from error
        return Outcome(int(np.isfinite(arrays["output_spike_time_ms"]).sum()), fault, 0.0, n_bytes)

    threads, variables = threads_beside(device), chunks.opened(out)
    with _line.batch() as batch, ThreadPoolExecutor(threads) as pool:
        experiment = _held_one(config, device)
        if experiment is None:
            with _line.integrating:
                experiment = _experiment(config, device)
        events = experiment.draw([trial for _, trial in places])
        batch.goes_on()
        experiment = _experiment(config, device)  # another one, if a batch of another seed came first
        found = zip(places, events, experiment.respond(events, passed), strict=True)
        batch.goes_on()
        while some := [(*place, *each) for place, *each in islice(found, threads)]:
            outcomes += pool.map(written, *zip(*some, strict=True))
        cpu_s = batch.cpu_s() / len(places)
    return [replace(outcome, cpu_s=cpu_s) for outcome in outcomes]


def _held_one(config: Simulation, device: str) -> Experiment | None:
    """The experiment that was built last, if it is this one."""
    held = _held
    return held[1] if held is not None and held[0] == (config, device) else None


def _experiment(config: Simulation, device: str = "cpu") -> Experiment:
    """The experiment, built if it is not the last one; within `_line.integrating` alone."""
    global _held
    if _held is None or _held[0] != (config, device):
        if _held is not None:
            _held[1].close()
        _held = None
        _held = (config, device), Experiment(config, device)
    return _held[1]
