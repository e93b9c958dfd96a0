"""LSTM and GRU over whole windows, or pieces of them, by the compiled kernel, as PyTorch operations with gradients.

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
    """h_btc, and c_bc after the last bin, from drive_btg, biases included, and the cells' weight w_gc; gates in
    PyTorch's order i, f, g, o. start_h_bc, start_c_bc: before the first bin.
    """

    @staticmethod
    def forward(ctx, drive_btg: Tensor, w_gc: Tensor, start_h_bc: Tensor, start_c_bc: Tensor) -> tuple[Tensor, Tensor]:
        sizes = (*drive_btg.shape[:2], w_gc.shape[1])
        kept, h_btc, last_c_bc = (
            _kept(drive_btg, 6 * sizes[2]),
            drive_btg.new_empty(sizes),
            torch.empty_like(start_c_bc),
        )
        given = [each.contiguous() for each in (drive_btg, w_gc.t(), start_h_bc, start_c_bc)]
        call("lstm_forward", *sizes, *given, kept, h_btc, last_c_bc)
        ctx.save_for_backward(w_gc, start_h_bc, kept, h_btc)
        return h_btc, last_c_bc

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient_btc: Tensor, of_last_c_bc: Tensor):
        w_gc, start_h_bc, kept, h_btc = ctx.saved_tensors
        of_drive_btg = h_btc.new_empty(*h_btc.shape[:2], len(w_gc))
        of_start = torch.empty_like(h_btc[:, 0]), torch.empty_like(h_btc[:, 0])
        given = [each.contiguous() for each in (gradient_btc, of_last_c_bc, w_gc)]
        call("lstm_backward", *h_btc.shape, *given, kept, of_drive_btg, *of_start)
        return of_drive_btg, _of_weight(of_drive_btg, h_btc, start_h_bc), *of_start


class GruTrace(torch.autograd.Function):
    """h_btc from drive_btg, the cells' weight w_gc and their own bias; gates in PyTorch's order r, z, n.

    start_bc: h before the first bin.
    """

    @staticmethod
    def forward(ctx, drive_btg: Tensor, w_gc: Tensor, bias_g: Tensor, start_bc: Tensor) -> Tensor:
        sizes = (*drive_btg.shape[:2], w_gc.shape[1])
        kept, h_btc = _kept(drive_btg, 5 * sizes[2]), drive_btg.new_empty(sizes)
        given = [each.contiguous() for each in (drive_btg, w_gc.t(), bias_g, start_bc)]
        call("gru_forward", *sizes, *given, kept, h_btc)
        ctx.save_for_backward(w_gc, start_bc, kept, h_btc)
        return h_btc

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient_btc: Tensor):
        w_gc, start_bc, kept, h_btc = ctx.saved_tensors
        of_drive_btg, of_q_btg = (h_btc.new_empty(*h_btc.shape[:2], len(w_gc)) for _ in range(2))
        of_start_bc = torch.empty_like(h_btc[:, 0])
        given = gradient_btc.contiguous(), w_gc.contiguous(), kept
        call("gru_backward", *h_btc.shape, *given, of_drive_btg, of_q_btg, of_start_bc)
        return of_drive_btg, _of_weight(of_q_btg, h_btc, start_bc), of_q_btg.sum((0, 1)), of_start_bc


def _kept(drive_btg: Tensor, n_kept: int) -> Tensor:
    """Room for what the gradient needs of each bin, eight windows to the lanes."""
    n_windows, n_ms, _ = drive_btg.shape
    return drive_btg.new_empty(-(-n_windows // LANES), n_ms, n_kept, LANES)


def _of_weight(of_gates_btg: Tensor, h_btc: Tensor, start_bc: Tensor) -> Tensor:
    """Gradient of the weight that the state of the bin before was multiplied by."""
    within = of_gates_btg[:, 1:].flatten(0, 1).t() @ h_btc[:, :-1].flatten(0, 1)
    return within + of_gates_btg[:, 0].t() @ start_bc
