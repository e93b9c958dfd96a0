"""How many trials to integrate side by side: what a trial takes of memory, on a GPU and in the host."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...schema import InputError
from .device import Device
from .pieces import Pieces
from .step import Step

INPUT_RATE_HZ = 30.0  # of a synapse, on average: no preset has more (ampa: 20)
TAKEN = 0.9  # of what is free on a GPU: the rest is for its own bookkeeping
OF_HOST = 0.5  # of the memory that this process may use


@dataclass(frozen=True)
class Need:
    """Bytes of one trial: on a device, and of the host for its input spikes and for what is recorded."""

    device: int
    host: int


def need(step: Step, n_fine: int, n_coarse: int, duration_ms: float) -> Need:
    """What a trial needs with `n_fine` voltages kept at every step, and `n_coarse` at whole ms."""
    real, number = step.source.real.itemsize, 4
    pieces = Pieces(step, n_coarse, duration_ms)
    events_per_ms = sum(map(len, step.connections)) * INPUT_RATE_HZ / 1000
    event = 2 * number + (real if step.event_times else 0)  # its step, its connection, its time
    recorded = (pieces.steps * n_fine + pieces.most_kept * n_coarse) * real
    arriving = events_per_ms * pieces.steps * step.dt_ms * event
    voltages = (len(pieces.time_ms) * n_fine + int(pieces.keep.sum()) * n_coarse) * real
    spikes = events_per_ms * duration_ms * (event + number)  # as given, in ms, too
    return Need(int(step.source.trial_bytes + recorded + arriving), int(voltages + spikes))


def trials_that_fit(each: Need, devices: Sequence[Device], host_bytes: int) -> int:
    """How many trials, in whole tiles, keep all `devices` busy, or as many of them as memory has room for.

    Raises InputError where not one tile has.
    """
    lanes = devices[0].lanes
    free_bytes = min(device.free_bytes() for device in devices)
    on_each = min(int(free_bytes * TAKEN) // (each.device * lanes), *(device.at_once for device in devices))
    tiles = min(on_each * len(devices), int(host_bytes * OF_HOST) // (each.host * lanes))
    if not tiles:
        raise InputError(
            f"engine 'batched', device cuda: {lanes} trials side by side need {_gb(each.device * lanes / TAKEN)} of "
            f"{_gb(free_bytes)} that are free on the GPU, and {_gb(each.host * lanes / OF_HOST)} of {_gb(host_bytes)} "
            "that this process may use; record less, give a smaller --seconds, or --device cpu"
        )
    return tiles * lanes


def host_bytes() -> int:
    """The memory that this process may use, in all."""
    from distributed.system import MEMORY_LIMIT

    return int(MEMORY_LIMIT)


def _gb(n_bytes: float) -> str:
    return f"{n_bytes / 1e9:.2g} GB"
