"""Runs and published checkpoints load, and what is damaged, foreign or malicious is refused in one line."""

import json
import pickle
import shutil

import numpy as np
import pytest
import torch

from apical.simulate.schema import InputError
from apical.surrogate.fitting.fit import FitConfig, fit
from apical.surrogate.use.checkpoint import Surrogate, load_published_elm, load_run


@pytest.fixture
def run(make_dataset, tmp_path):
    config = FitConfig(family="elm", size=3, steps=2, batch=2, window_ms=60, burn_in_ms=10, validate_every=1)
    return fit(config, make_dataset(), tmp_path / "run", device="cpu")


@pytest.fixture
def published(published_elm, tmp_path):
    """A small checkpoint laid out as the published ones, and its model."""
    return tmp_path / "num_memory_3", published_elm(tmp_path / "num_memory_3")


def one_line(call, *args):
    with pytest.raises(InputError) as error:
        call(*args)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_a_run_loads_as_it_was_saved(run):
    surrogate = load_run(run)
    assert (surrogate.family, surrogate.size, surrogate.name) == ("branch-elm", 3, "elm-3")
    assert surrogate.trained_on == "made-up-0-8" and not surrogate.model.training
    assert surrogate.describe()["n_parameters"] == 4823  # the published count: 16 inputs share the 45 × 100 synapses


def test_number_of_inputs_is_checked(run):
    surrogate = load_run(run)
    surrogate.check_inputs(16, "data.zarr")
    message = one_line(surrogate.check_inputs, 1820, "data.zarr")
    assert "checkpoint expects 16 inputs, dataset has 1820" in message


def test_a_run_that_is_not_one(run, tmp_path):
    assert "no run there" in one_line(load_run, tmp_path / "nowhere")
    (run / "weights.safetensors").write_bytes(b"\0" * 100)
    assert "weights.safetensors: damaged" in one_line(load_run, run)
    (run / "weights.safetensors").unlink()
    assert "not there yet" in one_line(load_run, run)
    (run / "config.json").write_text('{"apical_run": 1}')
    assert "not written by this version" in one_line(load_run, run)


def test_a_run_of_another_version(run):
    card = json.loads((run / "config.json").read_text())
    (run / "config.json").write_text(json.dumps(card | {"apical_run": 7}))
    assert "a run of version 7, this apical reads version 1; fit it again" in one_line(load_run, run)


def test_a_run_of_an_earlier_apical_loads_but_does_not_know_its_signs(run):
    card = json.loads((run / "config.json").read_text())
    del card["input_signs"]
    (run / "config.json").write_text(json.dumps(card))
    surrogate = load_run(run)
    with pytest.raises(InputError, match="does not say which inputs are excitatory"):
        _ = surrogate.sign_s


def test_one_door_for_every_folder(run, published):
    folder, model = published
    x_bts = torch.ones(1, 20, 12)
    torch.testing.assert_close(Surrogate.load(folder).model(x_bts), model(x_bts), rtol=0, atol=0)
    ours = Surrogate.load(str(run))
    assert (ours.name, ours.run) == ("elm-3", str(run))
    assert ours.sign_s.tolist() == 8 * [1] + 8 * [-1] and ours.sign_s.dtype == np.int8
    assert "no run there" in one_line(Surrogate.load, run.parent)


def test_bin_by_bin_in_numpy_is_the_whole_window_in_torch(run):
    surrogate, rng = load_run(run), np.random.default_rng(0)
    input_ts = rng.choice([-1, 0, 1], size=(40, 16), p=[0.1, 0.8, 0.1])
    with torch.inference_mode():
        logit_t, scaled_t = surrogate.model(torch.from_numpy(input_ts).float()[None])[0].numpy().T.astype(float)
    state, told = surrogate.start(), []
    for input_s in input_ts:
        spike_probability, v_mv, state = surrogate.step(input_s, state)
        told.append((spike_probability, v_mv))
    expected = np.stack([1 / (1 + np.exp(-logit_t)), 10 * scaled_t - 67.7], axis=1)
    np.testing.assert_allclose(told, expected, rtol=1e-5)
    assert all(type(value) is float for value in told[0])


def test_weights_of_another_model(run):
    card = json.loads((run / "config.json").read_text())
    card["model"]["d_m"] = 7
    (run / "config.json").write_text(json.dumps(card))
    assert "damaged, or not the weights that config.json describes" in one_line(load_run, run)


def test_published_layout(published):
    folder, model = published
    surrogate = load_published_elm(folder)
    x_bts = torch.ones(1, 20, 12)
    torch.testing.assert_close(surrogate.model(x_bts), model(x_bts), rtol=0, atol=0)
    assert (surrogate.name, surrogate.size, surrogate.split) == ("num_memory_3", 3, None)


class Malice:
    def __reduce__(self):
        return (open, ("owned", "w"))


@pytest.mark.parametrize("write", [torch.save, lambda thing, path: path.write_bytes(pickle.dumps(thing))])
def test_a_pickle_that_would_run_code_is_refused_unrun(published, monkeypatch, tmp_path, write):
    folder, _ = published
    monkeypatch.chdir(tmp_path)
    write({"_proto_w_s": Malice()}, folder / "neuronio_best_model_state.pt")
    assert "refused" in one_line(load_published_elm, folder)
    assert not (tmp_path / "owned").exists()


def test_malice_in_the_state_to_resume_from(run, make_dataset, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    torch.save({"step": Malice()}, run / "state.pt")
    config = FitConfig(family="elm", size=3, steps=2, batch=2, window_ms=60, burn_in_ms=10, validate_every=1)
    with pytest.raises(InputError, match="refused"):
        fit(config, tmp_path / "truth.zarr", run, resume=True)
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize("state", [{"step": 1}, {"step": 1, "model": {}, "optimizer": {}, "log": []}])
def test_a_state_to_resume_from_that_is_of_no_run(run, tmp_path, state):
    torch.save(state, run / "state.pt")
    config = FitConfig(family="elm", size=3, steps=2, batch=2, window_ms=60, burn_in_ms=10, validate_every=1)
    with pytest.raises(InputError, match=r"state.pt: is not of this run; --overwrite fits it from the start"):
        fit(config, tmp_path / "truth.zarr", run, resume=True)


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04 cut short"])
def test_weights_that_cannot_be_read(published, content):
    folder, _ = published
    (folder / "neuronio_best_model_state.pt").write_bytes(content)
    message = one_line(load_published_elm, folder)
    assert "neuronio_best_model_state.pt" in message


def test_weights_that_are_no_state_dict(published):
    folder, _ = published
    torch.save(torch.ones(3), folder / "neuronio_best_model_state.pt")
    assert "holds a Tensor, expected weights by name" in one_line(load_published_elm, folder)


def test_foreign_folders(published, tmp_path):
    folder, _ = published
    assert "model_config.json: cannot be read" in one_line(load_published_elm, tmp_path)
    shutil.copy(folder / "neuronio_best_model_state.pt", folder / "other_state.pt")
    assert "has 2 files *_state.pt, expected one" in one_line(load_published_elm, folder)
    (folder / "other_state.pt").unlink()
    (folder / "model_config.json").write_text("{")
    assert "is not JSON" in one_line(load_published_elm, folder)
    (folder / "model_config.json").write_text('{"hidden": 3}')
    assert "num_memory_3" in one_line(load_published_elm, folder)
    (folder / "model_config.json").write_text('{"num_input": 12, "num_memory": 4}')
    assert "are not those of the ELM" in one_line(load_published_elm, folder)


def test_time_constants_that_differ_within_a_branch(published):
    folder, model = published
    state = model.state_dict()
    state["tau_s"][1] = 9.0
    torch.save(state, folder / "neuronio_best_model_state.pt")
    assert "differ in tau_s" in one_line(load_published_elm, folder)
