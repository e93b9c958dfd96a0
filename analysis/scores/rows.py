"""What one model scored on one dataset: a row, and its columns."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from .resamples import Resamples

SCORES_SCHEMA: Literal[3] = 3


class Score(BaseModel):
    """One row of scores: one model, one seed, one dataset. Fractions run from 0 to 1, voltages are in mV.

    A score that is empty was not asked for, or has nothing to go by: no validation trials to choose a threshold on, no
    two intervals between output spikes.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, arbitrary_types_allowed=True)

    scores_schema: Literal[3] = Field(SCORES_SCHEMA, description="version of this list of columns")
    family: str = Field(min_length=1, description="model family, such as elm or tcn")
    size: str = Field(description="setting of the family's size dial, such as 20 or 7x128")
    name: str = Field(description="name of the run or checkpoint")
    seed: int | None = Field(description="seed of the fit; empty where it is not known")
    n_parameters: int = Field(ge=0, description="trainable parameters")
    macs_per_ms: int | None = Field(ge=0, description="multiply-accumulates for 1 ms; empty where they are not known")
    train_trials: int | None = Field(ge=1, description="trials that it was fitted on; empty where it is not known")
    dataset_id: str = Field(description="id of the dataset that the model was scored on")
    dataset: str = Field(description="what that dataset is, in words: input preset, morphology, parameter set")
    trained_on: str = Field(
        description="id of the data that the model was fitted to; of several, joined by +; empty: not known"
    )
    mode: str = Field(description="how a trial was predicted: windows (published) or stream; empty where not known")
    n_trials: int = Field(ge=1, description="trials that were scored")
    n_output_spikes: int = Field(ge=1, description="scored 1 ms bins with an output spike of the truth")
    spike_times: Literal["published", "exact"] = Field(description="output spike times that were the truth")
    roc_auc: float = Field(
        ge=0, le=1, description="area under the receiver operating characteristic (ROC) over 1 ms bins"
    )
    tp_at_fp_0025: float = Field(ge=0, le=1, description="true positives at a false-positive rate of 0.0025")
    tp_at_fp_01: float = Field(ge=0, le=1, description="true positives at a false-positive rate of 0.01")
    auc_at_fp_0025: float = Field(ge=0, le=1, description="mean true positives below a false-positive rate of 0.0025")
    auc_at_fp_01: float = Field(ge=0, le=1, description="mean true positives below a false-positive rate of 0.01")
    rmse_mv: float = Field(ge=0, description="root mean squared voltage error as predicted, mV")
    rmse_rescaled_mv: float = Field(ge=0, description="the same after the published rescaling per file, mV")
    mae_mv: float = Field(ge=0, description="mean absolute voltage error as predicted, mV")
    mae_rescaled_mv: float = Field(ge=0, description="the same after the published rescaling per file, mV")
    explained_variance: float = Field(le=1, description="explained variance of the voltage as predicted, at most 1")
    explained_variance_rescaled: float = Field(le=1, description="the same after the published rescaling per file")
    average_precision: float | None = Field(None, ge=0, le=1, description="area under the precision–recall curve")
    brier: float | None = Field(None, ge=0, le=1, description="mean squared error of the spike probability")
    calibration_error: float | None = Field(None, ge=0, le=1, description="expected calibration error of it")
    spike_threshold: float | None = Field(None, description="least probability of an event, from validation trials")
    f1_0ms: float | None = Field(None, ge=0, le=1, description="F1 of events, matched within 0 ms")
    f1_1ms: float | None = Field(None, ge=0, le=1, description="F1 of events, matched within 1 ms")
    f1_2ms: float | None = Field(None, ge=0, le=1, description="F1 of events, matched within 2 ms")
    f1_3ms: float | None = Field(None, ge=0, le=1, description="F1 of events, matched within 3 ms")
    f1_4ms: float | None = Field(None, ge=0, le=1, description="F1 of events, matched within 4 ms")
    f1_5ms: float | None = Field(None, ge=0, le=1, description="F1 of events, matched within 5 ms")
    precision_0ms: float | None = Field(None, ge=0, le=1, description="share of events with a spike within 0 ms")
    precision_1ms: float | None = Field(None, ge=0, le=1, description="share of events with a spike within 1 ms")
    precision_2ms: float | None = Field(None, ge=0, le=1, description="share of events with a spike within 2 ms")
    precision_3ms: float | None = Field(None, ge=0, le=1, description="share of events with a spike within 3 ms")
    precision_4ms: float | None = Field(None, ge=0, le=1, description="share of events with a spike within 4 ms")
    precision_5ms: float | None = Field(None, ge=0, le=1, description="share of events with a spike within 5 ms")
    recall_0ms: float | None = Field(None, ge=0, le=1, description="share of spikes with an event within 0 ms")
    recall_1ms: float | None = Field(None, ge=0, le=1, description="share of spikes with an event within 1 ms")
    recall_2ms: float | None = Field(None, ge=0, le=1, description="share of spikes with an event within 2 ms")
    recall_3ms: float | None = Field(None, ge=0, le=1, description="share of spikes with an event within 3 ms")
    recall_4ms: float | None = Field(None, ge=0, le=1, description="share of spikes with an event within 4 ms")
    recall_5ms: float | None = Field(None, ge=0, le=1, description="share of spikes with an event within 5 ms")
    van_rossum: float | None = Field(None, ge=0, description="van Rossum distance of events, trials' mean, 10 ms")
    victor_purpura: float | None = Field(None, ge=0, description="Victor–Purpura distance, trials' mean, 0.1 per ms")
    spike_distance: float | None = Field(None, ge=0, le=1, description="SPIKE distance, trials' mean")
    rmse_subthreshold_mv: float | None = Field(None, ge=0, description="RMSE away from output spikes, mV")
    true_rate_hz: float | None = Field(None, ge=0, description="output rate of the truth, Hz")
    expected_rate_hz: float | None = Field(None, ge=0, description="expected output rate of the model, Hz")
    event_rate_hz: float | None = Field(None, ge=0, description="rate of the model's events, Hz")
    rate_correlation: float | None = Field(None, ge=-1, le=1, description="of true and expected rate, trial by trial")
    interval_cv: float | None = Field(None, ge=0, description="coefficient of variation of the truth's intervals")
    event_interval_cv: float | None = Field(None, ge=0, description="the same of the intervals between events")
    burst_fraction: float | None = Field(None, ge=0, le=1, description="share of the truth's intervals below 25 ms")
    event_burst_fraction: float | None = Field(None, ge=0, le=1, description="the same of those between events")
    resamples: Resamples | None = Field(
        None, exclude=True, repr=False, description="not a column: what resamples.py has"
    )


COLUMNS = tuple(name for name in Score.model_fields if name != "resamples")
NULLABLE = {name for name in COLUMNS if not Score.model_fields[name].is_required()} | {
    "seed",
    "macs_per_ms",
    "train_trials",
}
IDENTITY = ("name", "seed", "n_parameters", "train_trials", "trained_on", "dataset_id", "mode", "spike_times")
