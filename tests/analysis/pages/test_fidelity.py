"""The fidelity page shows what the metrics say, says what flatters, and refuses what cannot be drawn."""

from __future__ import annotations

import numpy as np
import pytest

from apical.analysis.pages.fidelity import fidelity, fidelity_figure
from apical.analysis.scores.evaluate import Evaluation, evaluate
from apical.simulate import schema
from apical.simulate.schema import InputError

FEW = Evaluation(max_output_spikes=99, resamples=20)


def noisy(trial, v_mv, probability):
    rng = np.random.default_rng(int(trial))
    return v_mv + rng.normal(0.4, 1, v_mv.shape), 0.5 * probability + 0.4 * rng.random(probability.shape)


@pytest.fixture
def truth(make_dataset):
    return make_dataset(n_trials=4)


@pytest.mark.usefixtures("few_are_enough")
def test_curves_are_those_of_the_scores_with_intervals_around_them(truth, make_prediction):
    path = make_prediction(truth, change=noisy)
    found = fidelity(schema.open_dataset(truth), schema.open_dataset(path), FEW)
    (score,) = evaluate(truth, [path], FEW)
    by_time = found.curves["by_time"]
    assert found.curves["by_frequency"].value @ found.curves["by_frequency"].value == pytest.approx(score.rmse_mv**2)
    assert np.mean(found.true_rate_hz) == pytest.approx(score.true_rate_hz)
    assert np.mean(found.expected_rate_hz) == pytest.approx(score.expected_rate_hz)
    seen = np.isfinite(by_time.low)
    assert seen.any() and np.all(by_time.low[seen] <= by_time.high[seen])
    assert found.borrowed and 0.5 <= found.threshold <= 0.9  # above the noise, at a spike's


@pytest.mark.usefixtures("few_are_enough")
def test_the_page_names_truth_and_models_and_is_the_same_each_time(truth, make_prediction, tmp_path):
    predictions = [make_prediction(truth, f"{name}.zarr", change=noisy) for name in ("one", "other")]  # of one name
    told = [fidelity_figure(truth, predictions, tmp_path / name, FEW).read_text() for name in ("a.svg", "b.svg")]
    assert told[0] == told[1]
    words = ("made-up-0-8: 4 scored trials", "truth", "one", "other", "bars and bands: 95 % of 20", "* chosen on the")
    assert [word for word in words if f"<!-- {word}" not in told[0]] == []


def test_a_single_trial_has_no_intervals(make_dataset, make_prediction, tmp_path):
    truth = make_dataset(n_trials=1)
    path = make_prediction(truth)
    found = fidelity(schema.open_dataset(truth), schema.open_dataset(path), FEW)
    assert np.isnan(found.curves["f1"].low).all() and found.curves["f1"].value.tolist() == [1] * 6
    fidelity_figure(truth, [path], tmp_path / "page.png", FEW)


def test_what_cannot_be_drawn_gets_one_line(truth, make_dataset, make_prediction, tmp_path):
    path, out = make_prediction(truth), tmp_path / "page.png"
    silent = make_dataset("silent.zarr", silent=True)
    cases = {
        "page.gif: a figure is written as": (truth, [path], tmp_path / "page.gif"),
        "one page shows 1 to 6 predictions, got 0": (truth, [], out),
        "one page shows 1 to 6 predictions, got 7": (truth, [path] * 7, out),
        "silent-prediction.zarr: no output spike": (silent, [make_prediction(silent, "silent-prediction.zarr")], out),
        "is a simulation, expected a prediction": (truth, [truth], out),
    }
    for message, arguments in cases.items():
        with pytest.raises(InputError, match=message) as caught:
            fidelity_figure(*arguments, FEW)
        assert "\n" not in str(caught.value)
        assert not out.exists()
