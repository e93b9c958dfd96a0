"""The table of models on datasets: worked by hand."""

from __future__ import annotations

import pytest

from apical.analysis.comparison.generalisation import Model, Unscored, generalisation, unscored
from apical.simulate.schema import InputError

OF_A, OF_B = Model("elm-20", 0, "a"), Model("elm-20", 0, "b")


@pytest.fixture
def score(make_score):
    """A score of the model that was fitted to `trained_on`, on a dataset."""

    def make(trained_on, dataset_id, roc_auc, rmse_mv=0.5, dataset=None, **columns):
        title = dataset or f"nmda, cell {dataset_id}"
        columns |= {"dataset_id": dataset_id, "dataset": title, "trained_on": trained_on, "seed": 0}
        return make_score(roc_auc=roc_auc, rmse_mv=rmse_mv, **columns)

    return make


def test_rows_are_models_and_columns_are_datasets(score):
    outcomes = [
        score("a", "a", 0.99, 0.6),
        score("a", "b", 0.91, 1.2345),
        Unscored(OF_A, "c", "nmda, cell c", "8 inputs, the model reads 16"),
        score("b", "a", 0.9, 2),
        score("b", "b", 0.98765, 0.5),
        Unscored(OF_B, "c", "nmda, cell c", "8 inputs, the model reads 16"),
    ]
    table = generalisation(outcomes)
    assert table.header() == ["model", "seed", "fitted on", "A", "B", "C"]
    assert table.rows("roc_auc", 3) == [
        ["elm-20", "0", "A", "*0.990", "0.910", "note 1"],
        ["elm-20", "0", "B", "0.900", "*0.988", "note 1"],
    ]
    assert [row[3:] for row in table.rows("rmse_mv", 2)] == [["*0.60", "1.23", "note 1"], ["2.00", "*0.50", "note 1"]]
    titles = [f"{letter.upper()}: nmda, cell {letter}" for letter in "abc"]
    assert table.key() == [*titles, "note 1: 8 inputs, the model reads 16"]


def test_what_was_not_tried_or_not_measured_is_a_dash(score):
    table = generalisation([score("x", "a", 0.9, macs_per_ms=None), score("y", "b", 0.8, seed=0)])
    assert [row[2:] for row in table.rows("roc_auc", 1)] == [["x", "0.9", "–"], ["y", "–", "0.8"]]
    assert table.rows("macs_per_ms", 0)[0][3:] == ["–", "–"]


def test_a_reason_is_a_note_once(score):
    reasons = {"b": "silent", "c": "too short", "d": "silent"}
    table = generalisation([score("a", "a", 0.9)] + [Unscored(OF_A, at, at, why) for at, why in reasons.items()])
    assert table.rows("roc_auc", 1)[0][3:] == ["*0.9", "note 1", "note 2", "note 1"]
    assert table.notes == ["silent", "too short"]


def test_datasets_of_one_title_are_told_apart(score):
    table = generalisation([score("x", at, 0.9, dataset="nmda, ttpc1") for at in ("a", "b")] + [score("x", "c", 0.8)])
    assert table.key() == ["A: nmda, ttpc1 (a)", "B: nmda, ttpc1 (b)", "C: nmda, cell c"]


def test_a_model_twice_on_one_dataset_is_refused(score):
    outcomes = [score("a", "b", 0.9), Unscored(OF_A, "b", "nmda, cell b", "no output spikes")]
    with pytest.raises(InputError, match="model elm-20, seed 0, is there twice on dataset 'nmda, cell b'"):
        generalisation(outcomes)


def test_an_outcome_without_a_score_is_named_as_scores_are(make_dataset):
    found = unscored(OF_A, make_dataset(seed=3), "no output spikes")
    assert found == Unscored(OF_A, "made-up-3-8", "made-up-3-8", "no output spikes")
