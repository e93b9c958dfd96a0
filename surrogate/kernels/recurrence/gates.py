"""LSTM and GRU over whole windows from rest by the compiled kernel, as PyTorch operations with gradients.

Only the cells' own product waits for the bin before; what the input adds to the gates, `drive`, is known for the whole
window. torch.nn.LSTM and torch.nn.GRU are the truth. B windows, T ms, C cells, G gates' cells (4C or 3C).
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from .cpu import call

LANES = 8  # windows side by side, as in kernel.cpp


class LstmTrace(torch.autograd.Function):
    """h_btc from drive_btg, biases included, and the cells' weight w_gc; gates in PyTorch's order i, f, g, o."""

    @staticmethod
    def forward(ctx, drive_btg: Tensor, w_gc: Tensor) -> Tensor:
        sizes = (*drive_btg.shape[:2], w_gc.shape[1])
        kept, h_btc = _kept(drive_btg, 6 * sizes[2]), drive_btg.new_empty(sizes)
        call("lstm_forward", *sizes, drive_btg.contiguous(), w_gc.t().contiguous(), kept, h_btc)
        ctx.save_for_backward(w_gc, kept, h_btc)
        return h_btc

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient_btc: Tensor):
        w_gc, kept, h_btc = ctx.saved_tensors
        of_drive_btg = h_btc.new_empty(*h_btc.shape[:2], len(w_gc))
        call("lstm_backward", *h_btc.shape, gradient_btc.contiguous(), w_gc.contiguous(), kept, of_drive_btg)
        return of_drive_btg, _of_weight(of_drive_btg, h_btc)


class GruTrace(torch.autograd.Function):
    """h_btc from drive_btg, the cells' weight w_gc and their own bias; gates in PyTorch's order r, z, n."""

    @staticmethod
    def forward(ctx, drive_btg: Tensor, w_gc: Tensor, bias_g: Tensor) -> Tensor:
        sizes = (*drive_btg.shape[:2], w_gc.shape[1])
        kept, h_btc = _kept(drive_btg, 5 * sizes[2]), drive_btg.new_empty(sizes)
        weights = w_gc.t().contiguous(), bias_g.contiguous()
        call("gru_forward", *sizes, drive_btg.contiguous(), *weights, kept, h_btc)
        ctx.save_for_backward(w_gc, kept, h_btc)
        return h_btc

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient_btc: Tensor):
        w_gc, kept, h_btc = ctx.saved_tensors
        of_drive_btg, of_q_btg = (h_btc.new_empty(*h_btc.shape[:2], len(w_gc)) for _ in range(2))
        call("gru_backward", *h_btc.shape, gradient_btc.contiguous(), w_gc.contiguous(), kept, of_drive_btg, of_q_btg)
        return of_drive_btg, _of_weight(of_q_btg, h_btc), of_q_btg.sum((0, 1))


def _kept(drive_btg: Tensor, n_kept: int) -> Tensor:
    """Room for what the gradient needs of each bin, eight windows to the lanes."""
    n_windows, n_ms, _ = drive_btg.shape
    return drive_btg.new_empty(-(-n_windows // LANES), n_ms, n_kept, LANES)


def _of_weight(of_gates_btg: Tensor, h_btc: Tensor) -> Tensor:
    """Gradient of the weight that the state of the bin before was multiplied by."""
    return of_gates_btg[:, 1:].flatten(0, 1).t() @ h_btc[:, :-1].flatten(0, 1)
