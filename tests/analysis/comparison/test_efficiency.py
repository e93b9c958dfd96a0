"""What parameters buy, worked out by hand on made-up scores."""

from __future__ import annotations

import numpy as np
import pytest

from apical.analysis.comparison.efficiency import Point, Series, data_series_of, floor_of, pareto, series_of, smallest
from apical.analysis.scores.resamples import Resamples

R = 1000


def resampled(values, trials_id="same", column="roc_auc"):
    return Resamples(trials_id, {column: np.asarray(values, dtype=float)})


@pytest.fixture
def sizes(make_score):
    """Three sizes; the middle one is good enough in three of four resamples."""
    often = np.where(np.arange(R) % 4, 0.992, 0.99)
    aucs = {100: (0.98, np.full(R, 0.98)), 200: (0.9915, often), 400: (0.993, np.full(R, 0.993))}
    return [
        make_score(n_parameters=n, size=str(n), name=f"elm-{n}", roc_auc=auc, resamples=resampled(values))
        for n, (auc, values) in aucs.items()
    ]


def test_the_smallest_size_and_its_interval(sizes):
    (series,) = series_of(sizes)
    assert vars(smallest(series)) == {
        "n_parameters": 200,
        "low": 200,
        "high": 400,  # a quarter of the resamples need it
    }
    assert vars(smallest(series, target=0.98)) == {"n_parameters": 100, "low": 100, "high": 100}
    assert vars(smallest(series, target=0.9925)) == {"n_parameters": 400, "low": 400, "high": 400}
    assert vars(smallest(series, target=0.999)) == {"n_parameters": None, "low": None, "high": None}
    without_the_largest = Series("elm", "", series.points[:2])
    assert vars(smallest(without_the_largest)) == {"n_parameters": 200, "low": 200, "high": None}


def test_of_an_error_less_is_better(make_score):
    scores = [make_score(n_parameters=n, size=str(n), rmse_mv=mv) for n, mv in ((10, 0.9), (20, 0.7), (40, 0.5))]
    (series,) = series_of(scores)
    assert smallest(series, "rmse_mv", 0.7).n_parameters == 20
    assert [p.n_parameters for p in pareto(series.points, "rmse_mv")] == [10, 20, 40]
    assert [p.n_parameters for p in pareto(series.points, "mae_mv")] == [10]  # all have the same


def test_the_front_leaves_out_what_a_cheaper_one_betters(make_score):
    costs = {1: 0.7, 2: 0.9, 3: 0.8, 4: 0.9, 5: 0.95}
    points = [Point((make_score(n_parameters=n, size=str(n), roc_auc=auc),)) for n, auc in costs.items()]
    assert [p.n_parameters for p in pareto(reversed(points), "roc_auc")] == [1, 2, 5]


def test_the_interval_counts_trials_and_seeds(make_score):
    """Two seeds that do not vary over trials: the mean of two draws is one, the other, or between them."""
    seeds = [make_score(seed=n, roc_auc=auc, resamples=resampled(np.full(R, auc))) for n, auc in ((0, 0.9), (1, 0.98))]
    found = Point(tuple(seeds)).resampled("roc_auc")
    share = {round(value, 6): (found == value).mean() for value in np.unique(found)}
    assert set(share) == {0.9, 0.94, 0.98}
    assert list(share.values()) == pytest.approx([0.25, 0.5, 0.25], abs=0.05)
    assert Point(tuple(seeds)).interval("roc_auc") == pytest.approx((0.9, 0.98))


def test_no_interval_where_seeds_were_scored_on_other_trials(make_score):
    seeds = [make_score(seed=n, resamples=resampled(np.full(R, 0.5), trials_id=str(n))) for n in range(2)]
    assert Point(tuple(seeds)).interval("roc_auc") is None
    assert Point((make_score(),)).interval("roc_auc") is None


def test_series_take_most_data_and_amounts_are_series_of_their_own(make_score):
    scores = [make_score(train_trials=n, seed=s, roc_auc=n / 1000) for n in (48, 480) for s in (0, 1)]
    floor = make_score(family="noise-floor", n_parameters=0)
    ((point,),) = (series.points for series in series_of([*scores, floor]))
    assert point.train_trials == 480 and len(point.seeds) == 2
    ((few, many),) = (series.points for series in data_series_of([*scores, floor]))
    assert (few.train_trials, many.train_trials, few.mean("roc_auc")) == (48, 480, 0.048)
    assert floor_of([*scores, floor]) == [floor]
