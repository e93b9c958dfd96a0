"""One trial's input spikes as a surrogate takes them: events until a window is looked at, then signed channels.

T ms, S synapses, W ms of a window.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from ..simulate import schema
from ..simulate.schema import SpikeTrains


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

    def window(self, start_ms: int, length_ms: int, out: np.ndarray | None = None) -> np.ndarray:
        """Signed input (W, S) as int8: +1, -1 or 0; silent past the trial's end. out: zeros to write it to."""
        bins, synapse = self.trains.window(start_ms, length_ms)
        x_ws = np.zeros((length_ms, len(self.sign_s)), np.int8) if out is None else out
        x_ws.reshape(-1)[bins * len(self.sign_s) + synapse] = self.sign_s[synapse]
        return x_ws


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
