"""Fitting on toy tasks: every family learns, a stopped run goes on to the same bits, what is wrong is one line."""

import csv
import math

import pytest
import torch
from safetensors.torch import load_file

from apical.simulate.schema import InputError
from apical.tasks import toy
from apical.tasks.fitting.fit import fit_task
from apical.tasks.fitting.predict import answer
from apical.tasks.fitting.recipe import ARENA, RECIPES, TaskFit, recipe
from apical.tasks.fitting.run_folder import is_task_run, read_task_card
from apical.tasks.schema import is_task

FORMS = ("events", "tokens", "vectors", "towers")
BIN = {"events": {"bin_ms": 50.0}}
SMALL = {
    "elm": {"size": 10, "options": {"tau_m_max": 100.0}},
    "branch-elm": {"size": 10, "options": {"n_branches": 20, "synapses_per_branch": 4, "tau_m_max": 100.0}},
    "elm-network": {"size": 12, "options": {"d_m": 3, "n_branches": 6, "synapses_per_branch": 3, "tau_m_max": 50.0}},
    "lstm": {"size": 16},
    "chrono-lstm": {"size": 16},
    "gru": {"size": 16},
    "transformer": {"size": 16, "options": {"heads": 2, "attention": 8, "hidden": 16, "dropout": 0.0}},
    "snn": {"size": 64, "options": {"synapses": 20}},
}


@pytest.fixture(scope="module")
def tasks(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tasks")
    for form in FORMS[:3]:
        toy(folder / form, form, train=200, test=30, steps=12)
    toy(folder / "towers", towers=2, train=60, test=20, steps=12)
    return folder


def settings(family, form, **changes):
    return recipe("quick", family, **SMALL[family] | BIN.get(form, {}) | {"learning_rate": 1e-2} | changes)


@pytest.fixture(autouse=True)
def one_thread():
    """So small, two would wait for each other."""
    had = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(had)


@pytest.mark.parametrize("family", SMALL)
def test_every_family_learns_what_stands_at_the_beginning(tasks, family, tmp_path):
    options = SMALL[family].get("options", {}) | {"pool": "mean"}
    config = settings(family, "tokens", options=options, steps=40, batch=16, learning_rate=3e-2, validate_every=20)
    run = fit_task(config, tasks / "tokens", tmp_path / "run")
    rows = list(csv.DictReader((run / "log.csv").read_text().splitlines()))
    assert [int(row["step"]) for row in rows] == [20, 40]
    assert float(rows[1]["loss"]) < 0.95 * math.log(10) and float(rows[1]["loss"]) < float(rows[0]["loss"])
    found = answer(run, tasks / "tokens")
    assert found.answers.accuracy > 0.15 and len(found.answers.label_n) == 30
    card = read_task_card(run)
    assert card.model.n_channels == 11 and card.n_parameters > 0
    assert "| validation accuracy |" in (run / "README.md").read_text()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("family", SMALL)
def test_every_family_takes_every_form(tasks, family, form, tmp_path):
    run = fit_task(settings(family, form, steps=2, batch=4), tasks / form, tmp_path / "run")
    assert answer(run, tasks / form).answers.accuracy >= 0
    assert is_task(tasks / form) and is_task_run(run) and not is_task(run) and not is_task_run(tasks / form)


@pytest.mark.parametrize("family", ["elm", "elm-network", "transformer"])
def test_a_stopped_run_goes_on_to_the_same_bits(tasks, family, tmp_path):
    """With dropout, and stopped between two validations."""
    options = {**SMALL[family]["options"], "input_dropout": 0.3}
    if family == "elm-network":
        options |= {"recurrent_dropout": 0.2, "u_penalty": 0.1, "activity_penalty": 0.1}
    config = settings(family, "tokens", options=options, steps=9, batch=4, validate_every=3, optimizer="adamax")
    whole = fit_task(config, tasks / "tokens", tmp_path / "whole")

    class Stop(Exception):
        pass

    def report(progress):
        if progress.step == 5:
            raise Stop

    with pytest.raises(Stop):
        fit_task(config, tasks / "tokens", tmp_path / "stopped", report=report)
    stopped = fit_task(None, None, tmp_path / "stopped", resume=True)
    ours, theirs = (load_file(run / "weights.safetensors") for run in (stopped, whole))
    assert ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)
    logs = [[line.rsplit(",", 1)[0] for line in (run / "log.csv").read_text().splitlines()] for run in (stopped, whole)]
    assert logs[0] == logs[1]


def test_the_best_validation_is_kept(tasks, tmp_path):
    """A learning rate that spoils what was learned: the weights are not those of the last step."""
    seen = []
    config = settings("gru", "tokens", steps=40, batch=16, validate_every=4, patience=3, learning_rate=0.3)
    run = fit_task(config, tasks / "tokens", tmp_path / "run", report=seen.append)
    rows = [float(row["validation_accuracy"]) for row in csv.DictReader((run / "log.csv").read_text().splitlines())]
    found = answer(run, tasks / "tokens", "validation").answers.accuracy
    assert found == pytest.approx(max(rows)) and seen[-1].step == 4 * len(rows)


@pytest.mark.parametrize("spiking", [None, False, True])
def test_a_loss_that_is_no_number_is_one_line(spiking, tasks, tmp_path, monkeypatch):
    """Of an ELM, and of a network in whose layer one weight is none."""

    def spoiled(model, *given):
        with torch.no_grad():
            (model.readout.weight if spiking is None else model.encoder.cell.layers[0].w_ny[0]).fill_(math.nan)
        return step(model, *given)

    from apical.tasks.fitting import labels

    step = labels.take_step
    monkeypatch.setattr(labels, "take_step", spoiled)
    config = settings("elm", "tokens", steps=3, batch=4)
    if spiking is not None:
        options = SMALL["elm-network"]["options"] | {"spiking": spiking}
        config = settings("elm-network", "tokens", steps=3, batch=4, options=options)
    with pytest.raises(InputError, match=r"loss is nan at step 1; no model was kept; fit again with a lower") as error:
        fit_task(config, tasks / "tokens", tmp_path / "run")
    assert "\n" not in str(error.value)


def test_another_run_is_not_resumed_nor_another_task_answered(tasks, tmp_path):
    config = settings("elm", "tokens", steps=1, batch=4)
    run = fit_task(config, tasks / "tokens", tmp_path / "run")
    with pytest.raises(InputError, match="exists already"):
        fit_task(config, tasks / "tokens", run)
    with pytest.raises(InputError, match="was started with batch = 4, now it is 5"):
        fit_task(config.changed({"batch": 5}), tasks / "tokens", run, resume=True)
    with pytest.raises(InputError, match="is not the task that"):
        answer(run, tasks / "vectors")
    with pytest.raises(InputError, match="needs a bin_ms"):
        fit_task(config, tasks / "events", tmp_path / "other")


def test_recipes_are_the_published_ones():
    shd = recipe("paper-shd-adding", "branch-elm")
    assert (shd.bin_ms, shd.batch, shd.epochs, shd.optimizer, shd.learning_rate) == (2, 8, 70, "adamax", 5e-3)
    assert shd.adding and not recipe("paper-shd").adding and shd.options == {"input_dropout": 0.5}
    path_x = recipe("paper-lra-path-x", "elm", options={"lambda_value": 3.0})
    assert (path_x.size, path_x.batch, path_x.levels, path_x.learning_rate) == (150, 768, 8, 2e-4)
    assert path_x.options == {"tau_m_max": 2e4, "tau_s": 150.0, "lambda_value": 3.0}
    assert recipe("paper-lra-text", "chrono-lstm").learning_rate == 1e-3
    assert recipe("paper-lra-listops", "transformer").options["layers"] == 6
    assert len(RECIPES) == 5 + len(ARENA)
    network = recipe("paper-network-shd-adding", "elm-network", options={"d_m": 9})
    assert (network.learning_rate, network.warm_up_steps, network.gradient_clip) == (5e-3, 400, 1.0)
    assert (network.label_smoothing, network.counting, network.bin_ms) == (0.01, "any", 2)
    assert network.adding and network.epochs * 16_000 / network.batch == 140_000
    dropout, penalty = {"input_dropout": 0.2, "recurrent_dropout": 0.2}, {"u_penalty": 0.002, "activity_penalty": 0.2}
    assert network.options == {"d_m": 9} | dropout | penalty
    with pytest.raises(InputError, match="is of elm-network, not lstm; give --model elm-network"):
        recipe("paper-network-shd-adding", "lstm")
    assert (shd.rate(0, 100), shd.rate(50, 100)) == (5e-3, pytest.approx(2.5e-3))
    for what in ({"name": "paper-lra-imgae"}, {"name": "quick", "family": "tcn"}, {"name": "quick", "width": 3}):
        with pytest.raises(InputError):
            recipe(**what)
    with pytest.raises(InputError, match="n_channels"):
        TaskFit.checked("fit settings", {"family": "elm", "options": {"n_channels": 3}})
