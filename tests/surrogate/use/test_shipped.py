"""Every model that ships is what its file says, and scores on new trials what it says; damage is one line."""

from __future__ import annotations

import shutil
from functools import cache

import numpy as np
import pytest

from apical.analysis import evaluate
from apical.simulate import preset, simulate
from apical.simulate.schema import InputError
from apical.surrogate import Surrogate, predict
from apical.surrogate.models.cost import n_parameters
from apical.surrogate.use import shipped

NEW_TRIALS, NEW_SEED = 24, 20_261_129


@pytest.fixture
def copied(tmp_path, monkeypatch):
    """The folder of a copy of the first model that ships, which is loaded in place of it."""
    name = shipped.names()[0]
    folder = shutil.copytree(shipped.SHIPPED / name, tmp_path / "shipped" / name)
    monkeypatch.setattr(shipped, "SHIPPED", folder.parent)
    return folder


@pytest.mark.parametrize("name", shipped.names())
def test_a_model_is_what_its_file_says(name, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    told, neuron = shipped.about(name), Surrogate.load(name)
    assert told.name == neuron.run == name
    assert (told.n_inputs, told.n_parameters) == (neuron.model.n_inputs, n_parameters(neuron.model))
    assert told.train_trials == neuron.train_trials and not set(neuron.split.test) & set(neuron.split.train)
    for score in (told.roc_auc, told.rmse_mv, told.average_precision):
        assert score.low <= score.value <= score.high
    state = neuron.start()
    for _ in range(200):  # ms in silence
        probability, v_mv, state = neuron.step(np.zeros(told.n_inputs), state)
    assert 0 < probability < 0.01 and -90 < v_mv < -55
    card = shipped.card_of(name)
    assert f'Surrogate.load("{name}")' in card and f"{told.roc_auc.value:.4f}" in card
    assert all(command in card for command in told.commands)


@pytest.fixture(scope="module")
def new_trials(tmp_path_factory):
    """Path of trials of a preset, or of one with another morphology, that no model has seen."""

    @cache
    def of(name, morphology):
        data, changes = tmp_path_factory.mktemp("new") / f"{name}.zarr", {"seed": NEW_SEED}
        if morphology is not None:
            changes["morphology"] = str(morphology)
        return simulate(preset(name).model_copy(update=changes), data, NEW_TRIALS, workers=2)

    return of


@pytest.mark.slow
@pytest.mark.parametrize("name", shipped.names())
def test_on_new_trials_it_scores_what_it_says(name, new_trials, shared, tmp_path):
    """Of so few trials within the width of its interval, which is that of three times as many."""
    told = shipped.about(name)
    reconstruction = shared("data/hay2011/cell1.asc") if told.morphology == "hay2011" else told.morphology
    data = new_trials(told.preset, reconstruction)
    (score,) = evaluate(data, [predict(Surrogate.load(name), data, tmp_path / "predicted.zarr")])
    assert score.n_trials > NEW_TRIALS / 2
    width = told.roc_auc.high - told.roc_auc.low
    assert score.roc_auc > told.roc_auc.low - width
    assert score.rmse_mv < told.rmse_mv.high + (told.rmse_mv.high - told.rmse_mv.low)


@pytest.mark.parametrize("file", ["weights.safetensors", "config.json", "README.md"])
def test_a_damaged_file_is_told(copied, file):
    content = bytearray((copied / file).read_bytes())
    content[-2] ^= 1
    (copied / file).write_bytes(content)
    with pytest.raises(InputError, match=rf"{file}: missing or damaged; apical was not installed whole") as told:
        Surrogate.load(copied.name)
    assert "\n" not in str(told.value)
    (copied / file).unlink()
    with pytest.raises(InputError, match="missing or damaged"):
        Surrogate.load(copied.name)


def test_what_is_said_of_a_model_is_damaged(copied):
    (copied / shipped.ABOUT).write_text("{")
    with pytest.raises(InputError, match=r"about\.json: damaged"):
        Surrogate.load(copied.name)


def test_a_path_comes_before_a_name(copied, monkeypatch):
    monkeypatch.chdir(copied.parent)
    (copied / "README.md").unlink()  # which what ships has to have, and a run has not
    assert Surrogate.load(copied.name).run == copied.name


def test_a_slip_in_a_name_is_told():
    name = shipped.names()[0]
    with pytest.raises(InputError, match=f"no run there, and no model that ships: did you mean '{name}'"):
        Surrogate.load(name[:-1])
    with pytest.raises(InputError, match="does not ship with apical: `apical models` lists"):
        shipped.about("something else entirely")


def test_a_dataset_of_another_cell_names_the_model_that_fits(make_dataset):
    """Of the models that ship the first, on data with as many inputs as the last one reads, and as none does."""
    first = shipped.names()[0]
    others = [name for name in shipped.names() if shipped.about(name).n_inputs != shipped.about(first).n_inputs]
    neuron = Surrogate.load(first)
    with pytest.raises(InputError, match=r"dataset has 16 \(x\.zarr\): choose a dataset of the cell .*$") as told:
        neuron.check_inputs(16, "x.zarr")
    assert "ships" not in str(told.value)
    for name in others:
        with pytest.raises(InputError, match=f"or a model that ships and reads .*{name}"):
            neuron.check_inputs(shipped.about(name).n_inputs, "x.zarr")
