"""Truth and predictions in, scores out: the published evaluation, and what goes beyond it.

Trials are read in blocks, of which sums and ranks are kept, not bins (trial_sums.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...simulate.schema import InputError, config_of, open_dataset
from ..dataset_title import dataset_title
from ..metrics import choose_threshold
from ..metrics.pair import DROP_MS, MAX_OUTPUT_SPIKES, PUBLISHED_TIMES, PairedTrials, paired
from ..metrics.trial_sums import totals, trial_sums
from .files import write_scores
from .rows import COLUMNS, Score
from .score_metrics import score_metrics
from .table import Scores
from .uncertainty import RESAMPLES, resample

if TYPE_CHECKING:
    import xarray as xr


@dataclass(frozen=True)
class Evaluation:
    """How predictions are scored.

    published_spike_times: True takes the quantised output spike times that NeuronIO published, False the exact ones,
        None the published ones where the dataset has them.
    drop_ms: start of each trial that is not scored. max_output_spikes: trials with more are not scored.
    every_trial: score all that a prediction holds, those that its model was fitted on too.
    spike_threshold: probability of an event; None chooses it on validation trials.
    only_published: leave out what the published evaluation has not. resamples: of the trials; 0 for no intervals.
    """

    published_spike_times: bool | None = None
    drop_ms: int = DROP_MS
    max_output_spikes: int = MAX_OUTPUT_SPIKES
    every_trial: bool = False
    spike_threshold: float | None = None
    only_published: bool = False
    resamples: int = RESAMPLES


def evaluate(
    truth: str | Path,
    predictions: Sequence[str | Path],
    how: Evaluation = Evaluation(),
    report: Callable[[int, int], None] | None = None,
) -> Scores:
    """Score predictions against the truth that they predict, one score each, in order.

    Scored are the held-out test trials where a prediction says which they are, else all that it holds. The spike
    threshold of its events is chosen on its validation trials; without them, what depends on it is left empty.
    truth: path of the simulation. predictions: paths. how: as published, unless given.
    report: called with predictions scored and in all after each.
    Source: order of operations of the published evaluation, in `metrics/published.py`.
    Raises InputError naming the file for a prediction of another truth, no common trials, another time axis, NaN, a
    truth without published times when they are asked for, or nothing left to score.
    """
    ds = open_dataset(truth, "simulation")
    scores = Scores()
    for path in predictions:
        scores.append(_evaluate(ds, open_dataset(path, "prediction"), how))
        if report is not None:
            report(len(scores), len(predictions))
    return scores


def write_score(predicted: Sequence[tuple[Path, Path]], out: Path) -> None:
    """Write the score file of predictions, each after its truth. Raises InputError as `evaluate`, `write_scores` do."""
    write_scores(out, [score for truth, prediction in predicted for score in evaluate(truth, [prediction])])


def spike_threshold(truth: xr.Dataset, prediction: xr.Dataset, how: Evaluation = Evaluation()) -> float | None:
    """The spike probability from which on a model is said to spike: the one given, or chosen on its validation trials.

    None where none is given and the prediction holds none, or no output spike falls into them.
    """
    if how.spike_threshold is not None:
        return how.spike_threshold
    trials = _trials(truth, prediction, how, "validation")
    trials = trials.take(np.flatnonzero(trials.kept_b))
    if not trials.spikes_bt[:, trials.scored_t].any():
        return None
    return choose_threshold(trials.read())


def _evaluate(truth: xr.Dataset, prediction: xr.Dataset, how: Evaluation) -> Score:
    model = _model_of(prediction)
    trials = scored_trials(truth, prediction, how)
    threshold = None if how.only_published else spike_threshold(truth, prediction, how)
    sums = trial_sums(trials, {} if how.only_published else score_metrics(threshold))
    scores = {name: value for name, value in totals(sums).items() if name in COLUMNS and np.isfinite(value)}
    spikes_kt = trials.spikes_bt[trials.kept_b][:, trials.scored_t]
    published = PUBLISHED_TIMES in truth and how.published_spike_times is not False
    several = how.resamples > 0 and trials.kept_b.sum() > 1
    return Score(
        **model,
        dataset_id=truth.attrs["dataset_id"],
        dataset=dataset_title(truth),
        n_trials=len(spikes_kt),
        n_output_spikes=int(spikes_kt.sum()),
        spike_times="published" if published else "exact",
        spike_threshold=threshold,
        **scores,
        resamples=resample(sums, truth.attrs["dataset_id"], resamples=how.resamples) if several else None,
    )


def scored_trials(truth: xr.Dataset, prediction: xr.Dataset, how: Evaluation = Evaluation()) -> PairedTrials:
    """The trials that `evaluate` looks at; those of too many output spikes are among them. Raises as `paired` does."""
    return _trials(truth, prediction, how, "every" if how.every_trial else "held-out")


def _trials(truth: xr.Dataset, prediction: xr.Dataset, how: Evaluation, part: Any) -> PairedTrials:
    return paired(
        truth,
        prediction,
        part=part,
        published_spike_times=how.published_spike_times,
        drop_ms=how.drop_ms,
        max_output_spikes=how.max_output_spikes,
    )


def _model_of(prediction: xr.Dataset) -> dict[str, Any]:
    """What a prediction says of the model that made it, as columns of a score."""
    config = config_of(prediction)
    for key in ("family", "size", "name", "n_parameters"):
        if config.get(key) is None:
            raise InputError(
                f"{prediction.encoding['source']}: its config does not say the model's '{key}'; write it with "
                "`apical predict`"
            )
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
