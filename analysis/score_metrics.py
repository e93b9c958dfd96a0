"""Which metrics a row of scores has beside the published ones."""

from __future__ import annotations

from .metrics import Metric, event_scores


def score_metrics(threshold: float | None) -> list[Metric]:
    """Those of a model; threshold: spike probability of its events, None leaves out what depends on them."""
    found: list[Metric] = []
    if threshold is not None:
        found += event_scores(threshold)
    return found
