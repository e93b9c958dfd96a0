"""The scores as a table that reads without scripts, and that the page's scripts sort and filter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..markup import Markup, element, joined
from ..scores.rows import Score
from ..scores.uncertainty import LEVEL, difference, enough, interval
from .columns import SHOWN, Column, run_label

JUDGED = "roc_auc"  # by which the best run is told, and the others from it
SHARE = f"{100 * LEVEL:g} %"
TELLING = ("dataset", "train_trials", "mode", "spike_times")  # shown at first where rows differ in them
UNTOLD = ("dataset_id", "trained_on", "size")  # not worth a word where all rows agree


def score_table(scores: Sequence[Score], columns: Sequence[Column]) -> Markup:
    """The table of all runs. What is the same in every row is said above it, and its columns are among the further."""
    same = {c.name for c in columns if len(scores) > 1 and not c.is_score and len(_values(scores, c)) == 1} - {"name"}
    models = [row for row in scores if row.n_parameters] or scores  # a noise floor is not what tells them apart
    telling = {c.name for c in columns if c.name in TELLING and len(_values(models, c)) > 1}
    further = {c.name for c in columns if c.name not in {*SHOWN, *telling}} | same
    best = best_run(scores)
    compared = [_against(row, best) for row in scores]
    heads = [_head(c.title, c.unit, c.about, c.is_number, c.name in further) for c in columns]
    if any(compared):
        about = f"ROC-AUC less that of {run_label(best)} on the same resampled trials, {SHARE} interval"
        heads.append(_head("ROC-AUC less best", "", about, False, False))
    rows = [
        element("tr", _row(score, columns, further), against if any(compared) else None, data_run=at)
        for at, (score, against) in enumerate(zip(scores, compared, strict=True))
    ]
    caption = element("caption", element("div", _caption(scores, columns, same)))
    head = element("thead", element("tr", *heads))
    return element("table", caption, head, element("tbody", *rows), id="scores", class_="brief")


def best_run(scores: Sequence[Score]) -> Score:
    """The surrogate of the highest ROC-AUC: a noise floor, which has no parameters, is none where there is another."""
    return max(scores, key=lambda score: (score.n_parameters > 0, getattr(score, JUDGED)))


def _values(scores: Sequence[Score], column: Column) -> set[Any]:
    return {getattr(row, column.name) for row in scores}


def _head(title: str, unit: str, about: str, is_number: bool, is_further: bool) -> Markup:
    told = element("span", f" ({unit})", class_="unit") if unit else None
    button = element("button", title, told, type="button", title=about)
    return element("th", button, scope="col", aria_sort="none", class_=_classes(is_number, is_further))


def _row(score: Score, columns: Sequence[Column], further: set[str]) -> Markup:
    return joined(*(_cell(score, column, column.name in further) for column in columns))


def _cell(score: Score, column: Column, is_further: bool) -> Markup:
    value, found, told = getattr(score, column.name), interval(score, column.name), None
    if found is not None:
        told = element("span", f"{column.told(found.low)}–{column.told(found.high)}", class_="interval")
    name, more = ("th", {"scope": "row"}) if column.name == "name" else ("td", {})
    sort_by = value if column.is_number else column.told(value)
    inside = (column.told(value), told)
    return element(name, *inside, class_=_classes(column.is_number, is_further), data_value=sort_by, **more)


def _classes(is_number: bool, is_further: bool) -> str | None:
    return " ".join(["number"] * is_number + ["further"] * is_further) or None


def _against(score: Score, best: Score) -> Markup | None:
    """How a run differs from the best one, where both were scored on the same resampled trials."""
    found = None if score is best else difference(score, best, JUDGED)
    if score is best:
        return element("td", "best", data_value="") if score.resamples is not None else None
    if found is None:
        why = "other trials" if enough(score, JUDGED) else "too few trials"
        return element("td", why, data_value="") if best.resamples is not None else None
    if not found.distinguishable:
        return element("td", "not distinguishable", data_value="not distinguishable")
    value, low, high = (f"{each:+.4f}".replace("-", "−") for each in (found.value, *found.interval))
    told = element("span", f"{low} to {high}", class_="interval")
    return element("td", value, told, data_value=found.value)


def _caption(scores: Sequence[Score], columns: Sequence[Column], same: set[str]) -> Markup:
    told = f"{len(scores)} runs." if len(scores) > 1 else "One run."
    told += " Choose a column's title to sort by it."
    if any(score.resamples is not None for score in scores):
        told += f" Below a score: its {SHARE} interval, by bootstrap over trials."
    in_order = [column for column in columns if column.name in same and column.name not in UNTOLD]
    common = [f"{column.title} {column.told(getattr(scores[0], column.name))}" for column in in_order]
    return joined(told, Markup("<br>") if common else None, "The same in all: " + "; ".join(common) if common else None)
