"""What holds for every metric: sums of trials, any choice of them, blocks, nothing to score, NaN, units."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

from apical.analysis import metrics
from apical.analysis.metrics import Metric
from apical.simulate import schema
from apical.simulate.schema import InputError


def made(kind):
    return kind(0.1) if "threshold" in inspect.signature(kind).parameters else kind()


EVERY = [
    made(kind)
    for kind in vars(metrics).values()
    if isinstance(kind, type) and issubclass(kind, Metric) and not inspect.isabstract(kind)
]
every_metric = pytest.mark.parametrize("metric", EVERY, ids=lambda metric: metric.name)
SIGNED = {"rate_correlation"}


def rows(pair, at):
    return pair._replace(**{name: getattr(pair, name)[at] for name in pair._fields if name != "scored_t"})


def test_there_are_some_and_no_two_of_a_name():
    names = [metric.name for metric in EVERY]
    assert len(names) > 20 and len(set(names)) == len(names)
    assert all(metric.unit and metric.title for metric in EVERY)


@every_metric
def test_any_choice_of_trials_has_the_score_of_those_trials(random_pair, metric):
    pair = random_pair()
    sums = metric.trial_sums(pair)
    assert len(sums) == 5 and not sums[4].any()  # the last is not scored
    one_by_one = np.concatenate([metric.trial_sums(rows(pair, [trial])) for trial in range(5)])
    np.testing.assert_allclose(one_by_one, sums, rtol=1e-12)
    weight_rb = np.random.default_rng(0).integers(0, 3, (4, 5))
    found = metric.score(weight_rb @ sums)
    for weight_b, values in zip(weight_rb, found, strict=True):
        drawn = rows(pair, np.repeat(np.arange(5), weight_b))
        expected = metric.score(metric.trial_sums(drawn).sum(axis=0))
        np.testing.assert_allclose(values, expected, rtol=1e-9)
        assert np.shape(expected) == (() if metric.axis is None else metric.axis.values.shape)


@every_metric
def test_without_scored_trials_there_is_no_score(random_pair, metric):
    pair = random_pair()._replace(kept_b=np.zeros(5, dtype=bool))
    assert np.isnan(metric.score(metric.trial_sums(pair).sum(axis=0))).all()


@every_metric
def test_a_silent_truth_and_a_silent_prediction_warn_of_nothing(make_pair, metric):
    pair = make_pair(np.zeros((3, 200)))
    found = metric.score(metric.trial_sums(pair).sum(axis=0))
    assert metric.name in SIGNED or not (np.asarray(found) < 0).any()


def test_datasets_give_values_with_units_and_nan_gets_one_line(make_dataset, make_prediction):
    truth = make_dataset(n_trials=3)
    ds, prediction = schema.open_dataset(truth), schema.open_dataset(make_prediction(truth))

    def nan(trial, v_mv, probability):
        return np.where(trial == 2, np.nan, v_mv), probability

    broken = schema.open_dataset(make_prediction(truth, "nan.zarr", change=nan))
    for metric in EVERY:
        found = metric(ds, prediction)
        assert (found.name, found.attrs["units"]) == (metric.name, metric.unit)
        if metric.axis is not None:
            assert found[metric.axis.name].attrs["units"] == metric.axis.unit
        with pytest.raises(InputError, match="'soma_v_mv' of trial 2 holds NaN") as caught:
            metric(ds, broken)
        assert "\n" not in str(caught.value)
