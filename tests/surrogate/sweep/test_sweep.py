"""A sweep fits what it says, goes on after anything, and tells of what failed."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest

from apical.analysis.scores.evaluate import write_score
from apical.analysis.scores.files import join_scores, read_scores
from apical.simulate.schema import InputError, open_dataset
from apical.surrogate.fitting.one_writer import alone_with
from apical.surrogate.sweep import sweep as module
from apical.surrogate.sweep.runs import Outcome
from apical.surrogate.sweep.sweep import Scoring, run_sweep
from apical.surrogate.sweep.sweep_config import PRESETS, Sweep, read_sweep

TOML = """
seeds = [0, 1]
train_fractions = [0.5, 1.0]

[settings]
steps = 4
batch = 2
window_ms = 60
burn_in_ms = 10
validate_every = 2

[[models]]
family = "elm"
sizes = [2, 3]
options = {n_branches = 4}

[[models]]
family = "gru"
sizes = [2]
settings = {learning_rate = 0.001}
"""
SCORING = Scoring(write_score, join_scores)
NAMES = [
    *(f"elm-{size}-data0.5-seed{seed}" for size in (2, 3) for seed in (0, 1)),
    *(f"gru-2-data0.5-seed{seed}" for seed in (0, 1)),
    *(f"elm-{size}-seed{seed}" for size in (2, 3) for seed in (0, 1)),
    *(f"gru-2-seed{seed}" for seed in (0, 1)),
]


@pytest.fixture
def config(tmp_path) -> Sweep:
    path = tmp_path / "mine.toml"
    path.write_text(TOML)
    return read_sweep(path)


@pytest.fixture
def data(make_dataset):
    return make_dataset(n_trials=10, duration_ms=2000, n_segments=2)  # few enough output spikes to be scored


def table(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


def test_a_byte_order_mark_is_no_part_of_a_sweep(config, tmp_path):
    (tmp_path / "marked.toml").write_text(TOML, encoding="utf-8-sig")
    assert read_sweep(tmp_path / "marked.toml") == config


def test_every_run_has_its_row(config, data, tmp_path):
    told = []
    outcomes = run_sweep(config, data, tmp_path / "out", SCORING, report=lambda *each: told.append(each))
    assert outcomes == [Outcome(name, None) for name in NAMES]
    assert [row["run"] for row in table(tmp_path / "out" / "runs.csv")] == NAMES
    scores = read_scores([tmp_path / "out" / "scores.csv"])
    assert [(s.family, s.size, s.seed, s.train_trials) for s in scores] == [
        (family, size, seed, trials)
        for trials in (4, 7)
        for family, size in (("branch-elm", "2"), ("branch-elm", "3"), ("gru", "2"))
        for seed in (0, 1)
    ]
    assert {s.name for s in scores} == {"elm-2", "elm-3", "gru-2"}
    assert told[0] == (0, 12, "") and told[-1][:2] == (12, 12)
    assert any("elm-2-data0.5-seed0 and 1 more: step 4 of 4" in note for _, _, note in told)


def test_a_label_is_part_of_the_model_s_name_in_tables(config, data, tmp_path):
    (elm, _) = config.models
    labelled = elm.model_copy(update={"label": "few-0.5", "sizes": (2,)})
    small = config.model_copy(update={"models": (labelled,), "train_fractions": (0.5, 1.0), "seeds": (0,)})
    run_sweep(small, data, tmp_path / "out", SCORING)
    assert [s.name for s in read_scores([tmp_path / "out" / "scores.csv"])] == ["elm-2-few-0.5"] * 2


def test_a_dataset_of_its_own_is_scored_in_place_of_what_is_held_out(config, data, make_dataset, tmp_path):
    own = make_dataset("test.zarr", n_trials=6, duration_ms=2000, n_segments=2, seed=4)
    small = config.model_copy(update={"models": config.models[1:], "train_fractions": (1.0,)})
    out = tmp_path / "out"
    run_sweep(small, data, out, SCORING, test=own)
    (score, _) = read_scores([out / "scores.csv"])
    assert (score.n_trials, score.dataset, score.train_trials) == (6, open_dataset(own).attrs["dataset_id"], 7)
    before = (out / "scores.csv").read_bytes()
    run_sweep(None, None, out, SCORING, resume=True)
    assert (out / "scores.csv").read_bytes() == before
    with pytest.raises(InputError, match="out: was started with another test dataset"):
        run_sweep(small, data, out, SCORING, resume=True)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (
            {"n_segments": 3, "seed": 4},
            "test.zarr: is not of the cell and layout of .*: the number of synapses is 6, not 4",
        ),
        ({"n_segments": 2}, "test.zarr: is the same data as .*truth.zarr"),
    ],
)
def test_a_test_dataset_of_another_cell_or_with_trials_to_learn_from_is_refused(
    config, data, make_dataset, tmp_path, other, message
):
    own = make_dataset("test.zarr", n_trials=6, duration_ms=2000, **other)
    with pytest.raises(InputError, match=message):
        run_sweep(config, data, tmp_path / "out", SCORING, test=own)
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_a_sweep_that_was_stopped_goes_on_and_computes_nothing_twice(config, data, tmp_path, monkeypatch):
    whole = run_sweep(config, data, tmp_path / "whole", SCORING)

    def stop(done, total, note):
        if done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_sweep(config, data, tmp_path / "out", SCORING, report=stop)
    before = len(table(tmp_path / "out" / "scores.csv"))
    fitted = []
    original = module.fit_together
    monkeypatch.setattr(module, "fit_together", lambda c, *a, **k: fitted.extend(c) or original(c, *a, **k))
    assert run_sweep(config, data, tmp_path / "out", SCORING, resume=True) == whole
    assert before == 5 and len(fitted) == len(NAMES) - before
    assert (tmp_path / "out" / "scores.csv").read_bytes() == (tmp_path / "whole" / "scores.csv").read_bytes()


def test_a_run_that_fails_is_noted_and_tried_again(config, data, tmp_path):
    wild = config.model_copy(
        update={
            "models": (*config.models[:1], config.models[1].model_copy(update={"settings": {"learning_rate": 1e30}}))
        }
    )
    outcomes = run_sweep(wild, data, tmp_path / "out", SCORING)
    failed = [outcome for outcome in outcomes if outcome.error]
    assert [outcome.run for outcome in failed] == [name for name in NAMES if name.startswith("gru")]
    assert all("fit again with a lower learning_rate" in outcome.error for outcome in failed)
    rows = table(tmp_path / "out" / "runs.csv")
    assert [row["status"] for row in rows] == ["failed" if row["run"].startswith("gru") else "done" for row in rows]
    assert len(read_scores([tmp_path / "out" / "scores.csv"])) == 8
    assert run_sweep(wild, data, tmp_path / "out", SCORING, resume=True) == outcomes


def test_what_is_wrong_in_the_program_is_noted_too(config, data, tmp_path):
    def broken(predicted, out):
        if "elm-3" in out.parent.name:
            raise ZeroDivisionError("by zero")
        write_score(predicted, out)

    scoring = Scoring(broken, join_scores)
    outcomes = {outcome.run: outcome.error for outcome in run_sweep(config, data, tmp_path / "out", scoring)}
    assert outcomes["elm-3-seed0"] == "ZeroDivisionError: by zero" and outcomes["elm-2-seed0"] is None


@pytest.mark.slow
def test_workers_compute_what_one_process_does(config, data, tmp_path):
    """Groups come back in any order; the tables are in the sweep's."""

    def backwards(function, arguments) -> Iterator[tuple[tuple, list[Outcome]]]:
        for argument in reversed(list(arguments)):
            yield argument, function(*argument)

    here = run_sweep(config, data, tmp_path / "here", SCORING)
    assert run_sweep(config, data, tmp_path / "there", SCORING, spread=backwards) == here
    for name in ("scores.csv", "runs.csv"):
        assert (tmp_path / "here" / name).read_bytes() == (tmp_path / "there" / name).read_bytes()


def test_a_worker_that_dies_is_noted(config, data, tmp_path):
    def dying(function, arguments) -> Iterator[tuple[tuple, list[Outcome] | Exception]]:
        for at, argument in enumerate(arguments):
            yield argument, RuntimeError("worker died") if at == 1 else function(*argument)

    outcomes = run_sweep(config, data, tmp_path / "out", SCORING, spread=dying)
    assert {o.run for o in outcomes if o.error == "RuntimeError: worker died"} == {
        "elm-3-data0.5-seed0",
        "elm-3-data0.5-seed1",
    }
    assert sum(outcome.error is None for outcome in outcomes) == len(NAMES) - 2


@pytest.mark.slow
def test_dask_s_workers_compute_what_one_process_does(config, data, tmp_path):
    from apical.cli.spreading import spread_over

    small = config.model_copy(update={"models": config.models[:1], "train_fractions": (1.0,)})
    here = run_sweep(small, data, tmp_path / "here", SCORING)
    with spread_over(1, None, lambda message: nullcontext()) as spread:
        assert run_sweep(small, data, tmp_path / "there", SCORING, spread=spread) == here
    assert [row.roc_auc for row in read_scores([tmp_path / "there" / "scores.csv"])] == pytest.approx(
        [row.roc_auc for row in read_scores([tmp_path / "here" / "scores.csv"])], abs=1e-6
    )


@pytest.mark.parametrize(
    "change, message",
    [
        ("sizes = [2, 3]|sizes = []", r"mine.toml: models.0.sizes"),
        ("seeds = [0, 1]|sedes = [0, 1]", "mine.toml: 'sedes' is not a setting: did you mean 'seeds'"),
        ('family = "gru"|famly = "gru"', "mine.toml: models.1.fam"),
        ("seeds = [0, 1]|seeds = [0, 1", "mine.toml: the sweep cannot be read"),
    ],
)
def test_a_file_with_a_fault_is_refused_in_one_line(tmp_path, change, message):
    path = tmp_path / "mine.toml"
    path.write_text(TOML.replace(*change.split("|")))
    with pytest.raises(InputError, match=message) as error:
        read_sweep(path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "change, message",
    [
        ('family = "gru"|family = "grue"', "did you mean 'gru'"),
        ("steps = 4|stepps = 4", "'stepps' is not a setting: did you mean 'steps'"),
        ('family = "gru"|family = "elm"\noptions = {n_branches = 4}', "sweep: run elm-2-data0.5-seed0 is there twice"),
    ],
)
def test_a_sweep_that_cannot_begin_leaves_nothing(data, tmp_path, change, message):
    path = tmp_path / "mine.toml"
    path.write_text(TOML.replace(*change.split("|")))
    with pytest.raises(InputError, match=message):
        run_sweep(read_sweep(path), data, tmp_path / "out", SCORING)
    assert not (tmp_path / "out").exists()


def test_another_sweep_is_not_resumed(config, data, make_dataset, tmp_path):
    out = tmp_path / "out"
    small = config.model_copy(update={"models": config.models[1:], "train_fractions": (1.0,)})
    run_sweep(small, data, out, SCORING)
    with pytest.raises(InputError, match="out: exists already; --resume goes on"):
        run_sweep(small, data, out, SCORING)
    with pytest.raises(InputError, match="out: was started with another sweep"):
        run_sweep(small.changed({"steps": 6}), data, out, SCORING, resume=True)
    other = make_dataset("other.zarr", n_trials=10, duration_ms=2000, n_segments=2, seed=4)
    with pytest.raises(InputError, match="out: was started with another dataset"):
        run_sweep(small, other, out, SCORING, resume=True)
    with alone_with(out), pytest.raises(InputError, match="out: another process is writing it"):
        run_sweep(small, data, out, SCORING, resume=True)
    tmp_path.joinpath("folder").mkdir()
    tmp_path.joinpath("folder", "thesis.tex").touch()
    with pytest.raises(InputError, match="folder: is there but is not a sweep"):
        run_sweep(small, data, tmp_path / "folder", SCORING, overwrite=True)


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_sweeps(name):
    runs = [run for group in read_sweep(name).groups() for run in group]
    assert len(set(runs)) == len(runs) > 10


def test_no_such_sweep():
    with pytest.raises(InputError, match=r"sweep 'parameters': is no preset .parameter-efficiency, data-efficiency."):
        read_sweep("parameters")


def test_a_preset_s_settings_can_be_replaced():
    config = read_sweep("data-efficiency").changed({"steps": 7})
    assert {fit.steps for group in config.groups() for fit in group.values()} == {7}
