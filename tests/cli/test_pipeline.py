"""The commands after the simulation, one after the other, and the JSON that they print for machines."""

from __future__ import annotations

import csv
import json
import math
import re

import numpy as np
import pytest

from apical.cli.interrupts import SAID
from apical.simulate import schema
from apical.simulate.cell.morphologies import MEAREC


def test_fit_predict_evaluate_compare(make_dataset, apical, tmp_path):
    """Two models of two families, on the trials that neither was fitted on."""
    make_dataset(seed=1)
    runs = {"elm-3": "--model elm --size 3", "tcn-1x2": "--model tcn --size 1x2"}
    for name, model in runs.items():
        fit = apical(f"fit truth.zarr {model} --steps 4 --batch 2 --out runs/{name} --device cpu")
        assert (fit.status, fit.out.split(":")[0]) == (0, f"runs/{name}")
        assert "4/4" in fit.err
        predict = apical(f"predict runs/{name} truth.zarr --out {name}.zarr --device cpu")
        assert predict.status == 0
        split = json.loads((tmp_path / f"runs/{name}/config.json").read_text())["split"]
        held_out = sorted(split["validation"] + split["test"])
        assert schema.open_dataset(tmp_path / f"{name}.zarr", "prediction").trial.values.tolist() == held_out

    evaluate = apical("evaluate truth.zarr elm-3.zarr tcn-1x2.zarr")
    assert evaluate.status == 0 and "2/2" in evaluate.err
    rows = list(csv.DictReader((tmp_path / "scores.csv").read_text().splitlines()))
    assert [row["name"] for row in rows] == [*runs]
    for row in rows:
        assert int(row["n_trials"]) == len(split["test"])
        line = next(line for line in evaluate.out.splitlines() if row["name"] in line)
        assert f"{float(row['roc_auc']):.4f}" in line
        assert f"{float(row['rmse_mv']):.3f}" in line
    assert evaluate.out.splitlines()[-1] == "scores: scores.csv"

    compare = apical("compare scores.csv --out figure.png")
    assert (compare.status, compare.err) == (0, "")
    assert compare.out.splitlines()[-1] == "figure: figure.png"
    assert "Too few trials with output spikes were scored, 1 of 1" in compare.out
    assert (tmp_path / "figure.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("to, name", [("torch-export", "elm.pt2"), ("onnx", "elm.onnx")])
def test_export(fitted, done, tmp_path, to, name):
    if to == "onnx":
        pytest.importorskip("onnxruntime")
        pytest.importorskip("onnxscript")
    told = done(f"export run --to {to} --out {name}")
    difference = re.fullmatch(rf"{name}: written; over 300 ms of .* differs from run by (\S+) of scale at most\n", told)
    assert difference and float(difference[1]) < 1e-5
    assert (tmp_path / name).stat().st_size > 10_000


def test_evaluate_prints_json_for_machines(fitted, apical):
    answer = apical("evaluate truth.zarr prediction.zarr prediction.zarr --json")
    assert "2/2" in answer.err
    scores = json.loads(answer.out)
    assert len(scores) == 2
    for score in scores:
        assert {"roc_auc", "rmse_mv", "rmse_rescaled_mv", "explained_variance", "n_parameters"} <= score.keys()
        assert 0 <= score["roc_auc"] <= 1
        assert score["rmse_rescaled_mv"] > 0 and score["rmse_mv"] > 0
        # by hand: routed synapses 45·100, MLP (45 + 3 → 6 → 3), readout 3 → 2
        assert score["n_parameters"] == 4500 + (48 * 6 + 6) + (6 * 3 + 3) + (3 * 2 + 2)
    written = next(csv.DictReader((fitted / "scores.csv").read_text().splitlines()))
    assert {name: str(scores[0][name]) for name in ("name", "roc_auc", "rmse_mv")}.items() <= written.items()


def test_evaluate_says_how_sure_it_is(fitted, make_dataset, done, monkeypatch):
    monkeypatch.setattr("apical.analysis.scores.uncertainty.LEAST_TRIALS", 2)
    make_dataset("other.zarr", seed=2)  # of which trials 1, 3 and 4 can be scored
    for name, trials in {"all": "all", "again": "all", "fewer": "1,3", "one": "1,2"}.items():
        done(f"predict run other.zarr --out {name}.zarr --trials {trials} --device cpu")
    told = done("evaluate other.zarr all.zarr again.zarr fewer.zarr --out new.csv")
    table = told[told.index("95% intervals and paired differences, 1,000 resamples of trials") :]
    ends = [line.split(maxsplit=5)[-1] for line in table.splitlines() if "elm-3" in line]
    assert [end.strip() for end in ends] == ["other trials", "other trials", "best"]
    score = json.loads(done("evaluate other.zarr all.zarr --json"))[0]
    for name, (low, high) in score["intervals"].items():
        assert low <= score[name] <= high, name
        assert low < high or name not in ("roc_auc", "average_precision", "rmse_mv"), name
        assert f"{low:.4f}–{high:.4f}" in table or name != "roc_auc"
    assert "not distinguishable" in done("evaluate other.zarr all.zarr again.zarr --out two.csv")
    told = done("evaluate other.zarr one.zarr --out one.csv")
    assert "Too few trials with output spikes were scored, 1 of 1" in told and "95% intervals" not in told


def test_few_trials_with_spikes_are_said_and_nothing_is_claimed(fitted, make_dataset, done):
    make_dataset("other.zarr", seed=2)  # of which trials 1, 3 and 4 can be scored
    done("predict run other.zarr --out all.zarr --trials all --device cpu")
    told = done("evaluate other.zarr all.zarr --out few.csv")
    assert "Too few trials with output spikes were scored, 3 of 3: from fewer than 20 an interval" in told
    assert "intervals and paired differences" not in told
    assert not json.loads(done("evaluate other.zarr all.zarr --json"))[0]["intervals"]
    told = done("compare few.csv --out few.svg --target 0.5")
    assert "Too few trials" in told and "Smallest size" not in told and "To reach" not in told
    assert "interval" not in (fitted / "few.svg").read_text()


def test_json_scores_are_written_where_asked(fitted, done):
    (fitted / "scores.csv").unlink()
    printed = json.loads(done("evaluate truth.zarr prediction.zarr --json --out kept.csv"))
    assert (fitted / "kept.csv").read_text().count("\n") == 1 + len(printed)
    assert not (fitted / "scores.csv").exists()


def test_inspect_prints_json_for_machines(truth, done, tmp_path):
    found = json.loads(done("inspect truth.zarr --json"))
    assert not (tmp_path / "truth.png").exists()
    assert found["kind"] == "simulation"
    assert (found["n_trials"], found["duration_s"]) == (6, 1.5)
    assert found["n_segments"] == {"basal": 4, "apical": 4}
    spikes = np.isfinite(schema.read(schema.open_dataset(truth), "output_spike_time_ms")).sum(axis=1)
    assert math.isclose(found["output_rate_hz"]["mean"], spikes.mean() / 1.5)
    with_picture = json.loads(done("inspect truth.zarr --json --trial 3 --out three.svg"))
    assert with_picture == found | {"picture": "three.svg"}
    assert "trial 3" in (tmp_path / "three.svg").read_text()


def test_inspect_tells_people_and_draws(fitted, done):
    told = done("inspect prediction.zarr")
    assert told.splitlines()[-1] == "picture: prediction.png"
    assert (fitted / "prediction.png").stat().st_size > 10_000
    assert "elm-3" in told


def test_inspect_flags_what_deserves_a_second_look(make_dataset, done):
    path = make_dataset("many.zarr", n_trials=14, duration_ms=200, silent=True)
    schema.write_trial(path, 13, {}, status=schema.FAILED)
    flags = json.loads(done("inspect many.zarr --json"))["flags"]
    assert [(flag["flag"], flag["trials"]) for flag in flags] == [
        ("silent cell", [*range(13)]),
        ("numerically unstable trial", [13]),
    ]
    told = done("inspect many.zarr")
    assert "flag: silent cell: no trial has an output spike (trial 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 3 more)\n" in told
    assert "flag: numerically unstable trial: failed (trial 13)\n" in told


def test_cells_prints_json_for_machines(done):
    found = json.loads(done("cells --json"))
    sets = {each["name"] for each in found["biophysics"]}
    assert sets == {"bbp2015", "bac217", "cacint209", "bnac219", "shai2015", "hay2011", "ball-and-stick"}
    morphologies = {each["name"]: each for each in found["morphologies"]}
    assert morphologies.keys() == {*MEAREC, "hay2011", "ball-and-stick"} and len(MEAREC) == 13
    for name in MEAREC:
        assert morphologies[name]["present"]
        assert morphologies[name]["segments"] > 100
        assert morphologies[name]["licence"] == "CC-BY-NC-SA-4.0"
        assert morphologies[name]["biophysics"] in sets and "cell" in morphologies[name]["kind"]


def test_cells_tells_people(done):
    told = done("cells")
    for word in ("ttpc1", "ttpc2", "hay2011", "shai2015", "CC-BY-NC-SA-4.0", "(the default)"):
        assert word in told


@pytest.mark.parametrize("trials, numbers", [("4,1", [4, 1]), ("2, 3", [2, 3]), ("5", [5])])
def test_trials_are_chosen_by_number(fitted, apical, tmp_path, trials, numbers):
    from apical.cli.__main__ import main

    assert main(["predict", "run", "truth.zarr", "--out", "p.zarr", "--trials", trials, "--device", "cpu"]) == 0
    assert schema.open_dataset(tmp_path / "p.zarr").trial.values.tolist() == numbers


def test_what_is_done_is_not_done_again(fitted, apical):
    weights = fitted / "run/weights.safetensors"
    before = weights.stat().st_mtime_ns
    again = apical("fit truth.zarr --size 3 --steps 4 --batch 2 --out run --device cpu --resume")
    assert again.status == 0
    assert "4/4" in again.err
    assert weights.stat().st_mtime_ns == before


def test_a_figure_and_an_evaluation_may_be_replaced(fitted, done):
    done("compare scores.csv --out figure.svg")
    done("evaluate truth.zarr prediction.zarr --out scores.csv --overwrite")
    first = (fitted / "figure.svg").read_bytes()
    done("compare scores.csv --out figure.svg")
    assert (fitted / "figure.svg").read_bytes() == first


@pytest.mark.parametrize("command", ["fit truth.zarr --out new", "evaluate truth.zarr prediction.zarr --json"])
def test_stopped_by_the_keyboard(apical, monkeypatch, command):
    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("apical.surrogate.fitting.prepare.open_stores", stop)
    monkeypatch.setattr("apical.analysis.scores.evaluate.open_dataset", stop)
    assert apical(command) == (130, "", f"apical: {SAID}\n")
