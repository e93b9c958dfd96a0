"""Causal convolution of many channels with a fifth of its multiplications: by Fourier transform of short tiles.

The product of two spectra takes one multiplication where a convolution takes one for each bin of the kernel, and it is
this product that pairs every channel in with every channel out. Tiles of some 50 bins overlap by the kernel; real
transforms of them are small matrices, and a product of two complex numbers is three real ones (Gauss). So

    y = inverse · ((tile · x) ⊙ (kernel · w)),    ⊙ a product of matrices (channels in, channels out) per row

Sources: Winograd 1980, "Arithmetic Complexity of Computations"; Mathieu et al. 2014, arXiv 1312.5851.

B windows, T ms, C channels in, D out, K ms of kernel; Q tiles of all windows, each of M bins out and N in; R products.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

TILED_FROM_MS = 9  # shorter kernels gain little, or nothing in a network of few channels; measured on 2 to 128 channels


class Transforms(NamedTuple):
    """Matrices of the three transforms, whose sums of products are exact convolutions."""

    tile_rn: Tensor
    kernel_rk: Tensor
    inverse_mr: Tensor


def convolve_channels(x_btc: Tensor, weight_dck: Tensor, bias_d: Tensor) -> Tensor:
    """What Conv1d gives for input padded with K - 1 silent bins before it, channels last: shape (B, T, D).

    By tiles on a CPU, in full precision; within 1e-6 of Conv1d's largest.
    """
    n_ms, (n_out, _, kernel_ms) = x_btc.shape[1], weight_dck.shape
    if kernel_ms >= TILED_FROM_MS and x_btc.device.type == "cpu" and not torch.is_autocast_enabled("cpu"):
        tile = tile_ms(n_ms, kernel_ms, n_out)
        return TiledConvolution.apply(x_btc, weight_dck.permute(2, 1, 0), tile) + bias_d
    return F.conv1d(F.pad(x_btc.transpose(1, 2), (kernel_ms - 1, 0)), weight_dck, bias_d).transpose(1, 2)


@lru_cache
def tile_ms(n_ms: int, kernel_ms: int, n_channels: int) -> int:
    """Bins out of a tile, with which a window takes the fewest multiplications; it overlaps the next one only."""
    return min(range(kernel_ms, max(n_ms, kernel_ms) + 1), key=lambda tile: _cost(tile, n_ms, kernel_ms, n_channels))


def _cost(tile: int, n_ms: int, kernel_ms: int, n_channels: int) -> int:
    """Multiplications for each channel of a window: both transforms and the product."""
    length = _length(tile, kernel_ms)
    return -(-n_ms // tile) * (3 * length // 2 - 1) * (length + tile + n_channels)


@lru_cache
def transforms(tile: int, kernel_ms: int, dtype: torch.dtype, device: torch.device) -> Transforms:
    """Of M bins out and K of kernel. Discrete Fourier transform of N bins: y = inverse of (spectrum of the tile times
    the conjugate of the kernel's); of every frequency but the first and the last, Gauss's three real products.
    """
    length = _length(tile, kernel_ms)
    turn_n = 2 * math.pi * torch.arange(length, dtype=torch.float64) / length
    of_tile, of_kernel, of_output = [], [], []
    for frequency in range(length // 2 + 1):
        cosine, sine = torch.cos(frequency * turn_n), torch.sin(frequency * turn_n)
        if frequency in (0, length // 2):
            of_tile += [cosine]
            of_kernel += [cosine]
            of_output += [cosine / length]
        else:  # (p - iq)(u + iv), p, u cosine and q, v sine: products u(p - q), p(v - u), -q(u + v)
            of_tile += [cosine - sine, cosine, -sine]
            of_kernel += [cosine, sine - cosine, cosine + sine]
            of_output += [2 * (cosine - sine) / length, -2 * sine / length, -2 * cosine / length]
    made = torch.stack(of_tile), torch.stack(of_kernel)[:, :kernel_ms], torch.stack(of_output)[:, :tile].t()
    return Transforms(*(each.to(device, dtype).contiguous() for each in made))


def _length(tile: int, kernel_ms: int) -> int:
    """Bins into a tile: even, so that two frequencies are real."""
    return 2 * ((tile + kernel_ms) // 2)


class TiledConvolution(torch.autograd.Function):
    """y_btd without its bias."""

    @staticmethod
    def forward(ctx, x_btc: Tensor, weight_kcd: Tensor, tile: int) -> Tensor:
        (n_windows, n_ms, n_in), (kernel_ms, _, n_out) = x_btc.shape, weight_kcd.shape
        by = transforms(tile, kernel_ms, x_btc.dtype, x_btc.device)
        n_tiles, length = -(-n_ms // tile), by.tile_rn.shape[1]
        padded = F.pad(x_btc, (0, 0, kernel_ms - 1, (n_tiles - 1) * tile + length - n_ms - kernel_ms + 1))
        x_nqc = padded.unfold(1, length, tile).permute(3, 0, 1, 2).reshape(length, -1)
        x_rqc = (by.tile_rn @ x_nqc).view(-1, n_windows * n_tiles, n_in)
        weight_rcd = (by.kernel_rk @ weight_kcd.reshape(kernel_ms, -1)).view(-1, n_in, n_out)
        y_mqd = by.inverse_mr @ torch.bmm(x_rqc, weight_rcd).flatten(1)
        ctx.save_for_backward(x_rqc, weight_rcd)
        ctx.by, ctx.shape, ctx.n_tiles = by, x_btc.shape, n_tiles
        y_bqmd = y_mqd.view(tile, n_windows, n_tiles, n_out).permute(1, 2, 0, 3)
        return y_bqmd.reshape(n_windows, -1, n_out)[:, :n_ms]

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient_btd: Tensor):
        (x_rqc, weight_rcd), by = ctx.saved_tensors, ctx.by
        (n_windows, n_ms, n_in), n_tiles, n_out = ctx.shape, ctx.n_tiles, gradient_btd.shape[2]
        tile, kernel_ms = len(by.inverse_mr), by.kernel_rk.shape[1]
        padded = F.pad(gradient_btd, (0, 0, 0, n_tiles * tile - n_ms))
        g_mqd = padded.view(n_windows, n_tiles, tile, n_out).permute(2, 0, 1, 3).reshape(tile, -1)
        g_rqd = (by.inverse_mr.t() @ g_mqd).view(-1, n_windows * n_tiles, n_out)
        of_weight_rcd = torch.bmm(x_rqc.transpose(1, 2), g_rqd)
        of_weight_kcd = (by.kernel_rk.t() @ of_weight_rcd.flatten(1)).view(kernel_ms, n_in, n_out)

        of_x_nqc = by.tile_rn.t() @ torch.bmm(g_rqd, weight_rcd.transpose(1, 2)).flatten(1)
        of_x_bqnc = of_x_nqc.view(-1, n_windows, n_tiles, n_in).permute(1, 2, 0, 3)
        own, shared = of_x_bqnc[:, :, :tile], of_x_bqnc[:, :, tile:]  # with the tile that follows
        of_padded = F.pad(own, (0, 0, 0, 0, 0, 1))
        of_padded[:, 1:, : shared.shape[2]] += shared
        of_x_btc = of_padded.reshape(n_windows, -1, n_in)[:, kernel_ms - 1 : kernel_ms - 1 + n_ms]
        return of_x_btc, of_weight_kcd, None
