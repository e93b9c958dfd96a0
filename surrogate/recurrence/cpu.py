"""The compiled kernel as PyTorch operations with gradients. See README.md; reference.py is the truth.

B windows, T ms, S inputs, K branches, H hidden units, M memory units.
"""

from __future__ import annotations

import ctypes

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from ..events import Events
from .compiled import kernel

ACTIVATIONS = {nn.ReLU: 0, nn.SiLU: 1}
PARTS = 4  # sums of the synapses' gradient that are made side by side


class BranchStates(torch.autograd.Function):
    """b_btk from events: b_t = kappa·b_{t-1} + x_t · w_sk. Gradient of w_sk only."""

    @staticmethod
    def forward(ctx, w_sk: Tensor, kappa_k: Tensor, events: Events) -> Tensor:
        (n_windows, n_ms, n_inputs), n_branches = events.shape, w_sk.shape[1]
        if len(w_sk) != n_inputs or not _inside(events):
            raise ValueError(f"events of {events.shape} for {len(w_sk)} inputs lie outside their windows or inputs")
        first_b, w_sk, kappa_k = events.first_of_windows(), w_sk.contiguous(), kappa_k.contiguous()
        b_btk = w_sk.new_empty(n_windows, n_ms, n_branches)
        sizes, inputs = (n_windows, n_ms, n_branches), (first_b, events.row_n, events.input_n, events.value_n)
        _call("branch_forward", *sizes, *inputs, w_sk, kappa_k, b_btk)
        ctx.save_for_backward(kappa_k, *inputs)
        ctx.shape = w_sk.shape
        return b_btk

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient_btk: Tensor):
        kappa_k, *inputs = ctx.saved_tensors
        gradient_btk = gradient_btk.contiguous().clone()  # becomes the gradient of the drive
        parts = gradient_btk.new_empty(min(PARTS, len(gradient_btk)), *ctx.shape)
        sizes = (*gradient_btk.shape[:2], *ctx.shape, len(parts))
        _call("branch_backward", *sizes, *inputs, kappa_k, gradient_btk, parts)
        return parts.sum(0), None, None


class MemoryTrace(torch.autograd.Function):
    """m_btm from the branches' share of the hidden layer, drive_bth; see `memory_forward` of the kernel."""

    @staticmethod
    def forward(ctx, drive_bth, w_hm, w_mh, bias_m, kappa_m, gain_m, activation: int) -> Tensor:
        """w_hm (H, M): hidden from memory. w_mh (M, H): memory from hidden."""
        drive_bth, w_hm, w_mh = drive_bth.contiguous(), w_hm.contiguous(), w_mh.contiguous()
        n_windows, n_ms, n_hidden = drive_bth.shape
        a_bth = torch.empty_like(drive_bth)
        d_btm = drive_bth.new_empty(n_windows, n_ms, len(kappa_m))
        m_btm = torch.empty_like(d_btm)
        turned = w_hm.t().contiguous(), w_mh.t().contiguous()
        vectors = [each.contiguous() for each in (bias_m, kappa_m, gain_m)]
        sizes = (n_windows, n_ms, n_hidden, len(kappa_m))
        _call("memory_forward", *sizes, drive_bth, *turned, *vectors, activation, a_bth, d_btm, m_btm)
        ctx.save_for_backward(w_hm, w_mh, *vectors[1:], a_bth, d_btm, m_btm)
        ctx.activation = activation
        return m_btm

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient_btm: Tensor):
        w_hm, w_mh, kappa_m, gain_m, a_bth, d_btm, m_btm = ctx.saved_tensors
        before_bth, before_btm = torch.empty_like(a_bth), torch.empty_like(d_btm)
        of_kappa_bm, of_gain_bm = (m_btm.new_empty(len(m_btm), len(kappa_m)) for _ in range(2))
        arrays = gradient_btm.contiguous(), w_hm, w_mh, kappa_m, gain_m
        made = a_bth, d_btm, m_btm, before_bth, before_btm, of_kappa_bm, of_gain_bm
        _call("memory_backward", *a_bth.shape, len(kappa_m), *arrays, ctx.activation, *made)
        h_rh = (torch.relu if ctx.activation == ACTIVATIONS[nn.ReLU] else nn.functional.silu)(a_bth).flatten(0, 1)
        of_w_mh = before_btm.flatten(0, 1).t() @ h_rh
        kept_btm = kappa_m * m_btm[:, :-1]
        of_w_hm = before_bth[:, 1:].flatten(0, 1).t() @ kept_btm.flatten(0, 1)
        of_bias = before_btm.sum((0, 1))
        return before_bth, of_w_hm, of_w_mh, of_bias, of_kappa_bm.sum(0), of_gain_bm.sum(0), None


def _inside(events: Events) -> bool:
    """Whether the kernel, which does not look, may go where the events say."""
    (n_windows, n_ms, n_inputs), n_events = events.shape, len(events.row_n)
    types = (events.row_n.dtype, events.input_n.dtype, events.value_n.dtype)
    if types != (torch.int32, torch.int32, torch.float32) or not len(events.input_n) == len(events.value_n) == n_events:
        return False
    if not n_events:
        return True
    (first, last), (low, high) = (torch.aminmax(each) for each in (events.row_n, events.input_n))
    return bool(first >= 0 and last < n_windows * n_ms and low >= 0 and high < n_inputs)


def _call(name: str, *arguments: int | Tensor) -> None:
    """Call a function of the kernel; the number of threads, which all of them take last, is PyTorch's."""
    given = [
        ctypes.c_void_p(each.data_ptr()) if isinstance(each, Tensor) else ctypes.c_int64(each) for each in arguments
    ]
    getattr(kernel(), name)(*given, ctypes.c_int64(torch.get_num_threads()))
