"""Causal convolution of input spikes, of which one bin in a hundred holds one: only those are multiplied.

B windows, T ms, S inputs, C channels, K ms of kernel.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from .compiled import why_not
from .events import Events
from .recurrence.cpu import call, inside


def convolve_spikes(events: Events, weight_csk: Tensor, bias_c: Tensor) -> Tensor:
    """What Conv1d gives for input padded with K - 1 silent bins before it, channels last: shape (B, T, C).

    Each spike adds its synapse's kernel to the K bins that follow, so the product is with the few spikes there are. The
    compiled kernel does it where it can, soonest for a weight whose bins lie outermost in memory (`bins_outermost`).
    Under autocast elsewhere, a GPU's units for such products take the silence too: of the published first layer 24
    GMAC, 0.1 ms at half of an H100's rate, where the few spikes' rows are 1 GB.
    """
    if not why_not(weight_csk):
        events = events._replace(value_n=events.value_n.float())
        return SpikeConvolution.apply(weight_csk.permute(2, 1, 0), bias_c, events)
    n_windows, n_ms, n_inputs = events.shape
    kernel_ms, kind = weight_csk.shape[2], weight_csk.device.type
    if torch.is_autocast_enabled(kind):
        padded_bst = F.pad(events.dense(torch.get_autocast_dtype(kind)).transpose(1, 2), (kernel_ms - 1, 0))
        return F.conv1d(padded_bst, weight_csk, bias_c).transpose(1, 2)
    by_lag = weight_csk.flip(2).permute(1, 0, 2).reshape(n_inputs, -1)  # Conv1d has the newest bin last
    responses = events.summed(by_lag).view(n_windows, n_ms, -1).transpose(1, 2)
    summed_bct = F.fold(responses, (n_ms + kernel_ms - 1, 1), (kernel_ms, 1))[:, :, :n_ms, 0]
    return summed_bct.transpose(1, 2) + bias_c


def bins_outermost(weight_csk: Tensor) -> Tensor:
    """The same weight, in memory as (K, S, C)."""
    return weight_csk.permute(2, 1, 0).contiguous().permute(2, 1, 0)


class SpikeConvolution(torch.autograd.Function):
    """The compiled kernel: y_btc from events. Gradients of weight and bias only."""

    @staticmethod
    def forward(ctx, weight_ksc: Tensor, bias_c: Tensor, events: Events) -> Tensor:
        events = events.trimmed()
        (n_windows, n_ms, n_inputs), (kernel_ms, n_rows, n_channels) = events.shape, weight_ksc.shape
        if n_rows != n_inputs or not inside(events):
            raise ValueError(f"events of {events.shape} for {n_rows} inputs lie outside their windows or inputs")
        ctx.sizes = (n_windows, n_ms, n_inputs, n_channels, kernel_ms, len(events.row_n))
        ctx.events = tuple(each.contiguous() for each in events[:3])
        y_btc = weight_ksc.new_empty(n_windows, n_ms, n_channels)
        call("spikes_forward", *ctx.sizes, *ctx.events, weight_ksc.contiguous(), bias_c.contiguous(), y_btc)
        return y_btc

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient_btc: Tensor):
        *_, n_inputs, n_channels, kernel_ms, _ = ctx.sizes
        gradient_btc = gradient_btc.contiguous()
        of_weight_ksc = gradient_btc.new_empty(kernel_ms, n_inputs, n_channels)
        call("spikes_backward", *ctx.sizes, *ctx.events, gradient_btc, of_weight_ksc)
        return of_weight_ksc, gradient_btc.sum((0, 1)), None
