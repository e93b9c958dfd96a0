"""The convolution over spikes is PyTorch's own convolution, outputs and gradients, by either path."""

import pytest
import torch
from torch.nn import functional as F

from apical.surrogate.kernels.events import Events
from apical.surrogate.kernels.spike_convolution import SpikeConvolution, bins_outermost, convolve_spikes

# windows, ms, inputs, channels, ms of kernel: each width of block, kernels longer than the window
SHAPES = [(1, 1, 1, 1, 1), (3, 63, 7, 2, 5), (2, 20, 4, 3, 31), (2, 50, 10, 1, 50), (9, 33, 5, 125, 8)]


@pytest.fixture(autouse=True)
def poisoned():
    """What is not written holds NaN, so that nothing can lean on what memory happened to hold."""
    torch.use_deterministic_algorithms(True)
    yield
    torch.use_deterministic_algorithms(False)


def example(shape, density, dtype):
    n_windows, n_ms, n_inputs, n_channels, kernel_ms = shape
    random = torch.Generator().manual_seed(0)
    x_bts = (torch.rand(n_windows, n_ms, n_inputs, generator=random) < density).to(dtype)
    x_bts = x_bts * torch.randint(1, 4, x_bts.shape, generator=random)
    weight = torch.randn(n_channels, n_inputs, kernel_ms, generator=random, dtype=torch.float64).to(dtype)
    bias = torch.randn(n_channels, generator=random, dtype=torch.float64).to(dtype)
    target = torch.randn(n_windows, n_ms, n_channels, generator=random, dtype=torch.float64).to(dtype)
    return x_bts, weight.requires_grad_(), bias.requires_grad_(), target


def outcome(convolve, x, weight, bias, target):
    weight.grad = bias.grad = None
    y_btc = convolve(x, weight, bias)
    (y_btc * target).sum().backward()
    return y_btc.detach(), weight.grad, bias.grad


def dense(x_bts, weight, bias):
    return F.conv1d(F.pad(x_bts.transpose(1, 2), (weight.shape[2] - 1, 0)), weight, bias).transpose(1, 2)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("density", [0.0, 0.05, 1.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])  # the compiled kernel, and a sum of rows
def test_equals_conv1d(shape, density, dtype):
    x_bts, *given = example(shape, density, dtype)
    ours = outcome(convolve_spikes, Events.from_dense(x_bts), *given)
    for mine, theirs in zip(ours, outcome(dense, x_bts, *given), strict=True):
        scale = theirs.abs().max().clamp(min=1)
        torch.testing.assert_close(mine / scale, theirs / scale, rtol=0, atol=2e-6 if dtype == torch.float32 else 1e-12)


def test_the_order_of_a_weight_in_memory_changes_nothing():
    x_bts, weight, bias, target = example((3, 40, 6, 13, 7), 0.1, torch.float32)
    events = Events.from_dense(x_bts)
    outermost = bins_outermost(weight.detach()).requires_grad_()
    assert outermost.stride() == (1, 13, 78) and torch.equal(outermost, weight)
    for one, other in zip(
        outcome(convolve_spikes, events, weight, bias, target),
        outcome(convolve_spikes, events, outermost, bias, target),
        strict=True,
    ):
        assert torch.equal(one, other)


def test_results_do_not_depend_on_the_number_of_threads():
    x_bts, *given = example((5, 60, 20, 70, 9), 0.1, torch.float32)
    events, had = Events.from_dense(x_bts), torch.get_num_threads()
    results = []
    for threads in (1, 2, 3):
        torch.set_num_threads(threads)
        results.append(outcome(convolve_spikes, events, *given))
    torch.set_num_threads(had)
    for other in results[1:]:
        assert all(torch.equal(ours, theirs) for ours, theirs in zip(results[0], other, strict=True))


def test_events_outside_their_windows_are_refused():
    events = Events.from_dense(torch.ones(2, 5, 3))
    events.row_n[-1] = 10
    with pytest.raises(ValueError, match="outside their windows or inputs"):
        SpikeConvolution.apply(torch.ones(4, 3, 2), torch.ones(2), events)
