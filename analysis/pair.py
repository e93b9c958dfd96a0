"""A truth and one prediction of it, trial by trial, as every score takes them.

B trials that both hold, T bins of 1 ms.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..simulate.schema import DONE, InputError, read, source
from .metrics import clip_mv

if TYPE_CHECKING:
    import xarray as xr

DROP_MS = 500  # published: the first 500 ms are not scored
MAX_OUTPUT_SPIKES = 24  # published: trials with more output spikes are not scored


class Pair(NamedTuple):
    """What was, and what was predicted. Source of what is scored: the published evaluation, in `metrics.py`."""

    trial_b: np.ndarray  # their numbers in the dataset
    file_b: np.ndarray  # each trial's source file
    spikes_bt: np.ndarray  # truth, boolean
    probability_bt: np.ndarray
    v_bt: np.ndarray  # truth, mV, clipped
    predicted_bt: np.ndarray  # mV
    kept_b: np.ndarray  # boolean: trials that are scored
    scored_t: np.ndarray  # boolean: bins that are scored


def read_pair(
    ds: xr.Dataset, spikes_bt: np.ndarray, prediction: xr.Dataset, path: Path, drop_ms: int, max_output_spikes: int
) -> Pair:
    """Read the trials that a truth and a prediction share; voltages and probabilities come trial by trial.

    spikes_bt: output spikes of every trial of the truth. path: of the prediction, for messages.
    Raises InputError for another truth or time axis, no common trials, NaN, or no output spike left to score.
    """
    at_truth, at_prediction = _common_trials(ds, prediction, path)
    spikes_bt = spikes_bt[at_truth]
    kept = spikes_bt.sum(axis=1) <= max_output_spikes
    scored = np.asarray(ds["time_ms"]) - float(ds["time_ms"][0]) >= drop_ms
    if not spikes_bt[kept][:, scored].any():
        raise InputError(
            f"{path}: no output spike of dataset '{ds.attrs['dataset_id']}' falls in the {kept.sum()} of {kept.size} "
            f"trials that can be scored (after {drop_ms} ms, at most {max_output_spikes} spikes), so ROC-AUC is "
            "undefined; predict more trials"
        )
    v_bt, predicted_bt, probability_bt = (np.empty(spikes_bt.shape, "f4") for _ in range(3))
    for row, (true_at, predicted_at) in enumerate(zip(at_truth, at_prediction, strict=True)):
        v_bt[row] = _read_finite(ds, "soma_v_mv", true_at)
        predicted_bt[row] = _read_finite(prediction, "soma_v_mv", predicted_at)
        probability_bt[row] = _read_finite(prediction, "spike_probability", predicted_at)
    trial_b, file_b = (np.asarray(ds[name])[at_truth] for name in ("trial", "source_file"))
    return Pair(trial_b, file_b, spikes_bt, probability_bt, clip_mv(v_bt), predicted_bt, kept, scored)


def _read_finite(ds: xr.Dataset, name: str, at: int) -> np.ndarray:
    values = read(ds, name, at)
    if not np.isfinite(values).all():
        where, trial = source(ds), int(ds["trial"][at])
        raise InputError(f"{where}: '{name}' of trial {trial} holds NaN or infinite values; make it again")
    return values


def _common_trials(ds: xr.Dataset, prediction: xr.Dataset, path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Positions, in truth and prediction, of the trials that both have finished."""
    found, expected = prediction.attrs.get("truth_id"), ds.attrs["dataset_id"]
    if found != expected:
        raise InputError(f"{path}: predicts dataset '{found}', not '{expected}'; predict this truth, or give that one")
    if not np.array_equal(ds["time_ms"], prediction["time_ms"]):
        bins, expected_bins = prediction.sizes["time_ms"], ds.sizes["time_ms"]
        raise InputError(f"{path}: time axis of {bins} bins is not the truth's of {expected_bins}; predict again")
    true_done, predicted_done = (np.flatnonzero(read(each, "trial_status") == DONE) for each in (ds, prediction))
    _, at_truth, at_prediction = np.intersect1d(
        np.asarray(ds["trial"])[true_done], np.asarray(prediction["trial"])[predicted_done], return_indices=True
    )
    if not at_truth.size:
        raise InputError(f"{path}: has no finished trial in common with the truth; predict trials that the truth holds")
    return true_done[at_truth], predicted_done[at_prediction]
