"""What a worker does: it builds the cell once, then simulates and writes one trial after another."""

from __future__ import annotations

import errno
import socket
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from . import chunks, schema, store
from .config import Simulation
from .schema import InputError
from .trial import Experiment, Trial

MAX_RATE_HZ = 250.0  # room for output spikes per trial; the cell's refractory period keeps it far below
MIN_SPIKES = 16
PLAUSIBLE_MV = 200.0  # far outside every reversal potential: beyond it the integration has run away


@dataclass(frozen=True)
class Outcome:
    """How a trial ended. fault: why it failed, or "". cpu_s: of the worker. n_bytes: on disk."""

    n_spikes: int
    fault: str
    cpu_s: float
    n_bytes: int


_turn = threading.Lock()  # NEURON's state is global: one trial at a time, however many threads a worker was given
_held: tuple[Simulation, Experiment] | None = None


def describe(config: Simulation) -> dict[str, np.ndarray]:
    """Coordinates of the segments and synapses of the configured cell."""
    with _turn:
        experiment = _experiment(config)
    segments, synapses = experiment.cell.segments, experiment.synapses
    return {
        "synapse_sign": synapses.sign,
        "synapse_receptor": synapses.receptor,
        "synapse_segment": synapses.segment,
        "segment_type": experiment.tree,
        "segment_section": np.array([s.section for s in segments]),
        "segment_x": np.array([s.x for s in segments]),
        "segment_distance_um": np.array([s.distance_um for s in segments]),
        "segment_length_um": experiment.length_um,
    }


def simulate_trial(config: Simulation, out: str, dataset_id: str, position: int, trial: int) -> Outcome:
    """Simulate trial number `trial` of `config` and write it at `position` of the store `out`.

    A trial that went wrong numerically is written as failed, with what there is of it.
    Raises InputError where this worker does not find the store, finds another one in its place, or cannot write.
    """
    if not Path(out, "zarr.json").is_file():
        raise InputError(f"{out}: worker {socket.gethostname()} does not see it; put it where every node does")
    with _turn:
        experiment = _experiment(config)
        began_s = time.process_time()
        arrays, fault = _run(experiment, trial)
    if store.dataset_id(out) != dataset_id:  # replaced meanwhile: what this worker has belongs to the former
        raise InputError(f"{out}: was replaced while it was written; only one run may write to it")
    try:
        n_bytes = chunks.write(out, position, arrays, schema.FAILED if fault else schema.DONE)
    except OSError as error:
        why = "the disk is full" if error.errno in (errno.ENOSPC, errno.EDQUOT) else str(error)
        raise InputError(f"{out}: trial {trial} cannot be written ({why}); mend it, then --resume") from error
    n_spikes = int(np.isfinite(arrays["output_spike_time_ms"]).sum())
    return Outcome(n_spikes, fault, time.process_time() - began_s, n_bytes)


def spike_room(config: Simulation) -> int:
    """Places for output spikes in a trial."""
    return max(MIN_SPIKES, int(config.seconds * MAX_RATE_HZ))


def _experiment(config: Simulation) -> Experiment:
    global _held
    if _held is None or _held[0] != config:
        if _held is not None:
            _held[1].cell.close()
        _held = None
        _held = config, Experiment(config)
    return _held[1]


def _run(experiment: Experiment, trial: int) -> tuple[dict[str, np.ndarray], str]:
    """The trial's arrays, and what is wrong with them, or ""."""
    config = experiment.config
    try:
        result, fault = experiment.run(trial), ""
    except RuntimeError as error:  # how NEURON says that it cannot go on
        nothing = np.zeros((len(experiment.synapses.sign), config.duration_ms), bool)
        result = Trial(nothing, np.array([0.0, config.duration_ms]), np.full(2, np.nan))
        fault = f"NEURON: {' '.join(str(error).split())}"
    row = np.full(spike_room(config), np.nan)
    arrays = {"input_spikes": result.input_spikes, "soma_v_mv": result.sampled_mv(1), "output_spike_time_ms": row}
    if config.record_fine:
        arrays["soma_v_fine_mv"] = result.sampled_mv(schema.FINE_PER_MS)
    wrong = ~(np.abs(result.v_mv) <= PLAUSIBLE_MV)  # so that NaN is wrong too
    if fault or wrong.any():
        at = int(np.argmax(wrong))
        return arrays, fault or f"soma voltage {result.v_mv[at]:.4g} mV at {result.time_ms[at]:g} ms"
    times_ms = result.output_spike_times_ms()
    if len(times_ms) > len(row):
        return arrays, f"{len(times_ms)} output spikes, more than {MAX_RATE_HZ:g} Hz"
    row[: len(times_ms)] = times_ms
    return arrays, ""
