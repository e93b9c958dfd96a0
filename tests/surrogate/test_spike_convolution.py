"""The convolution over spikes is PyTorch's own convolution, outputs and gradients."""

import pytest
import torch
from torch.nn import functional as F

from apical.surrogate.events import Events
from apical.surrogate.spike_convolution import convolve_spikes


@pytest.mark.parametrize("shape", [(1, 1, 1, 1, 1), (3, 63, 7, 2, 5), (2, 20, 4, 3, 31), (2, 50, 10, 1, 50)])
@pytest.mark.parametrize("density", [0.0, 0.05, 1.0])
def test_equals_conv1d(shape, density):
    n_windows, n_ms, n_inputs, n_channels, kernel_ms = shape
    random = torch.Generator().manual_seed(0)
    x_bts = (torch.rand(n_windows, n_ms, n_inputs, generator=random) < density).double()
    weight = torch.randn(n_channels, n_inputs, kernel_ms, generator=random).double().requires_grad_()
    bias = torch.randn(n_channels, generator=random).double().requires_grad_()
    target = torch.randn(n_windows, n_channels, n_ms, generator=random).double()

    results = []
    for convolve in (sparse, dense):
        weight.grad = bias.grad = None
        y_bct = convolve(x_bts, weight, bias)
        (y_bct * target).sum().backward()
        results.append((y_bct.detach(), weight.grad, bias.grad))
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs)


def sparse(x_bts, weight, bias):
    return convolve_spikes(Events.from_dense(x_bts), weight, bias)


def dense(x_bts, weight, bias):
    return F.conv1d(F.pad(x_bts.transpose(1, 2), (weight.shape[2] - 1, 0)), weight, bias)
