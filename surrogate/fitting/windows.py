"""A dataset as training windows: short excerpts of trials, input and targets, drawn at random.

B windows, W ms of a window, T ms of a trial, S synapses, P dendritic components.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import Generic, NamedTuple, Protocol, TypeVar

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from ...simulate import schema
from ...simulate.schema import InputError
from ..kernels.events import Events
from .dendrites import DendriteComponents
from .input_dropout import thinned
from .scaling import VoltageScaling
from .spike_inputs import SpikeInputs, StoredInputs, cut
from .spike_windows import SpikeWindows
from .targets import OutputSpikes, StoredVoltages

Each = TypeVar("Each")
Rows = Sequence[np.ndarray] | np.ndarray  # (T,) of each trial
SETTLING_MS = 500  # no window starts, and nothing is scored, before this; Spieler et al. 2024


class Schedule(Protocol):
    """Which trial each window of a step is of, where they come and go."""

    duration_ms: int  # of every trial

    def of(self, step: int) -> np.ndarray: ...


class Trials(NamedTuple):
    """Inputs of trials, and targets in the network's units: in memory, or read trial by trial as they are needed."""

    inputs: Sequence[SpikeInputs]
    spike_bt: Rows  # float32, 1 in the bin of an output spike
    voltage_bt: Rows  # float32
    components_btp: np.ndarray | None = None  # float32
    schedule: Schedule | None = None  # which trial each window is of; None: any, at random

    @property
    def duration_ms(self) -> int:
        """Of each trial."""
        return len(self.spike_bt[0]) if self.schedule is None else self.schedule.duration_ms

    @property
    def spike_rate(self) -> float:
        """Share of the bins with an output spike."""
        return sum(float(spike_t[:].mean()) for spike_t in self.spike_bt) / len(self.spike_bt)


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
    """A batch: input spikes, the targets and the windows' weights, float32."""

    events: Events
    spike_bw: Tensor
    voltage_bw: Tensor
    components_bwp: Tensor | None
    weight_b: Tensor | None = None  # of each window's loss; None: 1

    def to(self, device: torch.device) -> Windows:
        """The same there. A GPU is not waited for: its copies are under way when this returns."""

        def moved(values: Tensor) -> Tensor:
            return values.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else values.to(device)

        row_n, input_n, value_n, shape = self.events
        events = Events(moved(row_n), moved(input_n), moved(value_n), shape)
        components, weight_b = (None if values is None else moved(values) for values in self[3:])
        return Windows(events, moved(self.spike_bw), moved(self.voltage_bw), components, weight_b)


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
    spike_jitter_ms: float | None = None,
) -> Trials:
    """As `load_trials`, of several datasets and the numbers of each: those of the first, then those of the next.

    spike_jitter_ms: how wide the label of a spike is, None for one bin.
    """
    placed = [(ds, positions_of(ds, numbers).tolist()) for ds, numbers in chosen]
    inputs = Joined([StoredInputs(ds, positions) for ds, positions in placed])
    voltages = Joined([StoredVoltages(ds, positions, scaling) for ds, positions in placed])
    spikes = Joined([OutputSpikes(ds, positions, spike_jitter_ms) for ds, positions in placed])
    components = None
    if dendrites is not None:
        read = (schema.read(ds, "dendrite_v_mv", position) for ds, positions in placed for position in positions)
        components = np.stack([dendrites.project(v_mv_nt) for v_mv_nt in read])
    if from_disk:
        return Trials(inputs, spikes, voltages, components)
    return Trials(list(inputs), stacked(spikes), stacked(voltages), components)


def stacked(rows: Sequence[np.ndarray]) -> np.ndarray:
    """All of them in one array, of which no second copy is made on the way."""
    first = rows[0]
    together = np.empty((len(rows), len(first)), first.dtype)
    for at in range(len(rows)):
        together[at] = rows[at]
    return together


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


class Choice(NamedTuple):
    """How windows are chosen beyond their length: see spike_windows.py and input_dropout.py."""

    spike_windows: float = 0.0
    burn_in_ms: int = 0  # which the loss leaves out, so that no spike is looked for there
    input_dropout: float = 0.0


class Places(NamedTuple):
    """Of each window of a batch, (B,): its trial, its first bin, the weight of its loss, and a number of its own."""

    at_b: np.ndarray  # int64
    start_b: np.ndarray  # int64
    weight_b: np.ndarray | None = None  # float32; None: 1
    salt_b: np.ndarray | None = None  # int64; None where no input spike is left out


PLAIN = Choice()


def draw_places(
    trials: Trials,
    *,
    window_ms: int,
    batch: int,
    seed: int,
    step: int,
    share: slice = slice(None),
    choice: Choice = PLAIN,
) -> Places:
    """Where the windows of a training step lie: as `draw_windows` has them."""
    rng = np.random.default_rng([seed, step])
    last_ms = trials.duration_ms - window_ms
    at_b = rng.integers(len(trials.inputs), size=batch) if trials.schedule is None else trials.schedule.of(step)
    at_b = at_b[share]
    start_b = rng.integers(SETTLING_MS, last_ms + 1, size=batch)[share]
    salt_b = rng.integers(2**63, size=batch)[share] if choice.input_dropout else None
    if not choice.spike_windows:
        return Places(at_b, start_b, None, salt_b)
    chosen = SpikeWindows(choice.spike_windows, window_ms, choice.burn_in_ms, SETTLING_MS, last_ms)
    random_b3 = rng.random((batch, 3))[share]
    spikes = [trials.spike_bt[at] for at in at_b]
    start_b = np.array([chosen.start(*each) for each in zip(spikes, start_b.tolist(), random_b3, strict=True)])
    weights = [chosen.weight(spike_t, start) for spike_t, start in zip(spikes, start_b.tolist(), strict=True)]
    return Places(at_b, start_b, np.array(weights, np.float32), salt_b)


def draw_windows(
    trials: Trials,
    *,
    window_ms: int,
    batch: int,
    seed: int,
    step: int,
    share: slice = slice(None),
    choice: Choice = PLAIN,
) -> Windows:
    """The batch of a training step: it depends on the trials, `seed` and `step` only, not on the steps before.

    share: of its windows, those that are wanted. choice: how they are chosen, at random unless it says otherwise.
    """
    drawn = draw_places(trials, window_ms=window_ms, batch=batch, seed=seed, step=step, share=share, choice=choice)
    places = list(zip(drawn.at_b.tolist(), drawn.start_b.tolist(), strict=True))

    def excerpt(values_bt: Rows) -> Tensor:
        return torch.from_numpy(np.stack([values_bt[b][t : t + window_ms] for b, t in places]))

    components = None if trials.components_btp is None else excerpt(trials.components_btp)
    events = cut([trials.inputs[b] for b, _ in places], drawn.start_b.tolist(), window_ms)
    if drawn.salt_b is not None:
        events = thinned(events, torch.from_numpy(drawn.salt_b), choice.input_dropout)
    weight_b = None if drawn.weight_b is None else torch.from_numpy(drawn.weight_b)
    return Windows(events, excerpt(trials.spike_bt), excerpt(trials.voltage_bt), components, weight_b)
