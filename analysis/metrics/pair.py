"""A truth and one prediction of it, trial by trial, as every score takes them.

B trials that both hold, T bins of 1 ms.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from ...simulate.schema import DONE, InputError, output_spike_bins, read, source
from .published import clip_mv

if TYPE_CHECKING:
    import xarray as xr

DROP_MS = 500  # published: the first 500 ms are not scored
MAX_OUTPUT_SPIKES = 24  # published: trials with more output spikes are not scored
PUBLISHED_TIMES = "output_spike_time_published_ms"
BLOCK = 32  # trials that are read at a time: 12 MB of trials of 6 s


class Pair(NamedTuple):
    """What was, and what was predicted. Source of what is scored: see `metrics/published.py`."""

    trial_b: np.ndarray  # their numbers in the dataset
    file_b: np.ndarray  # each trial's source file
    spikes_bt: np.ndarray  # truth, boolean
    probability_bt: np.ndarray
    v_bt: np.ndarray  # truth, mV, clipped
    predicted_bt: np.ndarray  # mV
    kept_b: np.ndarray  # boolean: trials that are scored
    scored_t: np.ndarray  # boolean: bins that are scored


@dataclass(frozen=True)
class PairedTrials:
    """The trials that a truth and a prediction share, and what of them is scored; voltages are still on disk."""

    truth: xr.Dataset
    prediction: xr.Dataset
    at_truth: np.ndarray  # (B,) positions
    at_prediction: np.ndarray  # (B,) positions
    spikes_bt: np.ndarray  # truth, boolean
    kept_b: np.ndarray  # boolean: trials that are scored
    scored_t: np.ndarray  # boolean: bins that are scored

    def __len__(self) -> int:
        return len(self.at_truth)

    @property
    def trial_b(self) -> np.ndarray:
        return np.asarray(self.truth["trial"])[self.at_truth]

    @property
    def file_b(self) -> np.ndarray:
        return np.asarray(self.truth["source_file"])[self.at_truth]

    def take(self, rows: np.ndarray | slice) -> PairedTrials:
        """Only the trials at `rows` of these."""
        cut = {name: getattr(self, name)[rows] for name in ("at_truth", "at_prediction", "spikes_bt", "kept_b")}
        return replace(self, **cut)

    def blocks(self, size: int = BLOCK) -> Iterator[PairedTrials]:
        """The same trials, `size` at a time."""
        return (self.take(slice(at, at + size)) for at in range(0, len(self), size))

    def probability(self) -> np.ndarray:
        """The predicted spike probability, (B, T). Raises InputError for NaN or a damaged chunk."""
        return _read_finite(self.prediction, "spike_probability", self.at_prediction)

    def voltages(self) -> tuple[np.ndarray, np.ndarray]:
        """Clipped truth and prediction, (B, T) each, mV, in double precision. Raises as `probability` does."""
        v_bt = clip_mv(_read_finite(self.truth, "soma_v_mv", self.at_truth))
        return v_bt, _read_finite(self.prediction, "soma_v_mv", self.at_prediction).astype(float)

    def read(self) -> Pair:
        """All of it. Raises InputError for NaN or a damaged chunk."""
        v_bt, predicted_bt = self.voltages()
        return Pair(
            self.trial_b,
            self.file_b,
            self.spikes_bt,
            self.probability(),
            v_bt,
            predicted_bt,
            self.kept_b,
            self.scored_t,
        )


def paired(
    truth: xr.Dataset,
    prediction: xr.Dataset,
    *,
    part: Literal["held-out", "validation", "every"] = "held-out",
    published_spike_times: bool | None = None,
    drop_ms: int = DROP_MS,
    max_output_spikes: int = MAX_OUTPUT_SPIKES,
) -> PairedTrials:
    """The trials that a truth and a prediction share.

    part: 'held-out' takes the test trials where the prediction says which they are, else all; 'validation' those on
        which its model was chosen, none where it does not say; 'every' also those that it was fitted on.
    published_spike_times: the quantised times that NeuronIO published, or the exact ones; None: published where there.
    drop_ms: start of each trial that is not scored. max_output_spikes: trials with more are not scored.
    Raises InputError for another truth or time axis, or no common trials.
    """
    if published_spike_times and PUBLISHED_TIMES not in truth:
        raise InputError(
            f"{source(truth)}: has no published output spike times; leave the choice open, or take the exact ones"
        )
    at_truth, at_prediction = _common_trials(truth, prediction)
    if "part" in prediction:
        part_b = np.asarray(prediction["part"]).astype(object)[at_prediction]
        chosen = part_b == ("test" if part == "held-out" else part)
    else:
        chosen = np.zeros(len(at_truth), bool)
    if part == "every" or (part == "held-out" and not chosen.any()):
        chosen[:] = True
    at_truth, at_prediction = at_truth[chosen], at_prediction[chosen]
    spikes_bt = output_spike_bins(truth, published_spike_times is not False)[at_truth]
    kept = spikes_bt.sum(axis=1) <= max_output_spikes
    scored = np.asarray(truth["time_ms"]) - float(truth["time_ms"][0]) >= drop_ms
    return PairedTrials(truth, prediction, at_truth, at_prediction, spikes_bt, kept, scored)


def pair_of(truth: xr.Dataset, prediction: xr.Dataset) -> Pair:
    """All of what is scored, in memory. Raises InputError as `paired` does, and for NaN or a damaged chunk."""
    return paired(truth, prediction).read()


def _read_finite(ds: xr.Dataset, name: str, at_b: np.ndarray) -> np.ndarray:
    try:
        values_bt = read(ds, name, at_b)
    except InputError:
        values_bt = np.stack([read(ds, name, int(at)) for at in at_b])  # says which trial it is
    broken = ~np.isfinite(values_bt).all(axis=1)
    if broken.any():
        where, trial = source(ds), int(ds["trial"][at_b[np.argmax(broken)]])
        raise InputError(f"{where}: '{name}' of trial {trial} holds NaN or infinite values; make it again")
    return values_bt


def _common_trials(truth: xr.Dataset, prediction: xr.Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Positions, in truth and prediction, of the trials that both have finished."""
    path, found, expected = source(prediction), prediction.attrs.get("truth_id"), truth.attrs["dataset_id"]
    if found != expected:
        raise InputError(f"{path}: predicts dataset '{found}', not '{expected}'; predict this truth, or give that one")
    if not np.array_equal(truth["time_ms"], prediction["time_ms"]):
        bins, expected_bins = prediction.sizes["time_ms"], truth.sizes["time_ms"]
        raise InputError(f"{path}: time axis of {bins} bins is not the truth's of {expected_bins}; predict again")
    true_done, predicted_done = (np.flatnonzero(read(each, "trial_status") == DONE) for each in (truth, prediction))
    _, at_truth, at_prediction = np.intersect1d(
        np.asarray(truth["trial"])[true_done], np.asarray(prediction["trial"])[predicted_done], return_indices=True
    )
    if not at_truth.size:
        raise InputError(f"{path}: has no finished trial in common with the truth; predict trials that the truth holds")
    return true_done[at_truth], predicted_done[at_prediction]
