"""Training trials laid out in a file for as long as a fit takes: a window is a few short reads.

In memory ten hours take 1.3 GB, and a Zarr chunk has to be unpacked whole for the twelfth of it that a window is. The
file has no name, so however the fit ends, it is gone.
T ms of a trial.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np

from ...simulate.schema import SpikeTrains
from .spike_inputs import SpikeInputs
from .windows import Trials

SHARE_OF_DISK = 0.5  # of what is free, that the file may take
LOOKED_AT = 10  # trials, by which the size of all is told


class OnDisk:
    """A one-dimensional array in an open file: a slice reads that much of it."""

    def __init__(self, file: BinaryIO, at: int, values: np.ndarray) -> None:
        """values: what is there, from byte `at` on."""
        self._file, self._at, self._dtype, self._length = file, at, values.dtype, len(values)

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, wanted: slice) -> np.ndarray:
        first, stop, step = wanted.indices(self._length)
        values = np.empty(max(stop - first, 0), self._dtype)
        at = self._at + first * self._dtype.itemsize
        if os.preadv(self._file.fileno(), [values.data.cast("B")], at) != values.nbytes:
            raise OSError(f"the file of laid out trials ends before byte {at + values.nbytes}")
        return values[::step]

    def __array__(self, dtype: np.dtype | None = None, copy: bool | None = None) -> np.ndarray:
        return self[:].astype(dtype or self._dtype, copy=False)


def added(file: BinaryIO, values: np.ndarray) -> np.ndarray:
    """An array put at the end of a file; an `OnDisk` in fact, for those who take slices of it."""
    values, at = np.ascontiguousarray(values), file.tell()
    file.write(values.data.cast("B"))
    return cast(np.ndarray, OnDisk(file, at, values))


def n_bytes(trials: Trials) -> int:
    """What a file of these trials takes, by the first of them."""
    some = [
        inputs.trains.count_t.nbytes + inputs.trains.synapse_n.nbytes for inputs in islice(trials.inputs, LOOKED_AT)
    ]
    return len(trials.inputs) * (sum(some) // len(some) + 8 * trials.duration_ms)


@contextmanager
def laid_out(trials: Trials, folder: Path) -> Iterator[Trials | None]:
    """The same trials, of which windows are read from a file in `folder` as long as this is entered; None where the
    disk has no room for it.
    """
    if n_bytes(trials) > SHARE_OF_DISK * shutil.disk_usage(folder).free:
        yield None
        return
    with tempfile.TemporaryFile(dir=folder) as file:
        try:
            laid = _written(trials, file)
        except OSError:  # filled up by somebody else
            laid = None
        yield laid


def _written(trials: Trials, file: BinaryIO) -> Trials:
    inputs, spikes, voltages = [], [], []
    for trial, spike_t, voltage_t in zip(trials.inputs, trials.spike_bt, trials.voltage_bt, strict=True):
        trains = SpikeTrains(added(file, trial.trains.count_t), added(file, trial.trains.synapse_n))
        inputs.append(SpikeInputs(trains, trial.sign_s))
        spikes.append(added(file, spike_t))
        voltages.append(added(file, voltage_t))
    file.flush()
    return trials._replace(inputs=inputs, spike_bt=spikes, voltage_bt=voltages)
