"""Targets that are in part another model's: what it predicts of the same trials, mixed with what the cell did.

The cross-entropy is linear in its label, and the mean of two squared errors is that of the mean target but for a
constant: the loss on mixed targets is the mix of the losses.
T ms of a trial.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import xarray as xr

from ...simulate import schema
from ...simulate.schema import InputError
from .scaling import VoltageScaling
from .split import Split
from .windows import Rows, Trials, positions_of, stacked


class Mixed(Sequence[np.ndarray]):
    """(T,) of trials: a share of what is taught, the rest of what is true. Both are read when one is asked for."""

    def __init__(self, true: Rows, taught: Callable[[int], np.ndarray], positions: Sequence[int], share: float) -> None:
        """taught: reads the trial at one of `positions`, which are those of the trials of `true`."""
        self._true, self._taught, self._positions, self._share = true, taught, list(positions), share

    def __len__(self) -> int:
        return len(self._positions)

    def __getitem__(self, index):
        taught = self._taught(self._positions[index]).astype(np.float32)
        return (1 - self._share) * self._true[index] + self._share * taught


def open_teacher(path: str, ds: xr.Dataset, split: Split) -> xr.Dataset:
    """The prediction at `path` of the simulation `ds`, of all the trials that are learned from.

    Raises InputError where it is of another dataset, lacks a trial, or is by a model that learned from what `split`
    holds out.
    """
    teacher = schema.open_dataset(path, "prediction")
    truth_id = teacher.attrs.get("truth_id")
    if truth_id != ds.attrs["dataset_id"]:
        raise InputError(f"teacher: {path} is of dataset {truth_id}, this one is {ds.attrs['dataset_id']}")
    if "spike_probability" not in teacher:
        raise InputError(f"teacher: {path} has no spike_probability: it is no prediction of a model")
    positions_of(teacher, split.train)
    if "part" in teacher:
        learned = {*schema.read(teacher, "trial")[schema.read(teacher, "part") == "train"].tolist()}
        if seen := sorted(learned & {*split.validation, *split.test}):
            raise InputError(
                f"teacher: {path} is by a model that learned from trial {seen[0]}, which is held out here; give the "
                "split_seed and fractions that it has"
            )
    return teacher


def taught(trials: Trials, teacher: xr.Dataset, numbers: list[int], share: float, scaling: VoltageScaling) -> Trials:
    """The trials of these numbers with a `share` of the teacher's prediction in their targets."""
    positions, path = positions_of(teacher, numbers).tolist(), Path(schema.source(teacher))
    probability, voltage = (schema.TrialChunks.of(path, name) for name in ("spike_probability", "soma_v_mv"))
    spikes = Mixed(trials.spike_bt, probability.read, positions, share)
    voltages = Mixed(trials.voltage_bt, lambda at: scaling.to_network(voltage.read(at)), positions, share)
    if isinstance(trials.spike_bt, np.ndarray):  # in memory
        return trials._replace(spike_bt=stacked(spikes), voltage_bt=stacked(voltages))
    return trials._replace(spike_bt=spikes, voltage_bt=voltages)
