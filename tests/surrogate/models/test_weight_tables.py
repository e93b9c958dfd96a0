"""Weights out of fewer numbers: the network is the one whose every synapse has the weight that these stand for."""

import numpy as np
import pytest
import torch

from apical.surrogate.models.cost import n_parameters
from apical.surrogate.models.elm import ELMConfig
from apical.surrogate.models.families import assemble

SHAPE = {"n_inputs": 34, "d_m": 7, "n_branches": 5, "synapses_per_branch": 9}
N_WEIGHTS = {"weight_knots": 2 * 5 * 4, "weight_rank": 4 * (5 + 9)}


def spikes(*shape):
    return torch.randint(-1, 2, shape, generator=torch.Generator().manual_seed(0)).float()


def weights_by_hand(few, inhibitory_y):
    """(5, 9), by NumPy's own interpolation and product; what falls below 0 is 0."""
    if few.config.weight_rank is not None:
        return np.maximum(few._proto_w_s.detach().numpy() @ few._proto_place_w_s.detach().numpy(), 0)
    knots, at = np.maximum(few._proto_w_s.detach().numpy().reshape(5, 2, 4), 0), np.linspace(0, 3, 9)
    both = np.array([[np.interp(at, range(4), knots[k, sign]) for sign in (0, 1)] for k in range(5)])
    return np.where(inhibitory_y.numpy().reshape(5, 9), both[:, 1], both[:, 0])


@pytest.mark.parametrize("option", N_WEIGHTS)
def test_it_is_the_network_with_these_weights(option):
    few, own = (assemble(ELMConfig(**SHAPE, **more), seed=1) for more in ({option: 4}, {}))
    random = torch.Generator().manual_seed(3)
    for name in few.state_dict().keys() & {"_proto_w_s", "_proto_place_w_s"}:
        few.get_parameter(name).data.normal_(0.3, 0.5, generator=random)
    own.mlp.load_state_dict(few.mlp.state_dict()), own.w_y.load_state_dict(few.w_y.state_dict())
    own._proto_w_s.data = torch.from_numpy(weights_by_hand(few, own.input_to_synapse_indices >= 17)).float().flatten()
    assert 0 < int((own._proto_w_s == 0).sum()) < 40
    x_bts = spikes(3, 63, 34)
    torch.testing.assert_close(few(x_bts), own(x_bts), rtol=1e-5, atol=1e-5)
    assert n_parameters(own) - n_parameters(few) == 45 - N_WEIGHTS[option]


@pytest.mark.parametrize("option", N_WEIGHTS)
def test_all_of_them_can_be_learned(option):
    """Each has a gradient, at the latest when what it is multiplied by is no longer nothing."""
    target, few = (assemble(ELMConfig(**SHAPE, **{option: 2}), seed=1) for _ in range(2))
    for name in target.state_dict().keys() & {"_proto_w_s", "_proto_place_w_s"}:
        target.get_parameter(name).data.uniform_(0.2, 1.0, generator=torch.Generator().manual_seed(2))
    few.mlp.load_state_dict(target.mlp.state_dict()), few.w_y.load_state_dict(target.w_y.state_dict())
    trained = [few.get_parameter(name) for name in few.state_dict().keys() & {"_proto_w_s", "_proto_place_w_s"}]
    optimizer = torch.optim.Adam(trained, lr=0.02)
    x_bts = spikes(4, 80, 34)
    with torch.no_grad():
        y_bto = target(x_bts)
    losses = []
    for _ in range(150):
        loss = (few(x_bts) - y_bto).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.02 * losses[0]
    assert all(parameter.grad.any() for parameter in trained)


@pytest.mark.parametrize("option", N_WEIGHTS)
def test_at_first_every_weight_is_the_initial_one(option):
    model = assemble(ELMConfig(**SHAPE, **{option: 3}, w_s_init=0.25), seed=1)
    torch.testing.assert_close(model.neuron().w_y, torch.full((45,), 0.25))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"weight_rank": 2, "share_weights": True}, "share_weights and weight_rank are two ways to have fewer weights"),
        ({"weight_knots": 2, "weight_rank": 2}, "weight_knots and weight_rank are two ways"),
        ({"weight_rank": 2, "n_branches": None}, "weight_rank takes branches"),
        ({"weight_knots": 2, "routing": "random"}, "weight_knots takes routing neuronio"),
        ({"weight_knots": 1}, "greater than or equal to 2"),
        ({"weight_rank": 0}, "greater than or equal to 1"),
        ({"kept_branches": (0, 5)}, r"kept_branches is \(0, 5\), expected some of 5"),
        ({"kept_branches": (3, 1)}, r"kept_branches is \(3, 1\)"),
        ({"kept_branches": ()}, r"kept_branches is \(\)"),
        ({"kept_branches": (0,), "n_branches": None}, "kept_branches is"),
    ],
)
def test_what_does_not_go_together_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        ELMConfig(**SHAPE | changes)
