"""What Jupyter shows holds the numbers, and nothing in a file becomes markup."""

from __future__ import annotations

import numpy as np
import pytest
from bs4 import BeautifulSoup

from apical.analysis.scores.evaluate import Evaluation, evaluate
from apical.analysis.scores.files import read_scores, write_scores
from apical.analysis.scores.table import Scores
from apical.simulate import schema

NASTY = "<img src=x onerror=alert(1)>"


@pytest.mark.usefixtures("few_are_enough")
def test_scores_are_a_table_with_intervals(make_dataset, make_prediction, tmp_path):
    truth = make_dataset()

    def noisy(trial, v_mv, probability):
        return v_mv + 1 + trial % 2, probability

    scores = evaluate(truth, [make_prediction(truth, change=noisy)], Evaluation(max_output_spikes=99))
    write_scores(tmp_path / "scores.csv", scores)
    shown = read_scores([tmp_path / "scores.csv"])._repr_html_()
    heads, cells = (row.find_all(["th", "td"]) for row in BeautifulSoup(shown, "html.parser").find_all("tr"))
    told = {head.text: cell.get_text("|") for head, cell in zip(heads, cells, strict=True)}
    assert told["model"] == "elm-20" and told["parameters"] == "8,002"
    value, bounds = told["RMSE (mV)"].split("|")
    low, high = map(float, bounds.split(" to "))
    assert value == f"{2.5**0.5:.3f}" and 1 <= low < 2.5**0.5 < high <= 2  # half the trials are off by 1 mV, half by 2


def test_what_a_file_holds_is_text(make_score):
    shown = Scores([make_score(name=NASTY, dataset=NASTY)])._repr_html_()
    assert NASTY not in shown and "&lt;img" in shown


def test_a_dataset_shows_what_it_is_and_a_trial(make_dataset, make_prediction):
    path = make_dataset()
    truth, prediction = schema.open_dataset(path), schema.open_dataset(make_prediction(path, config={"name": NASTY}))
    shown = truth.apical._repr_html_()
    for words in ("6 of 6 finished, 1.5 s each", "8 excitatory, 8 inhibitory", truth.attrs["dataset_id"], "<svg"):
        assert words in shown
    shown = prediction.apical._repr_html_()
    assert NASTY not in shown and "predicts" in shown


def test_a_dataset_without_a_finished_trial_has_no_picture(make_dataset):
    path = make_dataset(n_trials=1)
    schema.write_trial(path, 0, {"output_spike_time_ms": np.full(200, np.nan)}, status=schema.FAILED)
    shown = schema.open_dataset(path).apical._repr_html_()
    assert "0 of 1 finished" in shown and "<svg" not in shown
