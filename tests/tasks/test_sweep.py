"""Sweeps on a toy task: every run is fitted and scored, one that fails stops no other, what was stopped goes on."""

import csv

import pytest
import torch

from apical.analysis.sequences.rows import read_task_scores, write_task_scores
from apical.cli import on_tasks
from apical.simulate.schema import InputError
from apical.tasks import toy
from apical.tasks.sweep import sweep as module
from apical.tasks.sweep.sweep import TaskScoring, own_task_sweep, run_task_sweep
from apical.tasks.sweep.sweep_config import TaskSweep, read_task_sweep

SWEEP = """
seeds = [0, 1]
bins_ms = [20, 50]
[settings]
steps = 2
validation_items = 10
options = {input_dropout = 0.1}
[[models]]
family = "elm"
sizes = [3]
options = {tau_m_max = 500.0}
[[models]]
family = "gru"
sizes = [4, 8]
bins_ms = [50]
seeds = [7]
settings = {learning_rate = 1e-2}
"""
NAMES = [
    *("elm-3-20ms-seed0", "elm-3-20ms-seed1", "elm-3-50ms-seed0", "elm-3-50ms-seed1"),
    *("gru-4-50ms-seed7", "gru-8-50ms-seed7"),
]
SCORING = TaskScoring(on_tasks._write_score, on_tasks._join_scores)


@pytest.fixture(scope="module")
def task(tmp_path_factory):
    had = torch.get_num_threads()
    torch.set_num_threads(1)
    path = tmp_path_factory.mktemp("sweeps") / "toy.zarr"
    toy(path, "events", train=40, test=20)
    yield path
    torch.set_num_threads(had)


@pytest.fixture
def config(tmp_path):
    (tmp_path / "s.toml").write_text(SWEEP)
    return read_task_sweep(tmp_path / "s.toml")


def test_runs_are_models_times_bins_times_seeds(config):
    runs = config.runs()
    assert list(runs) == NAMES
    assert runs["elm-3-20ms-seed1"].options == {"input_dropout": 0.1, "tau_m_max": 500.0}
    assert (runs["gru-8-50ms-seed7"].learning_rate, runs["gru-8-50ms-seed7"].size) == (1e-2, 8)
    assert {fit.steps for fit in runs.values()} == {2}
    assert {fit.steps for fit in config.changed({"steps": 5}).runs().values()} == {5}


def test_every_run_is_scored_and_what_was_stopped_goes_on(config, task, tmp_path, monkeypatch):
    whole = run_task_sweep(config, task, tmp_path / "whole", SCORING)
    assert [each.run for each in whole] == NAMES and not any(each.error for each in whole)

    def stop(done, total, note):
        if done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_task_sweep(config, task, tmp_path / "out", SCORING, report=stop)
    fitted, original = [], module.fit_task
    monkeypatch.setattr(module, "fit_task", lambda c, *a, **k: fitted.append(c) or original(c, *a, **k))
    assert run_task_sweep(None, None, tmp_path / "out", SCORING, resume=True) == whole
    assert len(fitted) == 2
    one, other = (read_task_scores([tmp_path / each / "scores.csv"]) for each in ("out", "whole"))
    assert [each.model_dump() for each in one] == [each.model_dump() for each in other]
    assert [each.name for each in one] == NAMES and all((each.label_n == one[0].label_n).all() for each in one)


def test_a_run_that_fails_stops_no_other(config, task, tmp_path):
    wild = config.models[1].model_copy(update={"settings": {"options": {"pool": "most"}}})
    config = config.model_copy(update={"models": (config.models[0], wild)})
    outcomes = run_task_sweep(config, task, tmp_path / "out", SCORING)
    assert [bool(each.error) for each in outcomes] == [False] * 4 + [True] * 2
    assert "pool" in outcomes[-1].error
    rows = list(csv.DictReader((tmp_path / "out" / "runs.csv").read_text().splitlines()))
    assert [row["status"] for row in rows] == ["done"] * 4 + ["failed"] * 2
    assert len(read_task_scores([tmp_path / "out" / "scores.csv"])) == 4


@pytest.mark.parametrize(
    "text, told",
    [
        ("seeds = [", "cannot be read"),
        ("models = []", "models"),
        ("[[models]]\nfamily = 'tcn'\nsizes = [3]", "model for sequences 'tcn' is not known"),
        ("[[models]]\nfamily = 'elm'\nsizes = [3, 3]", "run elm-3-seed0 is there twice"),
        ("[[models]]\nfamily = 'elm'\nsizes = [0]", "size"),
        ("recipe = 'paper'\n[[models]]\nfamily = 'elm'\nsizes = [3]", "recipe 'paper' is not known"),
        ("settings = {seed = 3}\n[[models]]\nfamily = 'elm'\nsizes = [3]", "'seed' is what runs of a sweep differ in"),
        ("settings = {options = 3}\n[[models]]\nfamily = 'elm'\nsizes = [3]", "options is 3, expected a table"),
        ("[[models]]\nfamily = 'elm'\nsizes = [3]\nsettings = {widht = 3}", "'widht' is not a setting"),
    ],
)
def test_bad_sweeps_are_one_line(tmp_path, text, told):
    (tmp_path / "s.toml").write_text(text)
    with pytest.raises(InputError) as error:
        read_task_sweep(tmp_path / "s.toml").runs()
    assert told in str(error.value) and "\n" not in str(error.value)


def test_a_sweep_goes_on_only_as_it_began(config, task, tmp_path):
    with pytest.raises(InputError, match=r"a \.toml file"):
        read_task_sweep("data-efficiency")
    small = config.model_copy(update={"models": config.models[1:]}).changed({"steps": 1})
    run_task_sweep(small, task, tmp_path / "out", SCORING)
    assert own_task_sweep(tmp_path / "out") == (small, str(task))
    with pytest.raises(InputError, match="exists already; --resume"):
        run_task_sweep(small, task, tmp_path / "out", SCORING)
    with pytest.raises(InputError, match="was started with another sweep"):
        run_task_sweep(small.changed({"steps": 2}), task, tmp_path / "out", SCORING, resume=True)
    toy(tmp_path / "other.zarr", "events", train=40, test=20, seed=5)
    with pytest.raises(InputError, match="was started with another dataset"):
        run_task_sweep(small, tmp_path / "other.zarr", tmp_path / "out", SCORING, resume=True)


def test_scores_of_two_sizes_of_parameters_are_two_models(task, config, tmp_path):
    run_task_sweep(TaskSweep(models=config.models[1:], settings={"steps": 1}), task, tmp_path / "out", SCORING)
    (score, _) = read_task_scores([tmp_path / "out" / "scores.csv"])
    other = score.model_copy(update={"n_parameters": score.n_parameters + 1})
    write_task_scores(tmp_path / "both.csv", [score, other])
    assert len({each.what for each in read_task_scores([tmp_path / "both.csv"])}) == 2
