"""What a worker does: it builds the cell once, then simulates and writes trials, one by one or side by side."""

from __future__ import annotations

import errno
import socket
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np

from .. import schema
from ..config import Simulation
from ..cores import threads_beside
from ..engine.interface import Passed, Recording, Together, unheard
from ..schema import InputError, SpikeTrains
from ..trial.experiment import Events, Experiment, FailedTrial, Layout
from . import chunks, store
from .in_line import Batch, Line


@dataclass(frozen=True)
class Outcome:
    """How a trial ended. fault: why it failed, or "". cpu_s: of the worker, its share. n_bytes: on disk."""

    n_spikes: int
    fault: str
    cpu_s: float
    n_bytes: int


class MadeTrial(NamedTuple):
    """What a model is fitted to, of a trial: input, soma voltage at the start of each bin (T,), output spikes (K,)."""

    trains: SpikeTrains
    soma_v_mv: np.ndarray
    output_spike_time_ms: np.ndarray


Arrays = dict[str, np.ndarray]
Kept = Callable[[Arrays], Arrays]  # what is written of a trial's arrays; a function that workers can import

TELL_EVERY_S = 1.0  # how far trials side by side are

_line = Line()
_neuron = threading.Lock()  # its state is global: one thread at a time, however many a worker was given
_held: tuple[tuple[Simulation, str], Experiment] | None = None


def describe(config: Simulation, device: str = "cpu") -> Layout:
    """What a dataset of `config` holds."""
    with _neuron:
        return _experiment(config, device).layout()


def side_by_side(config: Simulation, device: str) -> Together:
    """How many trials of `config` run in one go on `device`; generated code is compiled now."""
    with _neuron:
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
        experiment = _whenever(config, device)
        events = experiment.draw([trial for _, trial in places])
        found = zip(places, events, _responses(config, device, events, batch, passed), strict=True)
        batch.goes_on()
        while some := [(*place, *each) for place, *each in islice(found, threads)]:
            outcomes += pool.map(written, *zip(*some, strict=True))
        cpu_s = batch.cpu_s() / len(places)
    return [replace(outcome, cpu_s=cpu_s) for outcome in outcomes]


def make_trials(config: Simulation, trials: Sequence[int], device: str = "cpu") -> list[MadeTrial | str]:
    """Simulate trials of `config` side by side, and write nothing; of one that went wrong numerically, why.

    trials: their numbers. device: see engine.run.run_many.
    """
    with _line.batch() as batch:
        experiment = _whenever(config, device)
        events = experiment.draw(trials)
        responses = _responses(config, device, events, batch, unheard)
        batch.goes_on()
        found = (experiment.arrays(*each) for each in zip(events, responses, strict=True))
        return [str(each) if isinstance(each, FailedTrial) else _compact(each) for each in found]


def _compact(arrays: Arrays) -> MadeTrial:
    times_ms = arrays["output_spike_time_ms"]
    trains = SpikeTrains.from_dense(arrays["input_spikes"])
    return MadeTrial(trains, arrays["soma_v_mv"], times_ms[np.isfinite(times_ms)])


def _responses(
    config: Simulation, device: str, events: list[Events], batch: Batch, passed: Passed
) -> Iterable[Recording | RuntimeError]:
    """The responses to trials that are drawn; the batch goes on to where it is integrated.

    Of engine 'batched' the code and the order of the input are there by then: a device waits for no Python.
    """
    if config.integration.engine == "batched" and config.lif is None:
        with _neuron:
            integrate = _experiment(config, device).ready(events)
        batch.goes_on()
        return integrate(passed)
    batch.goes_on()
    with _neuron:
        return _experiment(config, device).respond(events, passed)


def _whenever(config: Simulation, device: str) -> Experiment:
    """The experiment, for a thread that may be beside another one that has NEURON."""
    held = _held
    if held is not None and held[0] == (config, device):
        return held[1]
    with _neuron:
        return _experiment(config, device)


def _experiment(config: Simulation, device: str = "cpu") -> Experiment:
    """The experiment, built if it is not the last one; with `_neuron` only."""
    global _held
    if _held is None or _held[0] != (config, device):
        if _held is not None:
            _held[1].close()
        _held = None
        _held = (config, device), Experiment(config, device)
    return _held[1]
