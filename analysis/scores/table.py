"""Scores as Jupyter shows them: a table in place of text, escaped whatever it holds."""

from __future__ import annotations

from collections.abc import Sequence

from ..markup import Markup, element, joined
from .rows import Score
from .uncertainty import interval

# Column of a score, heading, decimals
COLUMNS = (
    ("roc_auc", "ROC-AUC", 4),
    ("average_precision", "average precision", 3),
    ("f1_2ms", "F1 ±2 ms", 3),
    ("rmse_mv", "RMSE (mV)", 3),
    ("rmse_rescaled_mv", "rescaled (mV)", 3),
    ("explained_variance", "explained variance", 3),
)


class Scores(list[Score]):
    """Scores in order; Jupyter shows them as a table."""

    def _repr_html_(self) -> str:
        return scores_html(self)


def scores_html(scores: Sequence[Score]) -> str:
    """Scores as a table, 95 % intervals below the values that have one; columns without a value are left out."""
    columns = [each for each in COLUMNS if any(getattr(score, each[0]) is not None for score in scores)]
    heads = ("model", "seed", "parameters", "scored on", *(title for _, title, _ in columns))
    rows = [element("tr", *(element("th", head) for head in heads))]
    for score in scores:
        cells = [element("td", _number(score, name, decimals)) for name, _, decimals in columns]
        named = (score.name, "" if score.seed is None else score.seed, f"{score.n_parameters:,}", score.dataset)
        rows.append(element("tr", *(element("td", each) for each in named), *cells))
    return element("table", *rows)


def _number(score: Score, name: str, decimals: int) -> Markup:
    value, bounds = getattr(score, name), interval(score, name)
    if value is None:
        return Markup("")
    told = None if bounds is None else element("small", f"{bounds.low:.{decimals}f} to {bounds.high:.{decimals}f}")
    return joined(f"{value:.{decimals}f}", None if told is None else Markup("<br>"), told)
