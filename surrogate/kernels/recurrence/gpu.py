"""The recurrence on a GPU as PyTorch operations with gradients. See README.md; reference.py is the truth.

N models of one size, B windows of each, T ms, S inputs, K branches, H hidden units, M memory units.
"""

from __future__ import annotations

import math
from importlib.util import find_spec

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from ..events import Events
from .cpu import ACTIVATIONS, weight_gradients
from .reference import leak

WEIGHTS_PER_WARP = 256  # of each matrix: 8 of a thread's registers
MOST_WARPS = 32  # of a program, in CUDA
MOST_WEIGHTS = 32_768  # of each matrix, padded: both fill the registers of a multiprocessor, 65,536


def why_not(n_hidden: int, n_memory: int) -> str:
    """Why the kernels cannot or should not run at this size, or ""."""
    if find_spec("triton") is None:
        return "triton is not installed"
    if math.prod(_blocks(n_hidden, n_memory)) > MOST_WEIGHTS:
        return f"{n_hidden} hidden units by {n_memory} memory units do not fit a GPU's registers"
    return ""


def branch_states(w_nsk: Tensor, kappa_k: Tensor, events: Events) -> Tensor:
    """b_nbtk from events: b_t = kappa·b_{t-1} + x_t · w_nsk, with the gradient of w_nsk.

    events: of all models' windows, the first model's first. A bin's are added in their order, without atomic sums: a
    GPU repeats them to the bit. Raises ValueError where the table has other inputs than the events.
    """
    (n_windows, n_ms, n_inputs), (n_models, n_rows, n_branches) = events.shape, w_nsk.shape
    if n_rows != n_inputs or n_windows % n_models:
        raise ValueError(f"events of {events.shape} for {n_models} x {n_rows} inputs")
    model_n = (events.row_n // (n_windows // n_models * n_ms)).clamp(max=n_models - 1)  # of no event, it is past them
    drive = events._replace(input_n=events.input_n + n_inputs * model_n).summed(w_nsk.flatten(0, 1))
    b_wtk = leak(drive.view(n_windows, n_ms, n_branches), kappa_k)
    return b_wtk.view(n_models, -1, n_ms, n_branches)


class MemoryTrace(torch.autograd.Function):
    """m_nbtm from the branches' share of the hidden layer, drive_nbth (float32 or bfloat16); see `memory_forward`."""

    @staticmethod
    def forward(ctx, drive_nbth, w_nhm, w_nmh, bias_nm, kappa_nm, gain_nm, activation: int) -> Tensor:
        """w_nhm: hidden from memory. w_nmh: memory from hidden. Float32."""
        from .gpu_kernels import memory_forward

        drive_nbth, w_nhm = drive_nbth.contiguous(), w_nhm.contiguous()
        turned_nhm = w_nmh.mT.contiguous()
        bias_nm, kappa_nm, gain_nm = (each.contiguous() for each in (bias_nm, kappa_nm, gain_nm))
        a_nbth = torch.empty_like(drive_nbth, dtype=torch.float32)
        d_nbtm = a_nbth.new_empty(*a_nbth.shape[:3], w_nhm.shape[2])
        m_nbtm = torch.empty_like(d_nbtm)
        arrays = drive_nbth, w_nhm, turned_nhm, bias_nm, kappa_nm, gain_nm, a_nbth, d_nbtm, m_nbtm
        _launch(memory_forward, a_nbth, m_nbtm, activation, *arrays)
        ctx.save_for_backward(w_nhm, turned_nhm, kappa_nm, gain_nm, a_nbth, d_nbtm, m_nbtm)
        ctx.activation, ctx.drive_dtype = activation, drive_nbth.dtype
        return m_nbtm

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient_nbtm: Tensor):
        from .gpu_kernels import memory_backward

        w_nhm, turned_nhm, kappa_nm, gain_nm, a_nbth, d_nbtm, m_nbtm = ctx.saved_tensors
        before_nbth, before_nbtm = torch.empty_like(a_nbth), torch.empty_like(d_nbtm)
        n_models, n_windows, _, n_memory = m_nbtm.shape
        of_kappa_nbm, of_gain_nbm = (m_nbtm.new_empty(n_models, n_windows, n_memory) for _ in range(2))
        given = gradient_nbtm.contiguous(), w_nhm, turned_nhm, kappa_nm, gain_nm, a_nbth, d_nbtm, m_nbtm
        made = before_nbth, before_nbtm, of_kappa_nbm, of_gain_nbm
        _launch(memory_backward, a_nbth, m_nbtm, ctx.activation, *given, *made)
        of_weights = weight_gradients(before_nbth, before_nbtm, a_nbth, m_nbtm, kappa_nm, ctx.activation)
        of_drive_nbth = before_nbth.to(ctx.drive_dtype)
        return of_drive_nbth, *of_weights, of_kappa_nbm.sum(1), of_gain_nbm.sum(1), None


def _launch(kernel, a_nbth: Tensor, m_nbtm: Tensor, activation: int, *arrays: Tensor) -> None:
    """Run a kernel: a program for each window of each model, its block sizes the next powers of two."""
    (n_models, *sizes), n_memory = a_nbth.shape, m_nbtm.shape[3]
    height, width = _blocks(sizes[-1], n_memory)
    warps = min(MOST_WARPS, max(1, height * width // WEIGHTS_PER_WARP))
    silu = activation == ACTIVATIONS[nn.SiLU]
    with torch.cuda.device_of(a_nbth):
        kernel[(n_models * sizes[0],)](*arrays, *sizes, n_memory, SILU=silu, H=height, M=width, num_warps=warps)


def _blocks(*sizes: int) -> list[int]:
    """The next power of two of each."""
    return [1 << (size - 1).bit_length() for size in sizes]
