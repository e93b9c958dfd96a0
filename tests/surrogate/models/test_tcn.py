"""The TCN's shape, counts and causality; its layers against a sum written out by hand."""

import numpy as np
import pytest
import torch

from apical.simulate.schema import InputError
from apical.surrogate.models.cost import n_parameters
from apical.surrogate.models.families import assemble, build
from apical.surrogate.models.tcn import TCN, TCNConfig, kernels_for, tcn


def spikes(n_windows, n_ms, n_inputs, seed=0):
    rng = np.random.default_rng(seed)
    return torch.from_numpy(rng.choice([0, 1, -1], p=[0.9, 0.05, 0.05], size=(n_windows, n_ms, n_inputs))).float()


@pytest.mark.parametrize(
    "depth, receptive_field_ms, kernels",
    [(7, 153, (45, *[19] * 6)), (3, 100, (54, 24, 24)), (1, 43, (43,))],  # Beniaguev et al. 2021
)
def test_published_kernels(depth, receptive_field_ms, kernels):
    assert kernels_for(depth, receptive_field_ms) == kernels


@pytest.mark.parametrize("depth", range(1, 12))
def test_kernels_always_span_the_receptive_field(depth):
    assert sum(k - 1 for k in kernels_for(depth, 153)) + 1 == 153


def test_headline_network_has_the_published_number_of_parameters():
    model = TCN(tcn("7x128", 1278, n_dendrite_components=20))
    assert n_parameters(model) == 9_234_582
    moving_averages = sum(b.numel() for name, b in model.named_buffers() if "running" in name)
    assert n_parameters(model) + moving_averages == 9_236_374  # as Keras counts
    assert model.history_ms == 152


def test_output_depends_on_its_receptive_field_only():
    model = assemble(tcn("3x4", 6, receptive_field_ms=20), seed=0).eval()
    x_bts = spikes(1, 80, 6)
    y = model(x_bts)
    changed = x_bts.clone()
    changed[:, 40] = 1 - changed[:, 40].abs()
    differs = (model(changed) != y).any(-1)[0].nonzero().ravel()
    assert differs.min() >= 40 and differs.max() <= 40 + model.history_ms
    assert (differs[0], differs[-1]) == (40, 59)


def test_sign_of_a_spike_does_not_matter():
    model = build("tcn", "2x4", 6, receptive_field_ms=9).eval()
    x_bts = spikes(2, 30, 6)
    torch.testing.assert_close(model(x_bts), model(-x_bts), rtol=0, atol=0)


def test_layer_is_a_causal_sum_then_relu_then_normalisation():
    model = assemble(TCNConfig(n_inputs=3, width=2, kernels_ms=(4,)), seed=0).eval()
    layer = model.layers[0]
    layer.norm.running_mean.copy_(torch.tensor([0.1, -0.2]))
    layer.norm.running_var.copy_(torch.tensor([2.0, 0.5]))
    x_bts = spikes(1, 12, 3)
    w, b = layer.conv.weight.detach().numpy(), layer.conv.bias.detach().numpy()
    x = np.abs(x_bts[0].numpy())
    expected = np.empty((12, 2))
    for t in range(12):
        for c in range(2):
            past = sum(w[c, :, 3 - lag] @ x[t - lag] for lag in range(4) if lag <= t)
            expected[t, c] = (max(past + b[c], 0) - [0.1, -0.2][c]) / np.sqrt([2.0, 0.5][c] + 1e-3)
    heads = np.stack([h.weight.detach().numpy()[0, :, 0] for h in model.heads])
    y = expected @ heads.T + [-2.0, 0.0]  # the published bias of the spike head
    np.testing.assert_allclose(model(x_bts)[0].detach().numpy(), y, atol=1e-5)


def test_three_heads():
    model = build("tcn", "2x4", 6, n_dendrite_components=5, receptive_field_ms=9)
    assert model(spikes(2, 30, 6)).shape == (2, 30, 7)
    assert build("tcn", "2x4", 6, receptive_field_ms=9)(spikes(2, 30, 6)).shape == (2, 30, 2)


def test_published_initial_weights():
    model = build("tcn", "2x64", 200, n_dendrite_components=30)
    # a normal distribution cut at ±2 sd keeps 0.880 of its standard deviation
    assert model.layers[0].conv.weight.std().item() == pytest.approx(0.880 * 0.002, rel=0.02)
    assert model.layers[0].conv.weight.abs().max() <= 0.004
    assert model.dendrites.weight.std().item() == pytest.approx(0.880 * 0.05, rel=0.05)
    assert model.spike.bias.item() == -2.0


@pytest.mark.parametrize("size", ["7", "x128", "7x", "0x4", "7×128", 20])
def test_bad_size(size):
    with pytest.raises(InputError, match="depth x width, such as 7x128"):
        tcn(size, 16)
