"""One pass over a dataset, a trial at a time, so that memory is bounded by a trial: what is counted of every trial.

B trials.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ...simulate.schema import DONE, FAILED, FINE_PER_MS, open_dataset, output_spike_times_ms, read
from ..plots import synapse_groups
from .flags import fault

if TYPE_CHECKING:
    import xarray as xr

SAMPLES_PER_MS = {"soma_v_mv": 1, "soma_v_fine_mv": FINE_PER_MS, "nexus_v_mv": 1, "dendrite_v_mv": 1}


class Scan(NamedTuple):
    """status, output_count (B,): the count is the expected one in a prediction.

    input_count: spikes (B,) by tree and sign, -1 where the trial is not finished; isi_ms: between the output spikes of
    a trial, all finished trials together; faults: position of an unstable trial to the reason.
    """

    status: np.ndarray
    output_count: np.ndarray
    input_count: dict[tuple[str, int], np.ndarray]
    isi_ms: np.ndarray
    faults: dict[int, str]

    @property
    def finished(self) -> np.ndarray:
        return np.flatnonzero(self.status == DONE)


def scan(path: str | Path, report: Callable[[int, int], None] | None = None) -> Scan:
    """Read every trial of a dataset once. report: called with (trials read, trials in all) after each.

    Raises InputError for a missing, damaged or unfinished store.
    """
    ds = open_dataset(path)
    status, n_trials = read(ds, "trial_status"), int(ds.sizes["trial"])
    groups = synapse_groups(ds) if "input_spikes" in ds else {}
    input_count = {group: np.full(n_trials, -1) for group in groups}
    output_count, isi_ms, faults = np.zeros(n_trials), [np.empty(0)], {}
    for trial in range(n_trials):
        reason = "failed" if status[trial] == FAILED else _fault(ds, trial)
        if reason:
            faults[trial] = reason
        output_count[trial] = _output_count(ds, trial)
        if status[trial] == DONE:
            if ds.attrs["kind"] == "simulation":
                isi_ms.append(np.diff(_output_times_ms(ds, trial)))
            if groups:
                per_synapse = read(ds, "input_spikes", trial).sum(axis=1)
                for group, at in groups.items():
                    input_count[group][trial] = per_synapse[at].sum()
        if report is not None:
            report(trial + 1, n_trials)
    return Scan(status, output_count, input_count, np.concatenate(isi_ms), faults)


def _fault(ds: xr.Dataset, trial: int) -> str | None:
    for name, samples_per_ms in SAMPLES_PER_MS.items():
        if name in ds:
            reason = fault(name, read(ds, name, trial), samples_per_ms)
            if reason:
                return reason
    return None


def _output_count(ds: xr.Dataset, trial: int) -> float:
    if ds.attrs["kind"] == "simulation":
        return _output_times_ms(ds, trial).size
    return read(ds, "spike_probability", trial).sum(dtype=float)


def _output_times_ms(ds: xr.Dataset, trial: int) -> np.ndarray:
    times_ms = output_spike_times_ms(ds, trial)
    return times_ms[np.isfinite(times_ms)]


def output_counts(ds: xr.Dataset) -> np.ndarray:
    """Output spikes of each trial, (B,): counted in a simulation, expected (summed probability) in a prediction."""
    return np.array([_output_count(ds, trial) for trial in range(ds.sizes["trial"])])
