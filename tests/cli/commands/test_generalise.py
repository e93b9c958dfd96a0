"""`apical generalise`: one table and one score file from runs and datasets; one line for what cannot be."""

from __future__ import annotations

import re

import pytest

from apical.analysis.scores.files import read_scores


def test_one_table_says_all_of_it(fitted, make_dataset, done):
    make_dataset("other.zarr", n_trials=2, seed=4)
    make_dataset("narrow.zarr", n_trials=1, n_segments=4)
    make_dataset("silent.zarr", n_trials=1, silent=True, seed=2)
    make_dataset("short.zarr", n_trials=1, duration_ms=400, seed=3)
    on = " ".join(f"--on {name}.zarr" for name in ("truth", "other", "narrow", "silent", "short"))
    told = done(f"generalise run {on} --out new.csv --device cpu")
    home, other = scores = read_scores([fitted / "new.csv"])
    assert (home.dataset_id, other.dataset_id) == (home.trained_on, "made-up-4-8")
    spikes, voltage = told.split("RMSE as predicted, mV")
    assert f"*{home.roc_auc:.4f}" in spikes and f" {other.roc_auc:.4f}" in spikes
    assert re.search(r"\nnote 3: .*no output spike of dataset 'made-up-3-8' .*ROC-AUC is undefined", told)
    assert f"*{home.rmse_mv:.3f}" in voltage and f" {other.rmse_mv:.3f}" in voltage
    assert "scores: new.csv; predictions: new-predictions\n" in told
    for again in (f"run {on} --out new.csv --resume", "--resume new.csv", "--resume --out new.csv"):
        (fitted / "new.csv").unlink()
        assert done(f"generalise {again} --device cpu") == told
        assert read_scores([fitted / "new.csv"]) == scores


def test_nothing_that_fits_is_told_and_is_a_failure(fitted, make_dataset, apical):
    make_dataset("narrow.zarr", n_segments=4)
    answer = apical("generalise run --on narrow.zarr --out new.csv --device cpu")
    assert answer.status == 1
    assert "note 1: 8 inputs, the model reads 16" in answer.out
    assert answer.out.endswith("nothing could be scored\n") and not (fitted / "new.csv").exists()


@pytest.mark.parametrize(
    "arguments, said",
    [
        ("run --out new.csv", ["apical generalise:", "Missing option '--on'"]),
        ("--on truth.zarr --out new.csv", ["apical generalise:", "Missing argument 'RUN"]),
        ("run --on truth.zarr", ["apical generalise:", "Missing option '--out'"]),
        ("run --on truth.zarr --out scores.csv", ["scores.csv: exists already", "--resume", "--overwrite"]),
        ("run run --on truth.zarr --out new.csv", ["run: the same run as run", "give one of them"]),
        ("run --on truth.zarr --on truth.zarr --out new.csv", ["truth.zarr: the same dataset as truth.zarr"]),
        ("run --on prediction.zarr --out new.csv", ["prediction.zarr: is a prediction, expected a simulation"]),
        ("nothere --on truth.zarr --out new.csv", ["nothere: no run there"]),
        ("run --on truth.zarr --out new.csv --predictions run", ["run: exists already", "--resume"]),
        ("--resume", ["apical generalise:", "Missing option '--out'"]),
        ("--resume nothere.csv", ["nothere-predictions: does not say what its predictions are of", "give runs and"]),
        ("run --on truth.zarr --out new.csv --device tpu", ["device 'tpu'", "auto, cpu or cuda"]),
    ],
)
def test_one_line_says_what_to_do(fitted, refused, arguments, said):
    before = sorted(fitted.iterdir())
    line = refused(f"generalise {arguments}")
    assert all(words in line for words in said), line
    assert sorted(fitted.iterdir()) == before
