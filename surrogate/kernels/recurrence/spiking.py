"""A layer of leaky integrate-and-fire neurons, and the trace that a leaky readout has of their spikes.

v_t = leak · kept_{t−1} + drive_t       membrane, in units of the threshold
z_t = 1 where v_t > 1                   spike; its surrogate derivative is 1 / (1 + slope · |v_t − 1|)²
kept_t = v_t − z_t · v_t                a spike puts it back to rest
trace_t = trace_leak · trace_{t−1} + z_t

Surrogate derivative: Zenke & Ganguli 2018, Neural Comput. 30:1514. B windows, T bins, N neurons.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from ..compiled import why_not
from .cpu import call

LANES = 8  # neurons of a vector, as in kernel.cpp
States = tuple[Tensor, Tensor]  # kept and trace, (B, N) each


def spiking_trace(drive_btn: Tensor, leak_n: Tensor, trace_leak: float, slope: float, start: States) -> tuple:
    """Trace of the spikes (B, T, N), and the states after the last bin; compiled where the kernel can."""
    if why_not(drive_btn):
        return reference(drive_btn, leak_n, trace_leak, slope, start)
    n_neurons = len(leak_n)
    silent = 0, -n_neurons % LANES
    drive_btn, leak_n, *start_bn = (F.pad(each, silent) for each in (drive_btn, leak_n, *start))
    trace_btn, kept_bn = SpikingTrace.apply(drive_btn, leak_n, trace_leak, slope, *start_bn)
    trace_btn = trace_btn[..., :n_neurons]
    return trace_btn, (kept_bn[:, :n_neurons], trace_btn[:, -1])


def reference(drive_btn: Tensor, leak_n: Tensor, trace_leak: float, slope: float, start: States) -> tuple:
    """As `spiking_trace`, in plain PyTorch: the truth."""
    kept_bn, trace_bn = start
    traces = []
    for drive_bn in drive_btn.unbind(1):
        v_bn = leak_n * kept_bn + drive_bn
        z_bn = _Spike.apply(v_bn - 1, slope)
        kept_bn = v_bn - z_bn * v_bn
        trace_bn = trace_leak * trace_bn + z_bn
        traces.append(trace_bn)
    return torch.stack(traces, 1), (kept_bn, trace_bn)


class _Spike(torch.autograd.Function):
    @staticmethod
    def forward(ctx, above: Tensor, slope: float) -> Tensor:
        ctx.save_for_backward(above)
        ctx.slope = slope
        return (above > 0).to(above.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: Tensor):
        (above,) = ctx.saved_tensors
        return gradient / (1 + ctx.slope * above.abs()) ** 2, None


class SpikingTrace(torch.autograd.Function):
    """The compiled kernel: trace_btn, and kept_bn after the last bin."""

    @staticmethod
    def forward(ctx, drive_btn, leak_n, trace_leak: float, slope: float, kept_bn, trace_bn) -> tuple[Tensor, Tensor]:
        given = [each.contiguous() for each in (drive_btn, leak_n)]
        start = [each.contiguous() for each in (kept_bn, trace_bn)]
        v_btn, trace_btn, last_bn = torch.empty_like(given[0]), torch.empty_like(given[0]), torch.empty_like(start[0])
        call("spiking_forward", *v_btn.shape, *given, trace_leak, *start, v_btn, trace_btn, last_bn)
        ctx.save_for_backward(given[1], start[0], v_btn)
        ctx.numbers = trace_leak, slope
        return trace_btn, last_bn

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient_btn: Tensor, of_kept_bn: Tensor):
        leak_n, start_bn, v_btn = ctx.saved_tensors
        of_drive_btn = torch.empty_like(v_btn)
        made_bn = [torch.empty_like(start_bn) for _ in range(3)]
        given = gradient_btn.contiguous(), of_kept_bn.contiguous(), leak_n
        call("spiking_backward", *v_btn.shape, *given, *ctx.numbers, start_bn, v_btn, of_drive_btn, *made_bn)
        of_leak_bn, *of_start_bn = made_bn
        return of_drive_btn, of_leak_bn.sum(0), None, None, *of_start_bn
