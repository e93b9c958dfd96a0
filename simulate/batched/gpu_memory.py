"""What a trial takes of memory on a GPU and beside it, and so how many may be integrated side by side."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..schema import InputError
from .cuda_device import LANES, WARPS
from .pieces import Pieces
from .step import Step

INPUT_RATE_HZ = 50.0  # of a synapse: room for input spikes, more than a preset has on average at its highest rates
TAKEN = 0.9  # of what is free: the rest is for the device's own bookkeeping


@dataclass(frozen=True)
class Need:
    """Bytes of one trial: on the device, and of the host's memory for what is recorded."""

    device: int
    host: int


def need(step: Step, n_fine: int, n_coarse: int, duration_ms: float) -> Need:
    """What a trial needs with `n_fine` voltages kept at every step, and `n_coarse` at whole ms."""
    real, number = (4 if step.single else 8), 4
    pieces = Pieces(step, n_coarse, duration_ms)
    spikes_per_ms = sum(map(len, step.connections)) * INPUT_RATE_HZ / 1000
    event = 2 * number  # its step and its connection
    rows = len(step.source.first_values) * real
    recorded = (pieces.steps * n_fine + pieces.most_kept * n_coarse) * real
    events = spikes_per_ms * pieces.steps * step.dt_ms * event + number * (WARPS + 1)
    voltages = (len(pieces.time_ms) * n_fine + int(pieces.keep.sum()) * n_coarse) * real
    whole_ms = int(duration_ms) * n_coarse * number
    return Need(int(rows + recorded + events), int(voltages + whole_ms + spikes_per_ms * duration_ms * event))


def trials_that_fit(each: Need, device_bytes: int, host_bytes: int, lanes: int = LANES) -> int:
    """How many trials fit in what is free on one device and on the host, whole tiles.

    Raises InputError where not one tile does.
    """
    fit = int(min(device_bytes * TAKEN / each.device, host_bytes * TAKEN / each.host)) // lanes * lanes
    if not fit:
        raise InputError(
            f"engine 'batched', device cuda: {lanes} trials side by side need {_mb(each.device * lanes)} of the GPU's "
            f"memory and {_mb(each.host * lanes)} of the host's, {_mb(device_bytes)} and {_mb(host_bytes)} are free: "
            "record less, make --seconds shorter, or give --device cpu"
        )
    return fit


def _mb(n_bytes: float) -> str:
    return f"{np.ceil(n_bytes / 1e6):,.0f} MB"
