"""What a surrogate is fitted to, trial by trial: somatic voltage read from disk, output spikes from their times.

T ms of a trial.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr

from ...simulate import schema
from .scaling import VoltageScaling

AT_ONCE = 1000  # trials whose spikes are read at a time


class StoredVoltages(Sequence[np.ndarray]):
    """Somatic voltage (T,) of trials in the network's units, float32, read each time one is asked for."""

    def __init__(self, ds: xr.Dataset, positions: Sequence[int], scaling: VoltageScaling) -> None:
        """Of the trials at `positions` of an open dataset. Raises InputError where it holds no somatic voltage."""
        self._chunks = schema.TrialChunks.of(schema.source(ds), "soma_v_mv")
        self._positions, self._scaling = list(positions), scaling

    def __len__(self) -> int:
        return len(self._positions)

    def __getitem__(self, index):
        return self._scaling.to_network(self._chunks.read(self._positions[index])).astype(np.float32)


def labels_of(times_ms: np.ndarray, duration_ms: int, jitter_ms: float | None) -> tuple[np.ndarray, np.ndarray | float]:
    """The labelled bins of a trial with output spikes at times_ms (K,), and their labels; all other bins have none.

    jitter_ms: how wide a spike's label is; None: its bin, int(t - 0.5), has all of it.
    """
    if jitter_ms is not None:
        return schema.shared_labels(times_ms, duration_ms, jitter_ms)
    bins = np.unique(np.maximum(times_ms - schema.SPIKE_BIN_OFFSET_MS, 0).astype(int))
    return bins[bins < duration_ms], 1.0


class OutputSpikes(Sequence[np.ndarray]):
    """Output spikes (T,) of trials, float32: labels of the bins with a spike, which are all that is kept of each.

    A label is 1, or a part of it where a spike's is shared between bins (see schema/spike_jitter.py).
    """

    def __init__(self, ds: xr.Dataset, positions: Sequence[int], jitter_ms: float | None = None) -> None:
        """Of the trials at `positions` of an open dataset. jitter_ms: how wide a spike's label is; None: one bin."""
        self._duration_ms = ds.sizes["time_ms"]
        self._labelled: list[tuple[np.ndarray, np.ndarray | float]] = []
        for first in range(0, len(positions), AT_ONCE):
            some = ds.isel(trial=list(positions[first : first + AT_ONCE]))
            times_ms = (row[np.isfinite(row)] for row in schema.output_spike_times_ms(some))
            self._labelled += [labels_of(each, self._duration_ms, jitter_ms) for each in times_ms]

    def __len__(self) -> int:
        return len(self._labelled)

    def __getitem__(self, index):
        spike_t = np.zeros(self._duration_ms, np.float32)
        bins, labels = self._labelled[index]
        spike_t[bins] = labels
        return spike_t
