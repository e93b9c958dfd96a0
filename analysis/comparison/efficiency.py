"""What parameters and operations buy: sizes of a model family with intervals, the smallest that is good enough.

R resamples of the trials, the same for every model that was scored on the same ones.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from textwrap import fill
from typing import TypeVar

import numpy as np

from ..families import FAMILY_TITLES
from ..scores.rows import Score
from ..scores.uncertainty import Interval, enough, interval_of

SUFFICIENT_AUC = 0.991  # "sufficiently good" in the literature: Beniaguev et al. 2021, Spieler et al. 2024
LABEL_WIDTH = 34  # characters of a legend's line
NOISE_FLOOR = "noise-floor"  # family of the cell itself, integrated otherwise
LOWER_IS_BETTER = ("rmse_mv", "rmse_rescaled_mv", "mae_mv", "mae_rescaled_mv")
# Columns that a series does not mix, and how a legend says so where they differ
CONDITIONS = {
    "trained_on": "fitted to {}",
    "dataset_id": "scored on {}",
    "mode": "predicted by {}",
    "spike_times": "{} spike times",
}
Row = TypeVar("Row")


@dataclass(frozen=True)
class Point:
    """One size of a series: its seeds."""

    seeds: tuple[Score, ...]

    @property
    def n_parameters(self) -> int:
        return self.seeds[0].n_parameters

    @property
    def macs_per_ms(self) -> int | None:
        return self.seeds[0].macs_per_ms

    @property
    def train_trials(self) -> int | None:
        return self.seeds[0].train_trials

    def values(self, column: str) -> np.ndarray:
        """Of each seed that has one."""
        found = [getattr(seed, column) for seed in self.seeds]
        return np.array([value for value in found if value is not None], dtype=float)

    def mean(self, column: str) -> float:
        """Over seeds; NaN where no seed has a value."""
        values = self.values(column)
        return float(values.mean()) if values.size else float("nan")

    @property
    def trials_id(self) -> str | None:
        """Of the trials and of how they were drawn; None where seeds differ in it, or it is not known."""
        ids = {None if seed.resamples is None else seed.resamples.trials_id for seed in self.seeds}
        return ids.pop() if len(ids) == 1 else None

    def by_seed(self, column: str) -> np.ndarray | None:
        """Each seed's value of each resample of the trials, (seed, R).

        None where the resamples are not known or not of the same trials, or trials are too few.
        """
        if self.trials_id is None or not all(enough(seed, column) for seed in self.seeds):
            return None
        kept = [seed.resamples.values.get(column) for seed in self.seeds if seed.resamples is not None]
        return None if any(each is None for each in kept) else np.array(kept, dtype=float)

    def resampled(self, column: str) -> np.ndarray | None:
        """The mean of each resample, (R,): of its trials, and of as many seeds drawn from these with replacement.

        None as of `by_seed`.
        """
        value_sr = self.by_seed(column)
        return None if value_sr is None else _over_seeds(value_sr)

    def less(self, other: Point, column: str) -> Interval | None:
        """95 % of the resamples of what this one has more than another, on the same trials.

        Seeds are paired where both have the same ones, so what a seed does to both cancels; else drawn for each.
        None as of `by_seed`, and where trials are not the same.
        """
        mine, others = self.by_seed(column), other.by_seed(column)
        if mine is None or others is None or self.trials_id != other.trials_id:
            return None
        if [seed.seed for seed in self.seeds] == [seed.seed for seed in other.seeds]:
            return interval_of(_over_seeds(mine - others))
        return interval_of(_over_seeds(mine) - _over_seeds(others, 1))

    def interval(self, column: str) -> Interval | None:
        """95 % of the resamples; None where they are not known."""
        found = self.resampled(column)
        return None if found is None else interval_of(found)


def _over_seeds(value_sr: np.ndarray, stream: int = 0) -> np.ndarray:
    """The mean of each resample over as many seeds drawn with replacement, (R,)."""
    drawn = np.random.default_rng(stream).integers(len(value_sr), size=value_sr.shape)
    return np.take_along_axis(value_sr, drawn, axis=0).mean(axis=0)


@dataclass(frozen=True)
class Series:
    """A family, or a variant of one, under one set of conditions: its sizes, by trainable parameters."""

    family: str
    variant: str
    points: tuple[Point, ...]

    @property
    def first(self) -> Score:
        return self.points[0].seeds[0]

    @property
    def title(self) -> str:
        return " ".join(filter(None, [FAMILY_TITLES.get(self.family, self.family), self.variant]))


@dataclass(frozen=True)
class Smallest:
    """The smallest size of a series that reaches a target: its parameters, and those of 95 % of the resamples.

    n_parameters: None where no size reaches it. high: None where in one resample of forty no size does.
    """

    n_parameters: int | None
    low: int | None
    high: int | None


def grouped(rows: Iterable[Row], key: Callable[[Row], Hashable]) -> list[list[Row]]:
    """Rows that share a key, in the order of first appearance."""
    groups: dict[Hashable, list[Row]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return list(groups.values())


def floor_of(scores: Sequence[Score]) -> list[Score]:
    """The rows that are the cell itself, integrated otherwise: what a model can be expected to reach."""
    return [row for row in scores if row.family == NOISE_FLOOR]


def series_of(scores: Sequence[Score]) -> list[Series]:
    """The models, sorted into series; of a size that was fitted to several amounts of data, those of most data."""
    models = [row for row in scores if row.family != NOISE_FLOOR]
    found = []
    for rows in grouped(models, _series_key):
        sizes = grouped(rows, lambda row: (row.n_parameters, row.size))
        points = [max(grouped(size, lambda row: row.train_trials), key=_amount_of_data) for size in sizes]
        points.sort(key=lambda seeds: (seeds[0].n_parameters, seeds[0].size))
        found.append(Series(rows[0].family, variant(rows[0]), tuple(Point(tuple(seeds)) for seeds in points)))
    return found


def data_series_of(scores: Sequence[Score]) -> list[Series]:
    """Models that were fitted to several amounts of data, each with one point for each amount."""
    models = [row for row in scores if row.family != NOISE_FLOOR and row.train_trials is not None]
    found = []
    for rows in grouped(models, lambda row: (*_series_key(row), row.size, row.n_parameters)):
        amounts = sorted(grouped(rows, lambda row: row.train_trials), key=_amount_of_data)
        if len(amounts) > 1:
            told = " ".join(filter(None, [rows[0].size, variant(rows[0])]))
            found.append(Series(rows[0].family, told, tuple(Point(tuple(seeds)) for seeds in amounts)))
    return found


def _series_key(row: Score) -> tuple:
    return row.family, variant(row), *(getattr(row, column) for column in CONDITIONS)


def _amount_of_data(seeds: list[Score]) -> int:
    return seeds[0].train_trials or 0


def pareto(points: Iterable[Point], column: str, cost: str = "n_parameters") -> list[Point]:
    """The points that no cheaper one equals or betters, by cost."""
    front: list[Point] = []
    sign = -1 if column in LOWER_IS_BETTER else 1
    usable = [p for p in points if getattr(p, cost) is not None and np.isfinite(p.mean(column))]
    for point in sorted(usable, key=lambda point: (getattr(point, cost), -sign * point.mean(column))):
        if not front or sign * point.mean(column) > sign * front[-1].mean(column):
            front.append(point)
    return front


def smallest(series: Series, column: str = "roc_auc", target: float = SUFFICIENT_AUC) -> Smallest:
    """The smallest size whose mean over seeds reaches the target, with its interval over trials and seeds."""
    sign = -1 if column in LOWER_IS_BETTER else 1
    reached = [point.n_parameters for point in series.points if sign * point.mean(column) >= sign * target]
    first = min(reached) if reached else None
    resampled = [point.resampled(column) for point in series.points]
    known = [each for each in resampled if each is not None]
    if len(known) < len(resampled) or len({each.size for each in known}) > 1:
        return Smallest(first, None, None)
    enough_pr = sign * np.array(known) >= sign * target
    sizes_p = np.array([point.n_parameters for point in series.points], dtype=float)
    first_r = np.where(enough_pr, sizes_p[:, None], np.inf).min(axis=0)
    low, high = np.quantile(first_r, [0.025, 0.975], method="inverted_cdf")
    return Smallest(first, *(int(each) if np.isfinite(each) else None for each in (low, high)))


def variant(row: Score) -> str:
    """What tells a model from others of its family, size by size: "shared" of elm-20-shared."""
    return row.name.partition(f"-{row.size}-")[2]


def series_label(series: Series, scores: Sequence[Score]) -> str:
    """The family, and whatever else tells the series apart, a line each."""
    told = [series.title]
    models = [row for row in scores if row.family != NOISE_FLOOR]
    for column, words in CONDITIONS.items():
        if len({getattr(other, column) for other in models}) > 1:
            value = getattr(series.first, column)
            told.append(fill(words.format(in_words("" if value is None else str(value), scores)), LABEL_WIDTH))
    return ",\n".join(told)


def in_words(value: str, scores: Sequence[Score]) -> str:
    """A dataset's id as its name, with the id's start where two share the name; any other value as it is."""
    names = {row.dataset_id: row.dataset for row in scores}
    name = names.get(value, value) or "unknown"
    start_of_id = f" ({value[:6]})" if list(names.values()).count(name) > 1 else ""
    return name + start_of_id
