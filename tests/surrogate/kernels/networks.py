"""Small ELM Networks at odd sizes, and all that a path makes of one: for the tests of each against the plain one."""

from __future__ import annotations

import copy

import torch

from apical.surrogate.models.elm_network import ElmNetwork
from apical.surrogate.models.elm_network_config import elm_network

SIZES = {"d_m": 3, "n_branches": 5, "synapses_per_branch": 4, "tau_m_max": 30.0, "input_scale": 3.0}
VARIANTS = {
    "published": {},
    "spiking": {"spiking": True},
    "learned": {"learn_tau_m": True, "lambda_value": 2.0},
    "positive": {"weights": "positive", "input_scale": 0.3},
    "three layers": {"n_layers": 3, "rho": 0.5},
    "hears only its input": {"rho": 0.0},
    "hears almost itself alone": {"rho": 0.99},
}


def network(n_neurons=19, n_inputs=13, n_outputs=3, **options):
    torch.manual_seed(1)
    model = ElmNetwork(elm_network(n_neurons, n_inputs, n_outputs, **SIZES | options))
    with torch.no_grad():
        for layer in model.layers:
            layer.bias.uniform_(-0.1, 0.2)
    return model


def layers_of(model):
    """As `path_of` takes them."""
    return [layer.neurons() for layer in (*model.layers, model.output)]


def given(n_sequences, n_steps, n_inputs=13, share=0.2, seed=5):
    """With other seeds an activity or a u may lie so near its kink that float32 falls on the other side of it."""
    random = torch.Generator().manual_seed(seed)
    x_btc = torch.randn(n_sequences, n_steps, n_inputs, generator=random)
    return x_btc * (torch.rand(n_sequences, n_steps, n_inputs, generator=random) < share)


def outcome(model, x, path, device="cpu"):
    """Outputs, sums, states and every gradient, also that of the start, of a loss in which each has weights of its own.

    The reference runs in float64.
    """
    model.zero_grad()
    if path == "reference":
        model, x = copy.deepcopy(model).double(), x.double()
    model.to(device)
    model.path, dtype = path, model.head.weight.dtype
    random = torch.Generator().manual_seed(5)
    n_sequences = x.shape[0]
    start = [
        torch.rand(each.shape, generator=random).to(device, dtype).requires_grad_()
        for each in model.init_state(n_sequences)
    ]
    mask_bn = (torch.rand(model.masks(n_sequences, 0.0).shape, generator=random) < 0.8).to(device, dtype) / 0.8
    y_bto, state, effort_bn, activity_bn = model.trace(x.to(device), tuple(start), mask_bn)
    made = {"y": y_bto, "effort": effort_bn, "activity": activity_bn}
    made |= {f"state {number}": each for number, each in enumerate(state)}
    loss = sum((each * torch.randn(each.shape, generator=random).to(device)).mean() for each in made.values())
    loss.backward()
    made |= {f"of start {number}": each.grad for number, each in enumerate(start)}
    gradients = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    model.cpu()
    return {name: each.detach().float().cpu() for name, each in (made | gradients).items()}


def assert_same(ours, truth):
    assert ours.keys() == truth.keys()
    for name, expected in truth.items():
        scale = expected.abs().max().clamp(min=1e-3)
        torch.testing.assert_close(
            ours[name] / scale, expected / scale, rtol=0, atol=1e-5, msg=lambda m, n=name: f"{n}: {m}"
        )
