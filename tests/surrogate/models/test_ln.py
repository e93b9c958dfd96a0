"""The linear-nonlinear model against an explicit convolution, and what separable and linear mean."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from apical.surrogate.kernels.events import Events
from apical.surrogate.models.families import build


def spikes(n_windows, n_ms, n_inputs, seed=0):
    random = np.random.default_rng(seed)
    sign = np.repeat([1, -1], n_inputs // 2)
    return torch.from_numpy(sign * (random.random((n_windows, n_ms, n_inputs)) < 0.2)).float()


def perturbed(n_exponentials, n_inputs, seed=0):
    """A model whose two filters differ."""
    model = build("ln", n_exponentials, n_inputs, seed=seed)
    random = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in (model.c_gn, model.proto_tau_gn):
            parameter.add_(torch.randn(parameter.shape, generator=random))
    return model


def convolution(model, x_ts):
    """Filter, weigh and bend one window with NumPy's convolution."""
    of = {name: tensor.double().numpy() for name, tensor in model.state_dict().items()}
    tau_gn = 1 + 149 / (1 + np.exp(-of["proto_tau_gn"]))
    kappa_gn = np.exp(-1 / tau_gn)
    lags = np.arange(len(x_ts))
    filter_gk = ((of["c_gn"] * np.sqrt(1 - kappa_gn**2))[..., None] * kappa_gn[..., None] ** lags).sum(1)
    u_t = np.zeros(len(x_ts))
    for w, x_t in zip(of["w_s"], x_ts.T, strict=True):
        u_t += w * np.convolve(x_t, filter_gk[0 if x_t.sum() >= 0 else 1])[: len(x_ts)]
    hidden = np.tanh(u_t[:, None] * of["bend.weight"][:, 0] + of["bend.bias"])
    return hidden @ of["readout.weight"].T + of["readout.bias"]


@pytest.mark.parametrize("n_exponentials", [1, 3])
@pytest.mark.parametrize("n_ms", [1, 63, 257])
def test_whole_window_equals_the_convolution(n_exponentials, n_ms):
    model, x_bts = perturbed(n_exponentials, 10), spikes(3, n_ms, 10)
    expected = torch.from_numpy(np.stack([convolution(model, x_ts.double().numpy()) for x_ts in x_bts]))
    for x in (x_bts, Events.from_dense(x_bts)):
        torch.testing.assert_close(model(x).detach().double(), expected, rtol=1e-4, atol=1e-5)


def test_time_constants_start_apart_and_inside_their_bounds():
    """Even logarithms: for three, the sixth, half and five sixths of the way from 1 to 150 ms."""
    tau_gn_ms = build("ln", 3, 10).tau_gn_ms.detach().numpy()
    np.testing.assert_allclose(tau_gn_ms, [[150 ** (1 / 6), 150 ** (1 / 2), 150 ** (5 / 6)]] * 2, rtol=1e-5)


def test_every_exponential_has_the_same_variance_under_random_spikes():
    """White input of variance s² leaves sqrt(1 − kappa²)·sum kappa^k x with variance s², whatever kappa."""
    model = build("ln", 4, 2)
    kappa_gn, peak_gn = (each.detach().double().numpy() for each in model._filters())
    impulse_gnk = (peak_gn / model.c_gn.detach().double().numpy())[..., None] * kappa_gn[..., None] ** np.arange(5000)
    np.testing.assert_allclose((impulse_gnk**2).sum(-1), 1, rtol=1e-4)


def test_it_starts_to_spike_where_the_voltage_is_high():
    y_bto = build("ln", 3, 40, seed=4)(spikes(2, 300, 40)).detach()
    logit, voltage = y_bto[..., 0].flatten(), y_bto[..., 1].flatten()
    assert torch.corrcoef(torch.stack([logit, voltage]))[0, 1] > 0.999
