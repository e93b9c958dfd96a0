"""Which metrics a row of scores has beside the published ones, by column; a curve's columns are made of its values."""

from __future__ import annotations

from .. import metrics
from ..metrics import Metric


def score_metrics(threshold: float | None) -> dict[str, Metric]:
    """Those of a model; threshold: spike probability of its events, None leaves out what depends on them."""
    found: dict[str, Metric] = {
        "brier": metrics.Brier(),
        "calibration_error": metrics.CalibrationError(),
        "rmse_subthreshold_mv": metrics.SubthresholdRmse(),
        "true_rate_hz": metrics.TrueRate(),
        "expected_rate_hz": metrics.ExpectedRate(),
        "rate_correlation": metrics.RateCorrelation(),
        "interval_cv": metrics.IntervalCv(),
        "burst_fraction": metrics.BurstFraction(),
    }
    if threshold is None:
        return found
    return found | {
        "f1": metrics.F1(threshold),
        "precision": metrics.Precision(threshold),
        "recall": metrics.Recall(threshold),
        "van_rossum": metrics.VanRossum(threshold),
        "victor_purpura": metrics.VictorPurpura(threshold),
        "spike_distance": metrics.SpikeDistance(threshold),
        "event_rate_hz": metrics.EventRate(threshold),
        "event_interval_cv": metrics.IntervalCv(threshold),
        "event_burst_fraction": metrics.BurstFraction(threshold),
    }
