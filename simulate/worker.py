"""What a worker does: it builds the cell once, then simulates and writes one trial after another."""

from __future__ import annotations

import errno
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from . import chunks, schema, store
from .config import Simulation
from .schema import InputError
from .trial import Experiment, FailedTrial, Layout


@dataclass(frozen=True)
class Outcome:
    """How a trial ended. fault: why it failed, or "". cpu_s: of the worker. n_bytes: on disk."""

    n_spikes: int
    fault: str
    cpu_s: float
    n_bytes: int


Arrays = dict[str, np.ndarray]
Kept = Callable[[Arrays], Arrays]  # what is written of a trial's arrays; a function that workers can import

_turn = threading.Lock()  # NEURON's state is global: one trial at a time, however many threads a worker was given
_held: tuple[Simulation, Experiment] | None = None


def describe(config: Simulation) -> Layout:
    """What a dataset of `config` holds."""
    with _turn:
        return _experiment(config).layout()


def everything(arrays: Arrays) -> Arrays:
    """All that a simulation's store holds of a trial."""
    return arrays


def simulate_trial(
    config: Simulation, out: str, dataset_id: str, position: int, trial: int, keep: Kept = everything
) -> Outcome:
    """Simulate trial number `trial` of `config` and write what `keep` gives of it at `position` of the store `out`.

    A trial that went wrong numerically is written as failed, with what there is of it.
    Raises InputError where this worker does not find the store, finds another one in its place, or cannot write.
    """
    if not Path(out, "zarr.json").is_file():
        raise InputError(f"{out}: worker {socket.gethostname()} does not see it; put it where every node does")
    with _turn:
        experiment = _experiment(config)
        began_s = time.process_time()
        try:
            arrays, fault = experiment.simulate(trial), ""
        except FailedTrial as failed:
            arrays, fault = failed.arrays, str(failed)
    if store.dataset_id(out) != dataset_id:  # replaced meanwhile: what this worker has belongs to the former
        raise InputError(f"{out}: was replaced while it was written; only one run may write to it")
    try:
        n_bytes = chunks.write(out, position, keep(arrays), schema.FAILED if fault else schema.DONE)
    except OSError as error:
        why = "the disk is full" if error.errno in (errno.ENOSPC, errno.EDQUOT) else str(error)
        raise InputError(f"{out}: trial {trial} cannot be written ({why}); mend it, then --resume") from error
    n_spikes = int(np.isfinite(arrays["output_spike_time_ms"]).sum())
    return Outcome(n_spikes, fault, time.process_time() - began_s, n_bytes)


def _experiment(config: Simulation) -> Experiment:
    global _held
    if _held is None or _held[0] != config:
        if _held is not None:
            _held[1].close()
        _held = None
        _held = config, Experiment(config)
    return _held[1]
