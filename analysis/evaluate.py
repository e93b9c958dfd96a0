"""Truth and predictions in, scores out: the published evaluation. Voltages and probabilities are read trial by trial.

B scored trials, T bins of 1 ms.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..simulate.schema import DONE, InputError, config_of, open_dataset, output_spike_bins, read, source
from . import metrics
from .inspect import dataset_title
from .scores import Score

if TYPE_CHECKING:
    import xarray as xr

DROP_MS = 500  # published: the first 500 ms are not scored
MAX_OUTPUT_SPIKES = 24  # published: trials with more output spikes are not scored
PUBLISHED_TIMES = "output_spike_time_published_ms"


def evaluate(
    truth: str | Path,
    predictions: Sequence[str | Path],
    *,
    published_spike_times: bool | None = None,
    drop_ms: int = DROP_MS,
    max_output_spikes: int = MAX_OUTPUT_SPIKES,
) -> list[Score]:
    """Score predictions against the truth that they predict, on the trials that both hold; one score each, in order.

    published_spike_times: True takes the quantised output spike times that NeuronIO published, False the exact ones,
        None the published ones where the dataset has them.
    drop_ms: start of each trial that is not scored. max_output_spikes: trials with more are not scored.
    Source: order of operations of the published evaluation, in `metrics.py`.
    Raises InputError naming the file for a prediction of another truth, no common trials, another time axis, NaN, a
    truth without published times when they are asked for, or nothing left to score.
    """
    ds = open_dataset(truth, "simulation")
    if published_spike_times and PUBLISHED_TIMES not in ds:
        raise InputError(f"{truth}: has no published output spike times; leave the choice open, or take the exact ones")
    published = PUBLISHED_TIMES in ds and published_spike_times is not False
    spikes_bt = output_spike_bins(ds, published)
    labels = "published" if published else "exact"
    return [_score(ds, spikes_bt, labels, Path(path), drop_ms, max_output_spikes) for path in predictions]


def score_row(truth: Path, prediction: Path) -> dict[str, Any]:
    """The row of scores of one prediction, as `write_scores` would write it. Raises InputError as `evaluate` does."""
    (score,) = evaluate(truth, [prediction])
    return score.model_dump()


def _score(ds: xr.Dataset, spikes_bt: np.ndarray, labels: str, path: Path, drop_ms: int, max_spikes: int) -> Score:
    prediction = open_dataset(path, "prediction")
    at_truth, at_prediction = _common_trials(ds, prediction, path)
    spikes_bt = spikes_bt[at_truth]
    kept = spikes_bt.sum(axis=1) <= max_spikes
    scored = np.asarray(ds["time_ms"]) - float(ds["time_ms"][0]) >= drop_ms
    if not spikes_bt[kept][:, scored].any():
        raise InputError(
            f"{path}: no output spike of dataset '{ds.attrs['dataset_id']}' falls in the {kept.sum()} of {kept.size} "
            f"trials that can be scored (after {drop_ms} ms, at most {max_spikes} spikes), so ROC-AUC is undefined; "
            "predict more trials"
        )
    v_bt, predicted_bt, probability_bt = (np.empty(spikes_bt.shape, "f4") for _ in range(3))
    for row, (true_at, predicted_at) in enumerate(zip(at_truth, at_prediction, strict=True)):
        v_bt[row] = _read_finite(ds, "soma_v_mv", true_at)
        predicted_bt[row] = _read_finite(prediction, "soma_v_mv", predicted_at)
        probability_bt[row] = _read_finite(prediction, "spike_probability", predicted_at)

    v_bt = metrics.clip_mv(v_bt)
    rescaled_bt = metrics.rescale_per_file(v_bt, predicted_bt, np.asarray(ds["source_file"])[at_truth])
    curve = metrics.roc(spikes_bt[kept][:, scored], probability_bt[kept][:, scored])
    v, plain, rescaled = (x[kept][:, scored] for x in (v_bt, predicted_bt, rescaled_bt))
    return Score(
        **_model_of(prediction, path),
        dataset_id=ds.attrs["dataset_id"],
        dataset=dataset_title(ds),
        n_trials=int(kept.sum()),
        n_output_spikes=int(spikes_bt[kept][:, scored].sum()),
        spike_times=labels,
        roc_auc=metrics.roc_auc(curve),
        tp_at_fp_0025=metrics.tp_at_fp(curve, 0.0025),
        tp_at_fp_01=metrics.tp_at_fp(curve, 0.01),
        auc_at_fp_0025=metrics.auc_at_fp(curve, 0.0025),
        auc_at_fp_01=metrics.auc_at_fp(curve, 0.01),
        rmse_mv=metrics.rmse_mv(v, plain),
        rmse_rescaled_mv=metrics.rmse_mv(v, rescaled),
        mae_mv=metrics.mae_mv(v, plain),
        mae_rescaled_mv=metrics.mae_mv(v, rescaled),
        explained_variance=metrics.explained_variance(v, plain),
        explained_variance_rescaled=metrics.explained_variance(v, rescaled),
    )


def _read_finite(ds: xr.Dataset, name: str, at: int) -> np.ndarray:
    values = read(ds, name, at)
    if not np.isfinite(values).all():
        where, trial = source(ds), int(ds["trial"][at])
        raise InputError(f"{where}: '{name}' of trial {trial} holds NaN or infinite values; make it again")
    return values


def _model_of(prediction: xr.Dataset, path: Path) -> dict[str, Any]:
    """What a prediction says of the model that made it, as columns of a score."""
    config = config_of(prediction)
    for key in ("family", "size", "name", "n_parameters"):
        if config.get(key) is None:
            raise InputError(f"{path}: its config does not say the model's '{key}'; write it with `apical predict`")
    return {
        "family": config["family"],
        "size": str(config["size"]),
        "name": config["name"],
        "seed": config.get("seed"),
        "n_parameters": config["n_parameters"],
        "macs_per_ms": config.get("macs_per_ms"),
        "train_trials": config.get("train_trials"),
        "trained_on": config.get("trained_on") or "",
        "mode": config.get("mode") or "",
    }


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
