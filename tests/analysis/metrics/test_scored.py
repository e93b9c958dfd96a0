"""The published scores of two datasets: perfect, off by a known amount, of nothing, of NaN; and scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, explained_variance_score, mean_absolute_error, roc_auc_score

from apical.analysis import metrics
from apical.analysis.metrics import Scored
from apical.analysis.metrics.pair import pair_of
from apical.simulate.schema import InputError, open_dataset

ALL = [each for each in vars(metrics).values() if isinstance(each, Scored)]
ERRORS = ("rmse_mv", "mae_mv", "rmse_rescaled_mv", "mae_rescaled_mv")


@pytest.fixture
def score(make_dataset, make_prediction):
    """The score of a prediction in which `change` was made to the truth."""
    truth = make_dataset()

    def of(metric, change=None):
        ds, prediction = open_dataset(truth), open_dataset(make_prediction(truth, change=change))
        return metric(ds, prediction), pair_of(ds, prediction)

    return of


@pytest.mark.parametrize("metric", ALL, ids=lambda each: each.name)
def test_of_the_truth_itself(score, metric):
    value, _ = score(metric)
    assert (value.name, value.units) == (metric.name, "mV" if metric.name.endswith("_mv") else "1")
    assert float(value) == pytest.approx(0 if metric.name in ERRORS else 1, abs=1e-6)


@pytest.mark.parametrize("metric", ALL, ids=lambda each: each.name)
def test_of_an_offset(score, metric):
    value, _ = score(metric, lambda _, v, p: (v + 2, p / 2 + 0.1))
    expected = 2.0 if metric.name in ("rmse_mv", "mae_mv") else float(metric.name not in ERRORS)
    assert float(value) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("metric", ALL, ids=lambda each: each.name)
def test_of_a_prediction_that_says_nothing(score, metric):
    value, pair = score(metric, lambda _, v, p: (0 * v - 67, 0 * p))
    spikes, v_mv = (each[pair.kept_b][:, pair.scored_t] for each in (pair.spikes_bt, pair.v_bt))
    expected = {
        "roc_auc": 0.5,
        "average_precision": spikes.mean(),
        "tp_at_fp_0025": 1.0,  # the only point but the first: everything is a spike
        "tp_at_fp_01": 1.0,
        "rmse_mv": np.sqrt(((v_mv + 67) ** 2).mean()),
        "mae_mv": np.abs(v_mv + 67).mean(),
        "explained_variance": 0.0,
    }
    if metric.name in expected:
        assert float(value) == pytest.approx(expected[metric.name], abs=1e-6)
    elif metric.name.startswith("auc_at_fp"):
        fp = 0.0025 if "0025" in metric.name else 0.01  # along the diagonal, the mean is half of it
        assert float(value) == pytest.approx(fp / 2, abs=1e-4)
    else:  # rescaled: the truth's own mean over all bins
        assert np.isfinite(float(value))


@pytest.mark.parametrize("metric", ALL, ids=lambda each: each.name)
def test_of_nan(score, metric):
    with pytest.raises(InputError, match="holds NaN"):
        score(metric, lambda _, v, p: (v * np.nan, p))


def test_they_are_scikit_learns(make_dataset, make_prediction):
    def noisy(trial, v_mv, probability):
        rng = np.random.default_rng(trial)
        return v_mv + rng.normal(0.3, 1, v_mv.shape), probability / 5 + rng.random(v_mv.shape)

    truth = make_dataset()
    ds, prediction = open_dataset(truth), open_dataset(make_prediction(truth, change=noisy))
    pair = pair_of(ds, prediction)
    spikes, probability, v_mv, predicted_mv = (
        each[pair.kept_b][:, pair.scored_t].ravel()
        for each in (pair.spikes_bt, pair.probability_bt, pair.v_bt, pair.predicted_bt)
    )
    expected = {
        metrics.RocAuc: roc_auc_score(spikes, probability),
        metrics.AveragePrecision: average_precision_score(spikes, probability),
        metrics.Mae: mean_absolute_error(v_mv, predicted_mv),
        metrics.ExplainedVariance: explained_variance_score(v_mv, predicted_mv),
    }
    for metric, value in expected.items():
        assert float(metric(ds, prediction)) == pytest.approx(value, rel=1e-9)
