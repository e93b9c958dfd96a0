"""Truth and predictions in, scores out: the published evaluation. Voltages and probabilities are read trial by trial.

B scored trials, T bins of 1 ms.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ..simulate.schema import InputError, config_of, open_dataset, output_spike_bins
from . import metrics
from .inspect import dataset_title
from .pair import DROP_MS, MAX_OUTPUT_SPIKES, Pair, read_pair
from .scores import Score

if TYPE_CHECKING:
    import xarray as xr

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
    pairs = scored_pairs(
        truth,
        predictions,
        published_spike_times=published_spike_times,
        drop_ms=drop_ms,
        max_output_spikes=max_output_spikes,
    )
    return [score for score, _ in pairs]


def scored_pairs(
    truth: str | Path,
    predictions: Sequence[str | Path],
    *,
    published_spike_times: bool | None = None,
    drop_ms: int = DROP_MS,
    max_output_spikes: int = MAX_OUTPUT_SPIKES,
) -> Iterator[tuple[Score, Pair]]:
    """As `evaluate`, one at a time, each with the trials that were scored."""
    ds = open_dataset(truth, "simulation")
    if published_spike_times and PUBLISHED_TIMES not in ds:
        raise InputError(f"{truth}: has no published output spike times; leave the choice open, or take the exact ones")
    published = PUBLISHED_TIMES in ds and published_spike_times is not False
    spikes_bt = output_spike_bins(ds, published)
    for path in map(Path, predictions):
        prediction = open_dataset(path, "prediction")
        pair = read_pair(ds, spikes_bt, prediction, path, drop_ms, max_output_spikes)
        yield _score(ds, pair, _model_of(prediction, path), "published" if published else "exact"), pair


def score_row(truth: Path, prediction: Path) -> dict[str, Any]:
    """The row of scores of one prediction, as `write_scores` would write it. Raises InputError as `evaluate` does."""
    (score,) = evaluate(truth, [prediction])
    return score.model_dump()


def _score(ds: xr.Dataset, pair: Pair, model: dict[str, Any], spike_times: Literal["published", "exact"]) -> Score:
    rescaled_bt = metrics.rescale_per_file(pair.v_bt, pair.predicted_bt, pair.file_b)
    spikes, probability, v, plain, rescaled = (
        values[pair.kept_b][:, pair.scored_t]
        for values in (pair.spikes_bt, pair.probability_bt, pair.v_bt, pair.predicted_bt, rescaled_bt)
    )
    curve = metrics.roc(spikes, probability)
    return Score(
        **model,
        dataset_id=ds.attrs["dataset_id"],
        dataset=dataset_title(ds),
        n_trials=int(pair.kept_b.sum()),
        n_output_spikes=int(spikes.sum()),
        spike_times=spike_times,
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
