"""The runs as the page's scripts draw them: numbers, intervals, and the look that a family has in every figure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..families import family_of
from ..scores.rows import Score
from ..scores.uncertainty import interval
from .columns import COSTS, SHOWN, Column, run_label
from .style import series_number


def run_data(scores: Sequence[Score], columns: Sequence[Column]) -> dict[str, Any]:
    """Every run and every column, fit for JSON."""
    return {"columns": [_column(column) for column in columns], "runs": [_run(score, columns) for score in scores]}


def _column(column: Column) -> dict[str, Any]:
    return {
        "name": column.name,
        "title": column.title,
        "about": column.about,
        "unit": column.unit,
        "decimals": column.decimals,
        "isNumber": column.is_number,
        "isFraction": column.is_fraction,
        "isScore": column.is_score,
        "isCost": column.name in COSTS,
        "inTooltip": column.name in (*COSTS, *SHOWN),
    }


def _run(score: Score, columns: Sequence[Column]) -> dict[str, Any]:
    intervals = {column.name: interval(score, column.name) for column in columns}
    return {
        "label": run_label(score),
        "family": next(column for column in columns if column.name == "family").told(score.family),
        "colour": series_number(score.family),
        "marker": family_of(score.family).marker,
        "dataset": score.dataset,
        "values": {column.name: getattr(score, column.name) for column in columns if column.is_number},
        "intervals": {name: list(each) for name, each in intervals.items() if each is not None},
    }
