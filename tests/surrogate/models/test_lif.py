"""LIF and ALIF against their equations bin by bin, spikes worked by hand, and what a gradient must do."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

from apical.surrogate.kernels.events import Events
from apical.surrogate.models.families import build
from apical.surrogate.models.lif import SOFTNESS, THETA


def spikes(n_windows, n_ms, n_inputs):
    random = torch.Generator().manual_seed(0)
    return torch.randint(-1, 2, (n_windows, n_ms, n_inputs), generator=random).float()


def exciting(family, weight=0.5, n_inputs=12):
    """A neuron whose inputs make it fire often."""
    model = build(family, 1, n_inputs)
    with torch.no_grad():
        model.w_s.copy_(weight * torch.linspace(-0.3, 1, n_inputs))
        model.rest.fill_(0.3)
    return model


def equations(model, x_bts):
    """The equations of lif.py, one number after the other, in Python's floats; outputs and number of spikes."""
    weights, rest, theta = model.w_s.tolist(), model.rest.item(), model.theta.item()
    kappa, rho = math.exp(-1 / model.tau_ms.item()), math.exp(-1 / model.config.tau_adaptation_ms)
    # beta is kept in units of SOFTNESS
    beta = SOFTNESS * math.log1p(math.exp(model.proto_beta.item())) if model.config.family == "alif" else 0.0
    outputs, n_spikes = [], 0
    for x_ts in x_bts.tolist():
        v, a, z = rest, 0.0, 0
        for x_s in x_ts:
            v = rest + kappa * (1 - z) * (v - rest) + sum(w * x for w, x in zip(weights, x_s, strict=True))
            a = rho * a + z
            z = int(v > theta + beta * a)
            n_spikes += z
            outputs.append([(v - theta - beta * a) / SOFTNESS, v])
    return torch.tensor(outputs).view(*x_bts.shape[:2], 2), n_spikes


@pytest.mark.parametrize("family", ["lif", "alif"])
@pytest.mark.parametrize("n_windows, n_ms", [(1, 1), (3, 63), (2, 257)])
def test_whole_window_equals_the_equations(family, n_windows, n_ms):
    model, x_bts = exciting(family), spikes(n_windows, n_ms, 12)
    expected, n_spikes = equations(model, x_bts)
    assert n_ms == 1 or n_spikes > 5
    for x in (x_bts, Events.from_dense(x_bts)):
        torch.testing.assert_close(model(x), expected, rtol=1e-4, atol=1e-5)


def test_an_alif_whose_threshold_does_not_rise_is_a_lif():
    """… and with each spike that raises it, it fires less."""
    plain, adaptive, x_bts = exciting("lif"), exciting("alif"), spikes(2, 200, 12)
    raised = (adaptive(x_bts)[..., 0] > 0).sum()
    with torch.no_grad():
        adaptive.proto_beta.fill_(-1e4)
    assert torch.equal(adaptive(x_bts), plain(x_bts))
    assert 0 < raised < (plain(x_bts)[..., 0] > 0).sum()


def test_spikes_under_constant_input_are_those_of_the_closed_form():
    """v climbs as I·(1 − kappa^n)/(1 − kappa), past theta after log(1 − theta·(1 − kappa)/I)/log(kappa) bins."""
    model, current = build("lif", 1, 1), 0.2
    with torch.no_grad():
        model.w_s.fill_(current)
    kappa = math.exp(-1 / model.tau_ms.item())
    period = math.ceil(math.log(1 - THETA * (1 - kappa) / current) / math.log(kappa))
    fired = (model(torch.ones(1, 200, 1))[0, :, 0] > 0).nonzero()[:, 0]
    assert fired.tolist() == list(range(period - 1, 200, period)) and len(fired) > 5


def test_below_threshold_it_is_an_exponential_filter():
    model = build("lif", 1, 1)
    with torch.no_grad():
        model.w_s.fill_(0.1)
    x_bts = torch.zeros(1, 60, 1)
    x_bts[0, 7] = 1
    expected = torch.cat([torch.zeros(7), 0.1 * torch.exp(-torch.arange(53) / model.tau_ms.detach())])
    torch.testing.assert_close(model(x_bts)[0, :, 1], expected)


@pytest.mark.parametrize("family", ["lif", "alif"])
def test_gradients_are_those_of_the_sigmoid_in_place_of_the_spike(family):
    """Written out with z = sigmoid in the derivative only, in float64, and differentiated by PyTorch."""
    model, x_bts = exciting(family).double(), spikes(2, 40, 12).double()
    weight = torch.randn(2, 40, 2, generator=torch.Generator().manual_seed(1)).double()
    parameters = list(model.parameters())
    ours = torch.autograd.grad((model(x_bts) * weight).sum(), parameters)

    kappa, rho = torch.exp(-1 / model.tau_ms), math.exp(-1 / model.config.tau_adaptation_ms)
    beta = SOFTNESS * F.softplus(model.proto_beta) if family == "alif" else 0.0
    v, a, z, total = model.rest.expand(2), torch.zeros(2).double(), torch.zeros(2).double(), 0.0
    for t in range(40):
        v = model.rest + kappa * (1 - z) * (v - model.rest) + x_bts[:, t] @ model.w_s
        a = rho * a + z
        logit = (v - model.theta - beta * a) / SOFTNESS
        z = SurrogateSpike.apply(logit)
        total = total + (weight[:, t] * torch.stack([logit, v], 1)).sum()
    for mine, theirs in zip(ours, torch.autograd.grad(total, parameters), strict=True):
        assert theirs.any()
        torch.testing.assert_close(mine, theirs)


class SurrogateSpike(torch.autograd.Function):
    @staticmethod
    def forward(ctx, logit):
        ctx.save_for_backward(logit)
        return (logit > 0).to(logit.dtype)

    @staticmethod
    def backward(ctx, gradient):
        p = 1 / (1 + torch.exp(-ctx.saved_tensors[0]))
        return gradient * p * (1 - p)


@pytest.mark.parametrize("proto", [-1e3, 1e3])
def test_no_optimizer_drives_the_time_constant_out_of_its_bounds(proto):
    model = build("lif", 1, 12)
    with torch.no_grad():
        model.proto_tau.fill_(proto)
    assert 1 <= model.tau_ms.item() <= 150
    assert model(spikes(2, 300, 12)).isfinite().all()


def test_the_threshold_set_from_a_rate_goes_with_the_weights():
    model = build("lif", 1, 12)
    model.set_spike_bias(-5.0)
    other = build("lif", 1, 12, seed=9)
    other.load_state_dict(model.state_dict())
    assert other(torch.zeros(1, 1, 12))[0, 0, 0].item() == pytest.approx(-5, rel=1e-5)
