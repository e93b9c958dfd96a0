"""Models fitted to several simulations as one, through every command that names what a model was fitted to."""

from __future__ import annotations

import json

import pytest

from apical.analysis.scores.files import read_scores
from apical.simulate.schema import InputError

FIT = "--model lif --steps 4 --batch 2 --set window_ms=60 --set burn_in_ms=10 --set validate_every=2"
BOTH = "made-up-1-2+made-up-2-2"
TOML = """
recipe = "quick"
seeds = [0, 1]
settings = {steps = 2, batch = 2, window_ms = 60, burn_in_ms = 10, validate_every = 2}
models = [{family = "lif", sizes = [1]}]
"""


@pytest.fixture
def two(make_dataset):
    """a.zarr and b.zarr, with few enough output spikes to be scored."""
    return [make_dataset(f"{name}.zarr", seed=seed, n_segments=2) for name, seed in (("a", 1), ("b", 2))]


def test_from_fit_to_report(two, done, tmp_path):
    told = done(f"fit a.zarr b.zarr {FIT} --out run --device cpu")
    assert "`apical predict run a.zarr --out prediction.zarr` predicts the held-out trials, and so of b.zarr" in told
    done("fit --resume run --device cpu")
    for name in "ab":
        done(f"predict run {name}.zarr --out {name}-predicted.zarr --device cpu")
        done(f"evaluate {name}.zarr {name}-predicted.zarr --out {name}.csv")
    rows = read_scores([tmp_path / "a.csv", tmp_path / "b.csv"])
    assert [(row.dataset_id, row.trained_on, row.train_trials, row.n_trials) for row in rows] == [
        ("made-up-1-2", BOTH, 8, 1),
        ("made-up-2-2", BOTH, 8, 1),
    ]
    done("compare a.csv b.csv --out figure.png")
    done("report a.csv b.csv --data b.zarr --prediction b-predicted.zarr --out report.html")
    page = (tmp_path / "report.html").read_text()
    assert "apical fit a.zarr b.zarr --model lif" in page and BOTH in page
    assert "apical predict run b.zarr --out b-predicted.zarr" in page
    done("look run a.zarr --out look")
    table = done("generalise run --on a.zarr --on b.zarr --out home.csv --device cpu")
    lines = [line for line in table.splitlines() if " A+B " in line]
    assert lines and all(line.count("*") == 2 for line in lines)


def test_a_sweep_scores_each(two, done, refused, tmp_path):
    (tmp_path / "mine.toml").write_text(TOML)
    done("sweep mine.toml a.zarr b.zarr --out sweeps/both --device cpu")
    rows = read_scores([tmp_path / "sweeps/both/scores.csv"])
    assert [(row.seed, row.dataset_id, row.trained_on) for row in rows] == [
        (seed, of, BOTH) for seed in (0, 1) for of in ("made-up-1-2", "made-up-2-2")
    ]
    card = json.loads((tmp_path / "sweeps/both/sweep.json").read_text())
    assert (card["dataset"], card["dataset_id"]) == (["a.zarr", "b.zarr"], BOTH)
    assert "2 of 2 runs done" in done("sweep --resume sweeps/both --device cpu")
    assert "was started with another dataset" in refused("sweep --resume mine.toml a.zarr --out sweeps/both")
    done("compare sweeps/both/scores.csv --out figure.png")
    done("report sweeps/both/scores.csv --data a.zarr --out report.html")


def test_the_command_of_a_sweep_of_several(two, done, tmp_path):
    """Told from the sweep's own card, since a report is given one of the data only."""
    from apical.cli.again.report import _data_of_sweep

    (tmp_path / "sweep.json").write_text(json.dumps({"dataset": ["a.zarr", "b.zarr"], "dataset_id": BOTH}))
    assert _data_of_sweep(tmp_path / "sweep.json", {BOTH}) == ["a.zarr", "b.zarr"]
    assert _data_of_sweep(tmp_path / "sweep.json", {"another"}) == []
    assert _data_of_sweep(tmp_path / "gone.json", {BOTH}) == []


@pytest.mark.parametrize("command", ["fit a.zarr c.zarr --out run", "sweep mine.toml a.zarr c.zarr --out run"])
def test_other_layouts_are_one_line(two, make_dataset, refused, tmp_path, command):
    (tmp_path / "mine.toml").write_text(TOML)
    make_dataset("c.zarr", seed=3, n_segments=4)
    said = "c.zarr: is not of the cell and layout of a.zarr: the number of synapses is 8, not 4; fit them one by one"
    assert said in refused(command)
    assert not (tmp_path / "run").exists()


def test_only_a_run_that_is_resumed_stands_alone(two, refused):
    assert "Missing option '--out'" in refused("fit --resume a.zarr b.zarr")


def test_python_takes_them_too(two):
    from apical.surrogate.fitting.stores import open_stores

    with pytest.raises(InputError, match="no such dataset"):
        open_stores([*two, "gone.zarr"])
