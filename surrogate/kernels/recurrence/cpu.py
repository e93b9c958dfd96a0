"""The compiled kernel as PyTorch operations with gradients. See README.md; reference.py is the truth.

N models of one size, B windows of each, T ms, S inputs, K branches, H hidden units, M memory units.
"""

from __future__ import annotations

import ctypes

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from ..compiled import kernel
from ..events import Events

ACTIVATIONS = {nn.ReLU: 0, nn.SiLU: 1}
PARTS = 4  # sums of the synapses' gradient that are made side by side


class BranchStates(torch.autograd.Function):
    """b_nbtk from events: b_t = kappa·b_{t-1} + x_t · w_nsk. Gradients of w_nsk and the start."""

    @staticmethod
    def forward(ctx, w_nsk: Tensor, kappa_k: Tensor, events: Events, start_nbk: Tensor | None) -> Tensor:
        """events: of all models' windows, the first model's first. start_nbk: b before the first bin; None: rest."""
        events = events.trimmed()
        (n_windows, n_ms, n_inputs), (n_models, n_rows, n_branches) = events.shape, w_nsk.shape
        if n_rows != n_inputs or n_windows % n_models or not inside(events):
            raise ValueError(f"events of {events.shape} for {n_models} x {n_rows} inputs lie outside them")
        first_w, w_nsk, kappa_k = events.first_of_windows(), w_nsk.contiguous(), kappa_k.contiguous()
        b_nbtk = w_nsk.new_empty(n_models, n_windows // n_models, n_ms, n_branches)
        inputs = (first_w, events.row_n, events.input_n, events.value_n)
        start_nbk = _from_rest(start_nbk, b_nbtk)
        call("branch_forward", *b_nbtk.shape[:3], n_inputs, n_branches, *inputs, w_nsk, kappa_k, start_nbk, b_nbtk)
        ctx.save_for_backward(kappa_k, *inputs)
        ctx.shape = w_nsk.shape
        return b_nbtk

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient_nbtk: Tensor):
        kappa_k, *inputs = ctx.saved_tensors
        gradient_nbtk = gradient_nbtk.contiguous().clone()  # becomes the gradient of the drive
        n_models, n_windows, n_ms, _ = gradient_nbtk.shape
        parts = gradient_nbtk.new_empty(n_models, min(PARTS, n_windows), *ctx.shape[1:])
        sizes = (n_models, n_windows, n_ms, *ctx.shape[1:], parts.shape[1])
        call("branch_backward", *sizes, *inputs, kappa_k, gradient_nbtk, parts)
        of_start_nbk = kappa_k * gradient_nbtk[:, :, 0] if ctx.needs_input_grad[3] else None
        return parts.sum(1), None, None, of_start_nbk


class MemoryTrace(torch.autograd.Function):
    """m_nbtm from the branches' share of the hidden layer, drive_nbth; see `memory_forward` of the kernel."""

    @staticmethod
    def forward(ctx, drive_nbth, w_nhm, w_nmh, bias_nm, kappa_nm, gain_nm, activation: int, start_nbm) -> Tensor:
        """w_nhm (N, H, M): hidden from memory. w_nmh (N, M, H): memory from hidden. start_nbm: memory before the first
        bin; None: rest.
        """
        drive_nbth, w_nhm, w_nmh = drive_nbth.contiguous(), w_nhm.contiguous(), w_nmh.contiguous()
        sizes = (*drive_nbth.shape, kappa_nm.shape[1])
        a_nbth = torch.empty_like(drive_nbth)
        d_nbtm = drive_nbth.new_empty(*sizes[:3], sizes[4])
        m_nbtm = torch.empty_like(d_nbtm)
        turned = w_nhm.mT.contiguous(), w_nmh.mT.contiguous()
        vectors = [each.contiguous() for each in (bias_nm, kappa_nm, gain_nm)]
        vectors.append(_from_rest(start_nbm, m_nbtm))
        call("memory_forward", *sizes, drive_nbth, *turned, *vectors, activation, a_nbth, d_nbtm, m_nbtm)
        ctx.save_for_backward(w_nhm, w_nmh, *vectors[1:], a_nbth, d_nbtm, m_nbtm)
        ctx.activation = activation
        return m_nbtm

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient_nbtm: Tensor):
        w_nhm, w_nmh, kappa_nm, gain_nm, start_nbm, a_nbth, d_nbtm, m_nbtm = ctx.saved_tensors
        before_nbth, before_nbtm = torch.empty_like(a_nbth), torch.empty_like(d_nbtm)
        n_models, n_windows, _, n_memory = m_nbtm.shape
        of_start_nbm, of_kappa_nbm, of_gain_nbm = (m_nbtm.new_empty(n_models, n_windows, n_memory) for _ in range(3))
        arrays = gradient_nbtm.contiguous(), w_nhm, w_nmh, kappa_nm, gain_nm, start_nbm
        made = a_nbth, d_nbtm, m_nbtm, before_nbth, before_nbtm, of_start_nbm, of_kappa_nbm, of_gain_nbm
        call("memory_backward", *a_nbth.shape, n_memory, *arrays, ctx.activation, *made)
        of_w_nhm, *of_others = weight_gradients(before_nbth, before_nbtm, a_nbth, m_nbtm, kappa_nm, ctx.activation)
        if ctx.needs_input_grad[7]:
            of_w_nhm = of_w_nhm + before_nbth[:, :, 0].mT @ (kappa_nm[:, None] * start_nbm)
        gradients = before_nbth, of_w_nhm, *of_others, of_kappa_nbm.sum(1), of_gain_nbm.sum(1)
        return *gradients, None, of_start_nbm if ctx.needs_input_grad[7] else None


def weight_gradients(
    before_nbth: Tensor, before_nbtm: Tensor, a_nbth: Tensor, m_nbtm: Tensor, kappa_nm: Tensor, activation: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of w_nhm, w_nmh and bias_nm: products over all bins, which wait for nothing."""
    h_nbth = torch.relu(a_nbth) if activation == ACTIVATIONS[nn.ReLU] else nn.functional.silu(a_nbth)
    of_w_nmh = before_nbtm.flatten(1, 2).mT @ h_nbth.flatten(1, 2)
    kept_nbtm = kappa_nm[:, None, None] * m_nbtm[:, :, :-1]
    of_w_nhm = before_nbth[:, :, 1:].flatten(1, 2).mT @ kept_nbtm.flatten(1, 2)
    return of_w_nhm, of_w_nmh, before_nbtm.sum((1, 2))


def _from_rest(start: Tensor | None, trace_nbtx: Tensor) -> Tensor:
    """The state before the first bin of a trace; zeros where it is rest."""
    n_models, n_windows, _, n_units = trace_nbtx.shape
    return trace_nbtx.new_zeros(n_models, n_windows, n_units) if start is None else start.contiguous()


def inside(events: Events) -> bool:
    """Whether the kernel, which does not look, may go where the events say."""
    (n_windows, n_ms, n_inputs), n_events = events.shape, len(events.row_n)
    types = (events.row_n.dtype, events.input_n.dtype, events.value_n.dtype)
    if types != (torch.int32, torch.int32, torch.float32) or not len(events.input_n) == len(events.value_n) == n_events:
        return False
    if not n_events:
        return True
    (first, last), (low, high) = (torch.aminmax(each) for each in (events.row_n, events.input_n))
    return bool(first >= 0 and last < n_windows * n_ms and low >= 0 and high < n_inputs)


def call(name: str, *arguments: int | float | Tensor) -> None:
    """Call a function of the kernel; the number of threads, which all of them take last, is PyTorch's."""
    getattr(kernel(), name)(*map(_passed, arguments), ctypes.c_int64(torch.get_num_threads()))


def _passed(each: int | float | Tensor) -> ctypes.c_void_p | ctypes.c_float | ctypes.c_int64:
    if isinstance(each, Tensor):
        return ctypes.c_void_p(each.data_ptr())
    return ctypes.c_float(each) if isinstance(each, float) else ctypes.c_int64(each)
