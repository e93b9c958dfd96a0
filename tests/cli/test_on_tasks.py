"""`apical fit`, `evaluate`, `compare` and `report` on a task of sequences: one front door for both kinds of data."""

import json

import pytest
import torch
from typer.testing import CliRunner

from apical.cli.app import app
from apical.simulate.schema import InputError
from apical.tasks import toy

SMALL = ["--size", "5", "--steps", "2", "--batch", "4"]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A task, two runs on it, and their scores."""
    folder, had = tmp_path_factory.mktemp("on_tasks"), torch.get_num_threads()
    torch.set_num_threads(1)
    toy(folder / "t.zarr", "tokens", train=60, test=20, steps=12)
    for family in ("elm", "gru"):
        run("fit", folder / "t.zarr", "--model", family, *SMALL, "--out", folder / family)
    run("evaluate", folder / "t.zarr", folder / "elm", folder / "gru", "--out", folder / "s.csv")
    yield folder
    torch.set_num_threads(had)


def run(*words):
    done = CliRunner().invoke(app, [*map(str, words)])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.stdout


def test_the_road(made, tmp_path):
    told = run("compare", made / "s.csv", "--out", tmp_path / "f.png", "--table", tmp_path / "t.md")
    assert "elm 5" in told and "gru 5" in told and (tmp_path / "f.png").stat().st_size > 1000
    assert "| toy tokens |" in (tmp_path / "t.md").read_text()
    assert "report:" in run("report", made / "s.csv", "--out", tmp_path / "r.html")
    told = json.loads(run("evaluate", made / "t.zarr", made / "elm", "--json"))
    assert told[0]["family"] == "elm" and 0 <= told[0]["accuracy"] <= 1


def test_a_run_knows_its_own(made):
    assert "fitted; `apical evaluate" in run("fit", "--resume", made / "elm")
    with pytest.raises(InputError, match="was started with batch = 4, now it is 5"):
        run("fit", "--resume", made / "elm", "--batch", "5")


@pytest.mark.parametrize(
    "words, told",
    [
        (["--dendrites", "3"], "--dendrites: is of fits on a simulation"),
        (["--model", "tcn"], "model for sequences 'tcn' is not known"),
        (["--recipe", "paper"], "recipe for sequences 'paper' is not known"),
        (["--size", "7x128"], "size '7x128': of a classifier of sequences it is a whole number"),
        (["--set", "bin_ms=2"], "is of tokens, which take no bin_ms"),
        (["--recipe", "paper-network-enwik8"], "window is a setting of text, which this task is not"),
        (["--set", "widht=2"], "'widht' is not a setting"),
        (["--set", "options.d_m=2"], "'d_m' is not a setting"),
        (["--batch", "1000"], "fewer than a batch of 1000"),
    ],
)
def test_what_does_not_suit_a_task_is_one_line(made, tmp_path, words, told):
    with pytest.raises(InputError) as error:
        run("fit", made / "t.zarr", "--out", tmp_path / "run", *words)
    assert told in str(error.value) and "\n" not in str(error.value) and not (tmp_path / "run").exists()


def test_simulations_and_tasks_are_not_mixed(made, tmp_path):
    with pytest.raises(InputError, match="fitted to one task, got 2"):
        run("fit", made / "t.zarr", made / "t.zarr", "--out", tmp_path / "run")
    with pytest.raises(InputError, match="no run there"):
        run("evaluate", made / "t.zarr", made / "t.zarr", "--json")
    with pytest.raises(InputError, match="--data: is of reports on a simulation"):
        run("report", made / "s.csv", "--data", made / "t.zarr", "--out", tmp_path / "r.html")


@pytest.mark.parametrize(
    "words", [["--exact-spikes"], ["--every-trial"], ["--spike-threshold", "0.5"], ["--published-only"]]
)
def test_what_is_of_simulations_is_not_passed_over(made, tmp_path, words):
    with pytest.raises(InputError, match=f"{words[0]}: is of scores on a simulation"):
        run("evaluate", made / "t.zarr", made / "elm", "--out", tmp_path / "s.csv", *words)


def test_a_sweep(made, tmp_path):
    models = "[[models]]\nfamily = 'elm'\nsizes = [3, 4]\nsettings = {steps = 2, batch = 4}\n"
    (tmp_path / "s.toml").write_text(models)
    told = run("sweep", tmp_path / "s.toml", made / "t.zarr", "--out", tmp_path / "sweep")
    assert "2 of 2 runs done; `apical compare" in told
    assert "elm 4" in run("compare", tmp_path / "sweep" / "scores.csv", "--out", tmp_path / "f.png")
    assert "2 of 2 runs done" in run("sweep", "--resume", tmp_path / "sweep")
    with pytest.raises(InputError, match="--test: is of sweeps on a simulation"):
        run("sweep", tmp_path / "s.toml", made / "t.zarr", "--test", made / "t.zarr", "--out", tmp_path / "other")


@pytest.mark.parametrize(
    "sweep, words, told",
    [
        ("elm-network", [], "takes --budget"),
        ("elm-network", ["--budget", "5x"], "--budget 5x: expected whole numbers"),
        ("elm-network", ["--budget", "9000", "--seeds", "-1"], "--seeds -1: expected whole numbers"),
        ("elm-network", ["--budget", "9"], "no size along n-vs-ke has 9 parameters"),
        ("s.toml", ["--budget", "9000"], "--budget: is of sweep elm-network"),
        ("s.toml", ["--axis", "n-vs-kc"], "--axis: is of sweep elm-network"),
    ],
)
def test_bad_sweeps_of_networks(made, tmp_path, monkeypatch, sweep, words, told):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s.toml").write_text("[[models]]\nfamily = 'elm'\nsizes = [3]\n")
    with pytest.raises(InputError, match=told) as error:
        run("sweep", sweep, made / "t.zarr", "--out", tmp_path / "sweep", *words)
    assert "\n" not in str(error.value) and not (tmp_path / "sweep").exists()


def test_a_sweep_of_networks(made, tmp_path):
    words = ["--budget", "9000", "--seeds", "0", "--set", "steps=1", "--set", "options={n_branches=5}"]
    assert "runs done" in run("sweep", "elm-network", made / "t.zarr", "--out", tmp_path / "s", *words)
    assert ", d_m 3" in run("compare", tmp_path / "s" / "scores.csv", "--out", tmp_path / "f.png")


def test_networks_are_not_of_simulations(tmp_path):
    with pytest.raises(InputError, match="sweep elm-network: is of a task"):
        run("sweep", "elm-network", tmp_path / "none.zarr", "--budget", "9000", "--out", tmp_path / "sweep")


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    """A task of text, and a run on it of each of two families."""
    folder, had = tmp_path_factory.mktemp("book"), torch.get_num_threads()
    torch.set_num_threads(1)
    (folder / "book.txt").write_text("to be or not to be, that is the question. " * 200)
    run("tasks", "make", "characters", folder / "book.txt", "--out", folder / "b.zarr")
    small = ["--steps", "4", "--batch", "4", "--set", "window=50", "--set", "validate_every=2"]
    run("fit", folder / "b.zarr", "--model", "gru", "--size", "8", *small, "--out", folder / "gru")
    shape = "options={d_m=2,n_branches=4,synapses_per_branch=3}"
    network = ["--model", "elm-network", "--recipe", "paper-network-enwik8", "--size", "6", "--set", shape]
    run("fit", folder / "b.zarr", *network, *small, "--out", folder / "network")
    yield folder
    torch.set_num_threads(had)


def test_the_road_of_text(book, tmp_path):
    runs = [book / "gru", book / "network"]
    told = run("evaluate", book / "b.zarr", *runs, "--out", tmp_path / "s.csv", "--figure", tmp_path / "f.png")
    assert (
        "bits: per character, fewer is better" in told
        and "6, d_m 2" in told
        and (tmp_path / "f.png").stat().st_size > 1000
    )
    run("compare", tmp_path / "s.csv", "--out", tmp_path / "g.png", "--table", tmp_path / "t.md")
    assert "| bits per character (fewer is better) |" in (tmp_path / "t.md").read_text()
    assert "report:" in run("report", tmp_path / "s.csv", "--out", tmp_path / "r.html")
    (told,) = json.loads(run("evaluate", book / "b.zarr", book / "gru", "--json"))
    assert 0 < told["bits_per_character"] < 6 and told["n_sequences"] == 8400 - int(8400 * 0.95) - 1
    assert "fitted; `apical evaluate" in run("fit", "--resume", book / "network")


def test_a_sweep_of_networks_on_text(book, tmp_path):
    options = "options={n_branches=5,synapses_per_branch=4}"
    words = ["--budget", "6000", "--seeds", "0", "--set", "steps=1", "--set", "batch=2", "--set", options]
    assert "runs done" in run("sweep", "elm-network", book / "b.zarr", "--out", tmp_path / "s", *words)
    told = run("compare", tmp_path / "s" / "scores.csv", "--out", tmp_path / "f.png", "--table", tmp_path / "t.md")
    assert ", d_m 3" in told and "bits per character" in (tmp_path / "t.md").read_text()


@pytest.mark.parametrize(
    "words, told",
    [
        (["--recipe", "paper-shd"], "bin_ms is a setting of labelled sequences, which this task is not"),
        (["--model", "transformer"], "transformer: has no state that goes on from window to window"),
        (["--set", "window=9000"], "take a smaller batch or window"),
        (["--set", "reset_probability=2"], "reset_probability: Input should be less than or equal to 1"),
    ],
)
def test_what_does_not_suit_text_is_one_line(book, tmp_path, words, told):
    with pytest.raises(InputError) as error:
        run("fit", book / "b.zarr", "--out", tmp_path / "run", *words)
    assert told in str(error.value) and "\n" not in str(error.value) and not (tmp_path / "run").exists()
