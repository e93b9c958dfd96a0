"""The published checkpoints give the published outputs and gradients."""

import json

import numpy as np
import pytest
import torch

from apical.surrogate.fitting.recipe import Rates
from apical.surrogate.fitting.step import window_loss
from apical.surrogate.models.routing import neuronio_routing
from apical.surrogate.use.checkpoint import load_published_elm
from apical.surrogate.use.published import elm_from_published

PUBLISHED = ["num_memory_5", "num_memory_20", "best_elm_neuron"]
TOLERANCE = 1e-4  # relative to the largest entry of each array; the code reaches about 1e-6


@pytest.fixture(scope="module")
def golden(shared):
    return dict(np.load(shared("data/elm_checkpoints/golden_forward_backward.npz")))


def assert_reproduces(model, golden, name):
    x_bts = np.zeros(golden["input_shape"], np.float32)
    x_bts[tuple(golden["input_index"])] = golden["input_value"]
    y_bto = model(torch.from_numpy(x_bts))
    spike_bt, voltage_bt = (torch.from_numpy(golden[key]) for key in ("target_spike", "target_soma"))
    loss = window_loss(y_bto, spike_bt, voltage_bt, Rates(0.0, 0.5, 0.5, 0.0))
    loss.backward()
    assert_close(y_bto.detach().numpy(), golden[f"{name}/output"])
    assert loss.item() == pytest.approx(float(golden[f"{name}/loss"]), rel=1e-6)
    gradients = {key.rpartition("/")[2]: value for key, value in golden.items() if key.startswith(f"{name}/grad/")}
    assert {key for key, parameter in model.named_parameters() if parameter.requires_grad} == set(gradients)
    for key, parameter in model.named_parameters():
        if key in gradients:
            assert_close(parameter.grad.numpy(), gradients[key])


def assert_close(ours, theirs):
    largest = np.abs(theirs).max()
    assert np.abs(ours - theirs).max() <= TOLERANCE * largest
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5 * largest)  # and each entry by itself


@pytest.mark.parametrize("name", PUBLISHED)
def test_released_checkpoint(shared, golden, name):
    surrogate = load_published_elm(shared(f"data/elm_checkpoints/{name}"))
    assert_reproduces(surrogate.model, golden, f"v1/{name}")
    assert surrogate.name == name and surrogate.trained_on == "NeuronIO"


@pytest.mark.parametrize("name", ["branch_learn_tau", "vanilla_2layer_silu"])
def test_second_version(golden, name):
    prefix = f"v2/{name}/state/"
    state = {k.removeprefix(prefix): torch.from_numpy(v) for k, v in golden.items() if k.startswith(prefix)}
    model = elm_from_published(json.loads(str(golden[f"v2/{name}/config"])), state, name)
    assert model.config.version == 2
    assert_reproduces(model, golden, f"v2/{name}")


def test_routing_and_time_constants_are_the_released_ones(shared):
    folder = shared("data/elm_checkpoints/num_memory_20")
    state = torch.load(folder / "neuronio_best_model_state.pt", weights_only=True, map_location="cpu")
    inputs, valid = neuronio_routing(1278, 45, 100)
    assert (inputs == state["input_to_synapse_indices"].numpy()).all()
    assert (valid == state["valid_indices_mask"].numpy()).all()
    fresh = elm_from_published(json.loads((folder / "model_config.json").read_text()), state, "fresh")
    tau_m_ms = fresh.tau_m_ms.detach().numpy()
    np.testing.assert_allclose(tau_m_ms, np.logspace(0, np.log10(150), 20), rtol=1e-4)
