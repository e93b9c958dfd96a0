"""Trials' input spikes as a surrogate takes them: events, of which a batch of windows is cut.

T ms, S synapses, B windows, W ms of a window.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import xarray as xr

from ...simulate import schema
from ...simulate.schema import SpikeTrains
from ..kernels.events import Events


@dataclass(frozen=True)
class SpikeInputs:
    """Input spikes of a trial. sign_s (S,): int8, +1 excitatory, -1 inhibitory."""

    trains: SpikeTrains
    sign_s: np.ndarray

    @classmethod
    def from_dense(cls, spikes_st: np.ndarray, sign_s: np.ndarray) -> SpikeInputs:
        """Of boolean spikes (S, T)."""
        return cls(SpikeTrains.from_dense(spikes_st), sign_s.astype(np.int8))

    @property
    def duration_ms(self) -> int:
        return len(self.trains.count_t)


def cut(inputs: Sequence[SpikeInputs], starts_ms: Sequence[int], window_ms: int) -> Events:
    """One window of each trial, from its start on; silent past the trial's end."""
    rows, synapses, values = [], [], []
    for at, (trial, start_ms) in enumerate(zip(inputs, starts_ms, strict=True)):
        bins, synapse = trial.trains.window(start_ms, window_ms)
        rows.append((at * window_ms + bins).astype(np.int32))
        synapses.append(synapse.astype(np.int32))
        values.append(trial.sign_s[synapse].astype(np.float32))
    row_n, input_n, value_n = (torch.from_numpy(np.concatenate(each)) for each in (rows, synapses, values))
    return Events(row_n, input_n, value_n, (len(rows), window_ms, len(inputs[0].sign_s)))


class StoredInputs(Sequence[SpikeInputs]):
    """Input spikes of trials, read from disk each time one is asked for: memory stays flat, whatever the dataset."""

    def __init__(self, ds: xr.Dataset, positions: Sequence[int]) -> None:
        """Of the trials at `positions` of an open dataset. Raises InputError where it holds no input spikes."""
        self._events = schema.EventStore(schema.source(ds))
        self._positions = [int(position) for position in positions]
        self._sign_s = schema.read(ds, "synapse_sign").astype(np.int8)

    def __len__(self) -> int:
        return len(self._positions)

    def __getitem__(self, index):
        return SpikeInputs(self._events.read(self._positions[index]), self._sign_s)
