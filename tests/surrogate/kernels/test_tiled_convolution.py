"""The convolution by tiles is PyTorch's own convolution, outputs and gradients, and its transforms are exact."""

import pytest
import torch
from torch.nn import functional as F

from apical.surrogate.kernels.tiled_convolution import TiledConvolution, convolve_channels, tile_ms, transforms


@pytest.fixture(autouse=True)
def poisoned():
    """What is not written holds NaN, so that nothing can lean on what memory happened to hold."""
    torch.use_deterministic_algorithms(True)
    yield
    torch.use_deterministic_algorithms(False)


def by_tiles(tile):
    def convolve(x_btc, weight_dck, bias_d):
        return TiledConvolution.apply(x_btc, weight_dck.permute(2, 1, 0), tile) + bias_d

    return convolve


def direct(x_btc, weight_dck, bias_d):
    return F.conv1d(F.pad(x_btc.transpose(1, 2), (weight_dck.shape[2] - 1, 0)), weight_dck, bias_d).transpose(1, 2)


def outcome(convolve, shape, dtype):
    n_windows, n_ms, n_in, n_out, kernel_ms = shape
    random = torch.Generator().manual_seed(0)
    sizes = (n_windows, n_ms, n_in), (n_out, n_in, kernel_ms), (n_out,), (n_windows, n_ms, n_out)
    *given, target = (torch.randn(size, generator=random, dtype=torch.float64).to(dtype) for size in sizes)
    given = [each.requires_grad_() for each in given]
    y_btd = convolve(*given)
    (y_btd * target).sum().backward()
    return [y_btd.detach(), *(each.grad for each in given)]


# tiles that fit the window, that reach past it, that are as short as the kernel; odd and even lengths; kernels that are
# longer than the window
@pytest.mark.parametrize(
    "shape, tile",
    [
        ((1, 1, 1, 1, 1), 1),
        ((3, 61, 7, 2, 5), 9),
        ((2, 40, 4, 3, 10), 10),
        ((2, 40, 3, 4, 11), 20),
        ((2, 12, 5, 6, 31), 31),
        ((2, 60, 3, 3, 6), 17),
    ],
)
def test_any_tile_equals_conv1d(shape, tile):
    theirs = outcome(direct, shape, torch.float64)
    for mine, truth in zip(outcome(by_tiles(tile), shape, torch.float64), theirs, strict=True):
        torch.testing.assert_close(mine, truth, rtol=0, atol=1e-11)


@pytest.mark.parametrize("shape", [(3, 153, 32, 32, 19), (2, 400, 64, 64, 29), (2, 70, 5, 128, 19)])
def test_single_precision_is_as_good_as_conv1d(shape):
    """Both against double precision: the tiles' error is of the same size, not only small."""
    truth = outcome(direct, shape, torch.float64)
    for ours, theirs, exact in zip(
        outcome(convolve_channels, shape, torch.float32), outcome(direct, shape, torch.float32), truth, strict=True
    ):
        ours_off, theirs_off = (float((each - exact).abs().max() / exact.abs().max()) for each in (ours, theirs))
        assert ours_off < max(4 * theirs_off, 1e-6)


@pytest.mark.parametrize("kernel_ms, tiled", [(1, False), (8, False), (9, True), (66, True)])
def test_long_kernels_are_tiled(kernel_ms, tiled):
    y_btc = convolve_channels(torch.zeros(1, 40, 4), torch.ones(4, 4, kernel_ms).requires_grad_(), torch.zeros(4))
    assert (y_btc.grad_fn.next_functions[0][0].name() == "TiledConvolutionBackward") == tiled


def test_the_transforms_are_few_and_small():
    """A product for each of the two real frequencies and three for every other; entries that lose no precision."""
    by = transforms(40, 19, torch.float64, torch.device("cpu"))
    assert [tuple(each.shape) for each in by] == [(86, 58), (86, 19), (40, 86)]
    assert max(float(each.abs().max()) for each in by) <= 2**0.5 + 1e-9
    assert tile_ms(400, 19, 128) == 40
