"""A dataset as training windows: short excerpts of trials, input and targets, drawn at random.

B windows, W ms of a window, T ms of a trial, S synapses, P dendritic components.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import Generic, NamedTuple, TypeVar

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from ...simulate import schema
from ...simulate.schema import InputError
from ..kernels.events import Events
from .dendrites import DendriteComponents
from .scaling import VoltageScaling
from .spike_inputs import SpikeInputs, StoredInputs, cut
from .targets import OutputSpikes, StoredVoltages

Each = TypeVar("Each")
Rows = Sequence[np.ndarray] | np.ndarray  # (T,) of each trial
SETTLING_MS = 500  # no window starts, and nothing is scored, before this; Spieler et al. 2024


class Trials(NamedTuple):
    """Inputs of trials, and targets in the network's units: in memory, or read trial by trial as they are needed."""

    inputs: Sequence[SpikeInputs]
    spike_bt: Rows  # float32, 1 in the bin of an output spike
    voltage_bt: Rows  # float32
    components_btp: np.ndarray | None = None  # float32

    @property
    def spike_rate(self) -> float:
        """Share of the bins with an output spike."""
        return sum(float(spike_t.mean()) for spike_t in self.spike_bt) / len(self.spike_bt)


class Joined(Sequence, Generic[Each]):
    """Sequences one after another, each read as it is: what lies on disk stays there."""

    def __init__(self, parts: Sequence[Sequence[Each]]) -> None:
        self._parts = list(parts)
        self._ends = list(accumulate(map(len, self._parts)))

    def __len__(self) -> int:
        return self._ends[-1]

    def __getitem__(self, index):
        if not 0 <= index < len(self):
            raise IndexError(index)
        part = bisect_right(self._ends, index)
        return self._parts[part][index - (self._ends[part - 1] if part else 0)]


class Windows(NamedTuple):
    """A batch: input spikes and the targets, float32."""

    events: Events
    spike_bw: Tensor
    voltage_bw: Tensor
    components_bwp: Tensor | None

    def to(self, device: torch.device) -> Windows:
        """The same there. A GPU is not waited for: its copies are under way when this returns."""

        def moved(values: Tensor) -> Tensor:
            return values.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else values.to(device)

        components = None if self.components_bwp is None else moved(self.components_bwp)
        row_n, input_n, value_n, shape = self.events
        events = Events(moved(row_n), moved(input_n), moved(value_n), shape)
        return Windows(events, moved(self.spike_bw), moved(self.voltage_bw), components)


def positions_of(ds: xr.Dataset, numbers: list[int]) -> np.ndarray:
    """Where trials of these numbers lie in the dataset.

    Raises InputError naming the first that is not there or that failed.
    """
    status = schema.read(ds, "trial_status")
    place = {int(n): i for i, n in enumerate(schema.read(ds, "trial")) if status[i] == schema.DONE}
    for number in numbers:
        if number not in place:
            raise InputError(f"{schema.source(ds)}: has no finished trial {number}; `apical inspect` lists its trials")
    return np.array([place[number] for number in numbers], dtype=int)


def finished_trials(ds: xr.Dataset) -> np.ndarray:
    """Numbers of the trials that did not fail."""
    return schema.read(ds, "trial")[schema.read(ds, "trial_status") == schema.DONE]


def load_trials(
    ds: xr.Dataset,
    numbers: list[int],
    scaling: VoltageScaling,
    dendrites: DendriteComponents | None = None,
    *,
    from_disk: bool = False,
) -> Trials:
    """Trials of these numbers; with `dendrites`, its components of their dendritic voltages too.

    from_disk: leave inputs and voltages on disk, and read each window's when it is drawn; of the output spikes only
    their times are kept. Dendritic components are made once, and kept.
    Raises InputError for a trial that is not there or a variable that is missing or damaged.
    """
    return load_joined([(ds, numbers)], scaling, dendrites, from_disk=from_disk)


def load_joined(
    chosen: Sequence[tuple[xr.Dataset, list[int]]],
    scaling: VoltageScaling,
    dendrites: DendriteComponents | None = None,
    *,
    from_disk: bool = False,
) -> Trials:
    """As `load_trials`, of several datasets and the numbers of each: those of the first, then those of the next."""
    placed = [(ds, positions_of(ds, numbers).tolist()) for ds, numbers in chosen]
    inputs = Joined([StoredInputs(ds, positions) for ds, positions in placed])
    voltages = Joined([StoredVoltages(ds, positions, scaling) for ds, positions in placed])
    spikes = Joined([OutputSpikes(ds, positions) for ds, positions in placed])
    components = None
    if dendrites is not None:
        read = (schema.read(ds, "dendrite_v_mv", position) for ds, positions in placed for position in positions)
        components = np.stack([dendrites.project(v_mv_nt) for v_mv_nt in read])
    if from_disk:
        return Trials(inputs, spikes, voltages, components)
    return Trials(list(inputs), np.stack(list(spikes)), np.stack(list(voltages)), components)


def check_window(duration_ms: int, window_ms: int, burn_in_ms: int) -> None:
    """Raise InputError where a window does not fit into a trial, or has no bin left after its burn-in."""
    if burn_in_ms >= window_ms:
        raise InputError(
            f"burn_in_ms is {burn_in_ms}, window_ms is {window_ms}: burn-in must be shorter than the window "
            "(a TCN's is its receptive field less one, at least)"
        )
    if SETTLING_MS + window_ms > duration_ms:
        raise InputError(
            f"window_ms is {window_ms}, but a trial of {duration_ms} ms has {max(duration_ms - SETTLING_MS, 0)} ms "
            f"after its first {SETTLING_MS}: choose a shorter window, or simulate longer trials"
        )


def draw_places(
    trials: Trials, *, window_ms: int, batch: int, seed: int, step: int, share: slice = slice(None)
) -> tuple[np.ndarray, np.ndarray]:
    """Trial and first bin of each window of a training step, (B,) each: as `draw_windows` has them."""
    rng = np.random.default_rng([seed, step])
    at = rng.integers(len(trials.inputs), size=batch)[share]
    start = rng.integers(SETTLING_MS, len(trials.spike_bt[0]) - window_ms + 1, size=batch)[share]
    return at, start


def draw_windows(
    trials: Trials, *, window_ms: int, batch: int, seed: int, step: int, share: slice = slice(None)
) -> Windows:
    """The batch of a training step: it depends on the trials, `seed` and `step` only, not on the steps before.

    share: of its windows, those that are wanted.
    """
    at, start = draw_places(trials, window_ms=window_ms, batch=batch, seed=seed, step=step, share=share)
    places = list(zip(at.tolist(), start.tolist(), strict=True))

    def excerpt(values_bt: Rows) -> Tensor:
        return torch.from_numpy(np.stack([values_bt[b][t : t + window_ms] for b, t in places]))

    components = None if trials.components_btp is None else excerpt(trials.components_btp)
    events = cut([trials.inputs[b] for b, _ in places], start.tolist(), window_ms)
    return Windows(events, excerpt(trials.spike_bt), excerpt(trials.voltage_bt), components)
