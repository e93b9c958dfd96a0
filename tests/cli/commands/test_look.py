"""`apical look` on runs of several families: the figures that it writes, what it prints, and what it refuses."""

from __future__ import annotations

import csv
import json

import pytest

from apical.simulate import schema


def test_an_elm(fitted, apical):
    answer = apical("look run truth.zarr --prediction prediction.zarr --trial 3 --out looked/elm --device cpu")
    assert answer.status == 0, answer.err
    names = ("worst_trials", "spike_triggered", "memory", "weights")
    for name in names:
        assert (fitted / f"looked/elm/{name}.png").read_bytes().startswith(b"\x89PNG")
        assert f"looked/elm/{name}.png" in answer.out
    assert len([*(fitted / "looked/elm").iterdir()]) == len(names)
    assert "weights are drawn without the cell" in answer.err and "its neuron has no morphology" in answer.err
    rows = [line.split() for line in answer.out.splitlines() if line.split() and line.split()[0].isdecimal()]
    errors_mv = [float(row[1]) for row in rows]
    assert errors_mv == sorted(errors_mv, reverse=True) and len(rows) > 0


def test_json_has_the_numbers_and_draws_nothing_unasked(fitted, done):
    found = json.loads(done("look run truth.zarr --prediction prediction.zarr --json --device cpu"))
    assert not (fitted / "look").exists() and found["figures"] == {}
    assert (found["model"], found["run"]) == ("elm-3", "run")
    assert found["trial"] in {each["trial"] for each in found["worst_trials"]}
    assert sum(found["readout"]["spike_share"]) == pytest.approx(1)
    assert len(found["readout"]["tau_m_ms"]) == 3
    assert len(found["weights"]["weight"]) == 16
    assert len(found["spike_triggered"]["truth_hz"]) == len(found["spike_triggered"]["tree"]) == 4
    assert found["spike_triggered"]["to_um"] == [None] * 4  # endless, which JSON does not know
    # pooled over trials of equal length, the squares of the errors are those of the score
    score = next(csv.DictReader((fitted / "scores.csv").read_text().splitlines()))
    squares = [each["rmse_mv"] ** 2 for each in found["worst_trials"]]
    assert (sum(squares) / len(squares)) ** 0.5 == pytest.approx(float(score["rmse_mv"]), rel=1e-5)
    again = json.loads(done("look run truth.zarr --prediction prediction.zarr --json --out drawn --device cpu"))
    assert again["figures"]["memory"] == "drawn/memory.png" and (fitted / "drawn/memory.png").exists()


@pytest.mark.parametrize("model, figures", [("tcn --size 1x2", {"filters"}), ("lstm --size 2", set())])
def test_other_families_and_a_prediction_made_on_the_way(make_dataset, done, tmp_path, model, figures):
    make_dataset(seed=1)  # whose held-out trial has spikes
    done(f"fit truth.zarr --model {model} --steps 2 --batch 2 --out other --device cpu")
    told = done("look other truth.zarr --format svg --device cpu")
    assert {path.name for path in (tmp_path / "look").iterdir()} == {
        f"{name}.svg" for name in {"worst_trials", "spike_triggered", *figures}
    }
    assert "worst first of its scored trials (1)" in told
    assert {path.name for path in tmp_path.glob("*.zarr")} == {"truth.zarr"}


def test_trials_without_output_spikes(make_dataset, apical, done, tmp_path):
    make_dataset("silent.zarr", silent=True)
    assert apical("fit silent.zarr --size 2 --steps 1 --batch 1 --out run --device cpu").status == 0
    answer = apical("look run silent.zarr --device cpu")
    assert answer.status == 0, answer.err
    assert "no spike-triggered input: none of the trials has an output spike" in answer.err
    assert (tmp_path / "look/memory.png").exists() and not (tmp_path / "look/spike_triggered.png").exists()


def test_what_is_refused(fitted, make_dataset, done, refused):
    done("fit truth.zarr --size 2 --steps 1 --batch 1 --out smaller --device cpu")
    make_dataset("other.zarr", n_segments=5)
    (fitted / "file").write_text("")
    given = "--prediction prediction.zarr --device cpu"
    for command, said in {
        "nothere truth.zarr": ["nothere: no run there"],
        "run nothere.zarr": ["nothere.zarr: no such dataset"],
        "run prediction.zarr": ["prediction.zarr: is a prediction, expected a simulation"],
        "run other.zarr": ["run: checkpoint expects 16 inputs, dataset has 10 (other.zarr)"],
        f"run truth.zarr {given} --trial 99": ["truth.zarr: has no trial 99"],
        f"run truth.zarr {given} --out file": ["file: is a file", "name a folder"],
        f"run truth.zarr {given} --out file/look": ["file/look: cannot be made a folder"],
        f"run truth.zarr {given} --morphology nothere.asc": ["nothere.asc: no such file"],
        f"smaller truth.zarr {given}": ["prediction.zarr: was predicted by elm-3 (seed 0), not by elm-2 (seed 0)"],
        "run truth.zarr --prediction truth.zarr": ["truth.zarr: is a simulation, expected a prediction"],
        f"run truth.zarr {given} --format jpg": ["jpg", "png", "svg"],
    }.items():
        line = refused(f"look {command}")
        assert all(words in line for words in said), line
    assert schema.open_dataset(fitted / "prediction.zarr")
