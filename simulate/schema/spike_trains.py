"""Input spikes as they lie on disk: for each trial the synapses that spike, bin by bin, and how many in each bin.

Less than one bin in fifty holds a spike, so a list of events is a tenth of packed bits, and a window of a trial is a
slice of it. In xarray the dataset still has `input_spikes`, boolean, made from the events where it is looked at.

S synapses, T bins of 1 ms, n events.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr

from .input_error import InputError
from .trial_chunks import DAMAGED, TrialChunks, damaged

COUNT, EVENT = "input_spike_count", "input_spike_synapse"
DENSE = "input_spikes"
DENSE_DIMS = ("trial", "synapse", "time_ms")
CHUNK_EVENTS = 1 << 17  # a 6 s NMDA trial of `hay2011` (85,000 events) is one chunk, one of `ttpc1` (140,000) two


@dataclass(frozen=True)
class SpikeTrains:
    """One trial's input spikes: count_t (T,) events in each bin, synapse_n (n,) their synapses, bin after bin."""

    count_t: np.ndarray
    synapse_n: np.ndarray

    @classmethod
    def from_dense(cls, spikes_st: np.ndarray) -> SpikeTrains:
        """Of boolean spikes, shape (S, T)."""
        dtype = event_dtype(len(spikes_st))
        synapse, bins = np.divmod(np.flatnonzero(spikes_st), max(spikes_st.shape[1], 1))
        both = np.sort(bins << 32 | synapse)  # looking along bins, across memory, takes five times as long
        count_t = np.bincount(bins, minlength=spikes_st.shape[1])
        return cls(count_t.astype(dtype), (both & 0xFFFFFFFF).astype(dtype))

    def window(self, start_ms: int, length_ms: int) -> tuple[np.ndarray, np.ndarray]:
        """Bins, counted from `start_ms`, and synapses of the events in `length_ms` bins, fewer past the trial's end."""
        count = self.count_t[start_ms : start_ms + length_ms]
        first = int(self.count_t[:start_ms].sum(dtype=np.int64))
        synapse = self.synapse_n[first : first + int(count.sum(dtype=np.int64))]
        return np.repeat(np.arange(len(count)), count), synapse

    def dense(self, n_synapses: int, start_ms: int, length_ms: int) -> np.ndarray:
        """Boolean spikes (S, length_ms) of a window."""
        bins, synapse = self.window(start_ms, length_ms)
        spikes_st = np.zeros((n_synapses, length_ms), dtype=bool)
        spikes_st[synapse, bins] = True
        return spikes_st


def event_dtype(n_synapses: int) -> np.dtype:
    """The smallest unsigned dtype that names each synapse and has a value over for 'no event'."""
    return np.min_scalar_type(max(n_synapses, 1))


def write(group, position: int, spikes_st: np.ndarray) -> None:
    """Write boolean spikes (S, T) as the events of the trial at `position` of a Zarr group."""
    trains = SpikeTrains.from_dense(spikes_st)
    event = TrialChunks(group[EVENT])
    length = event.array.chunks[1]
    for at in range(max(1, -(-len(trains.synapse_n) // length))):
        chunk = np.full(length, event.array.fill_value, event.array.dtype)
        some = trains.synapse_n[at * length : (at + 1) * length]
        chunk[: len(some)] = some
        event.write(position, chunk, at)
    TrialChunks(group[COUNT]).write(position, trains.count_t)


class EventStore:
    """The input spikes of a dataset on disk, read trial by trial.

    Another program may have stored them as plain booleans; they are read as events too.
    """

    def __init__(self, path: str | Path) -> None:
        """Of the Zarr store at `path`. Raises InputError where it holds no input spikes."""
        import zarr

        group, self.path = zarr.open_group(path, mode="r"), Path(path)
        if EVENT not in group and DENSE not in group:
            raise InputError(f"{path}: has no input spikes; a simulation has them, a prediction has not")
        self._n_synapses = TrialChunks.of(path, "synapse_sign").array.shape[0]
        self._dense = None if EVENT in group else TrialChunks.of(path, DENSE)
        if self._dense is not None:
            self.shape = self._dense.array.shape[::2]
            return
        self._count, self._event = TrialChunks.of(path, COUNT), TrialChunks.of(path, EVENT)
        self.shape = self._count.array.shape  # trials, bins
        if len(self.shape) != 2 or self._event.array.shape[:-1] != self.shape[:1]:
            raise InputError(
                f"{path}: variables '{COUNT}' and '{EVENT}' are not of the same trials; make the store again"
            )

    def read(self, position: int) -> SpikeTrains:
        """The input spikes of the trial at `position`. Raises InputError where they are damaged."""
        if self._dense is not None:
            return SpikeTrains.from_dense(self._dense.read(position))
        event = self._event
        try:
            count_t = self._count.chunk(position, 0)
            n = int(count_t.sum(dtype=np.int64))
            parts = [event.chunk(position, at) for at in range(-(-n // event.array.chunks[1]))]
            synapse_n = np.concatenate([*parts, np.empty(0, event.array.dtype)])[:n]
            if len(synapse_n) < n or (synapse_n == event.array.fill_value).any():
                raise ValueError("fewer events than it counts")
            if n and synapse_n.max() >= self._n_synapses:
                raise ValueError(f"synapse {synapse_n.max()} of {self._n_synapses}")
        except DAMAGED as error:
            raise damaged(self.path, "input_spikes", position, error) from error
        return SpikeTrains(count_t, synapse_n)


class _Dense(xr.backends.BackendArray):
    """`input_spikes` of a store, made from its events trial by trial, and only for the bins asked for."""

    def __init__(self, events: EventStore, n_synapses: int) -> None:
        self.events = events
        self.shape = (events.shape[0], n_synapses, events.shape[1])
        self.dtype = np.dtype(bool)

    def __getitem__(self, key):
        from xarray.core import indexing

        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.OUTER, self._take)

    def _take(self, key) -> np.ndarray:
        trial, synapse, time = key
        bins = np.arange(self.shape[2])[time]
        start, stop = (int(bins.min()), int(bins.max()) + 1) if bins.size else (0, 0)

        def of_trial(position: int) -> np.ndarray:
            whole = self.events.read(position).dense(self.shape[1], start, stop - start)
            return whole[synapse][..., bins - start]

        if np.ndim(trial) == 0 and not isinstance(trial, slice):
            return of_trial(int(trial))
        positions = np.arange(self.shape[0])[trial]
        taken = [of_trial(int(position)) for position in positions]
        return np.stack(taken) if taken else np.zeros((0, *of_trial(0).shape), bool)


def dense_variable(path: str | Path, n_synapses: int, attrs: dict) -> xr.Variable:
    """The boolean `input_spikes` (trial, synapse, time_ms) of the store at `path`; nothing is read yet."""
    from xarray.core import indexing

    return xr.Variable(DENSE_DIMS, indexing.LazilyIndexedArray(_Dense(EventStore(path), n_synapses)), attrs)
