"""The table says what the scores say, and the documentation's is that of the committed results."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from apical.analysis.comparison.comparison_table import comparison_table, difference_table
from apical.analysis.scores.files import read_scores
from apical.analysis.scores.resamples import Resamples
from apical.simulate.schema import InputError

ROOT = Path(__file__).parents[3]


def test_by_hand(make_score):
    def size(n, seed, auc, **more):
        known = Resamples("a", {"roc_auc": np.linspace(auc - 0.01, auc + 0.01, 101)})
        made = {"family": "elm", "size": str(n), "name": f"elm-{n}", "n_parameters": 1000 * n, "seed": seed}
        return make_score(**made, roc_auc=auc, rmse_mv=0.5, average_precision=None, resamples=known, **more)

    floor = make_score(family="noise-floor", name="cell, dt 0.05 ms", n_parameters=0, roc_auc=0.9987, rmse_mv=0.01)
    table = comparison_table([size(20, 0, 0.98), size(5, 0, 0.96), floor]).splitlines()
    assert table[:2] == [
        "|  | parameters | seeds | ROC-AUC | RMSE (mV) | AP |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    assert table[2] == "| ELM 5 | 5,000 | 1 | 0.9600 (0.9505–0.9695) | 0.500 |  |"  # 95 % of 0.95 to 0.97
    assert table[3].startswith("| ELM 20 | 20,000 | 1 | 0.9800 (0.9705–0.9895) |")
    assert table[4].startswith("| cell, dt 0.05 ms |  |  | 0.9987 | 0.010 |")
    two = [size(5, seed, auc, **which) for which in ({}, OTHER) for seed, auc in ((0, 0.95), (1, 0.97))]
    headed = comparison_table(two).splitlines()
    assert [line.split(" | ")[0] for line in headed[2:]] == [
        "| **nmda ttpc1** (30 trials, 60 spikes)",
        "| ELM 5",
        "| **another cell** (30 trials, 60 spikes)",
        "| ELM 5",
    ]
    assert headed[3].startswith("| ELM 5 | 5,000 | 2 | 0.9600 (")


def test_differences_by_hand(make_score):
    """Seeds that fall together: what is left is the trials'; paired, both are one draw, and the difference is exact."""

    def model(name, n, seed, auc, shift=0.0, trials="a"):
        known = Resamples(trials, {"roc_auc": auc + np.linspace(-0.01, 0.01, 101) * (1 + shift)})
        made = {"family": "elm", "size": name, "name": name, "n_parameters": n, "seed": seed, "rmse_mv": 0.5}
        return make_score(**made, roc_auc=auc, average_precision=None, resamples=known)

    base = [model("base", 1000, seed, auc) for seed, auc in ((0, 0.95), (1, 0.97))]
    better = [model("better", 2000, seed, auc + 0.004) for seed, auc in ((0, 0.95), (1, 0.97))]
    wider = [model("wider", 2000, seed, auc + 0.004, shift=1.0) for seed, auc in ((0, 0.95), (1, 0.97))]
    lone = [model("lone", 500, 7, 0.95)]
    other = [model("other", 500, 0, 0.95, trials="b")]
    rows = difference_table([*wider, *better, *base, *lone, *other], "base").splitlines()
    assert rows[0] == "|  | parameters | ROC-AUC | RMSE (mV) | AP |"
    assert rows[2].startswith("| base | 1,000 | 0.9600 (")
    told = {row.split(" | ")[0]: row for row in rows[3:]}
    assert told["| better"] == "| better | 2,000 | **+0.0040** (+0.0040 to +0.0040) | +0.000 |  |"
    assert told["| wider"] == "| wider | 2,000 | +0.0040 (-0.0055 to +0.0135) | +0.000 |  |"
    assert told["| lone"].startswith("| lone | 500 | -0.0100 (-0.0200 to +0.0000)")  # seeds of its own: each is drawn
    assert told["| other"] == "| other | 500 | -0.0100 | +0.000 |  |"  # other trials: no interval


def test_what_there_is_no_difference_from_is_refused(make_score):
    known = [make_score(family="elm", size="20", name="elm-20")]
    with pytest.raises(InputError, match="no model 'elm-2' to compare against: did you mean 'elm-20'"):
        difference_table(known, "elm-2")
    with pytest.raises(InputError, match="give scores of one dataset"):
        difference_table([*known, make_score(name="elm-20", **OTHER)], "elm-20")


OTHER = {"dataset_id": "0" * 16, "dataset": "another cell"}


def test_a_floor_alone_is_no_comparison(make_score):
    with pytest.raises(InputError, match="no scores of a model"):
        comparison_table([make_score(family="noise-floor")])


def test_the_table_of_the_documentation_is_that_of_the_results():
    """Made by `apical compare results/cell_types.csv --table table.md`."""
    page = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
    assert comparison_table(read_scores([ROOT / "results" / "cell_types.csv"])) in page


@pytest.mark.parametrize(
    ("files", "against"),
    [(["training_settings"], "elm-20-plain"), (["fewer_weights", "taught_and_pruned"], "elm-20-own")],
)
def test_so_are_the_tables_of_differences(files, against):
    """Made by `apical compare FILES --against NAME --table table.md`."""
    page = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
    assert difference_table(read_scores([ROOT / "results" / f"{name}.csv" for name in files]), against) in page
