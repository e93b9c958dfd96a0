"""The runs as the page's scripts draw them: numbers, intervals, and the look that a family has in every figure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..scores.rows import Score
from ..scores.uncertainty import interval
from ..style import FAMILY_COLOURS, FAMILY_MARKERS, PALETTE
from .columns import COSTS, SHOWN, Column, run_label

COLOURS = tuple(dict.fromkeys((*PALETTE, *FAMILY_COLOURS.values())))  # page.css: --c0, --c1 …, then one for the rest


def run_data(scores: Sequence[Score], columns: Sequence[Column]) -> dict[str, Any]:
    """Every run and every column, fit for JSON."""
    return {"columns": [_column(column) for column in columns], "runs": [_run(score, columns) for score in scores]}


def _column(column: Column) -> dict[str, Any]:
    return {
        "name": column.name,
        "title": column.title,
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
    colour = FAMILY_COLOURS.get(score.family)
    return {
        "label": run_label(score),
        "family": next(column for column in columns if column.name == "family").told(score.family),
        "colour": len(COLOURS) if colour is None else COLOURS.index(colour),
        "marker": FAMILY_MARKERS.get(score.family, "8"),
        "dataset": score.dataset,
        "values": {column.name: getattr(score, column.name) for column in columns if column.is_number},
        "intervals": {name: list(each) for name, each in intervals.items() if each is not None},
    }
