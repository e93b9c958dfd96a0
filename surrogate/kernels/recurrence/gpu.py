"""The recurrence on a GPU as PyTorch operations with gradients. See README.md; reference.py is the truth.

N models of one size, B windows of each, T ms, S inputs, K branches, H hidden units, M memory units.
"""

from __future__ import annotations

import math
from importlib.util import find_spec

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from ..events import Events
from .cpu import ACTIVATIONS, weight_gradients

WEIGHTS_PER_WARP = 512  # of each matrix: 16 of a thread's registers
MOST_WARPS = 8  # with more, a thread has too few registers for the largest
MOST_KEPT = 16_384  # of each matrix, padded: with 8 warps both then take half of a thread's 255 registers
MOST_WEIGHTS = 32_768  # one of both matrices takes half of them, the other is read again in every bin


def why_not(n_hidden: int, n_memory: int) -> str:
    """Why the kernels cannot or should not run at this size, or ""."""
    if find_spec("triton") is None:
        return "triton is not installed"
    if math.prod(_blocks(n_hidden, n_memory)) > MOST_WEIGHTS:
        return f"{n_hidden} hidden units by {n_memory} memory units do not fit a GPU's registers"
    return ""


def branch_drive(w_nsk: Tensor, events: Events) -> Tensor:
    """What each bin's events add to the branches, x_nbtk = x_t · w_nsk, with the gradient of w_nsk.

    events: of all models' windows, the first model's first. A GPU repeats it to the bit.
    Raises ValueError where the table has other inputs than the events.
    """
    (n_windows, n_ms, n_inputs), (n_models, n_rows, n_branches) = events.shape, w_nsk.shape
    if n_rows != n_inputs or n_windows % n_models:
        raise ValueError(f"events of {events.shape} for {n_models} x {n_rows} inputs")
    model_n = (events.row_n // (n_windows // n_models * n_ms)).clamp(max=n_models - 1)  # of no event, it is past them
    drive = events._replace(input_n=events.input_n + n_inputs * model_n).summed(w_nsk.flatten(0, 1))
    return drive.view(n_models, -1, n_ms, n_branches)


class MemoryTrace(torch.autograd.Function):
    """m_nbtm from what the input adds to the branches' share of the hidden layer, drive_nbth (float32 or bfloat16).

    See `memory_forward`.
    """

    @staticmethod
    def forward(ctx, drive_nbth, leak_1, bias_nh, w_nhm, w_nmh, bias_nm, kappa_nm, gain_nm, activation: int) -> Tensor:
        """leak_1 (1,): decay of all branches in a bin. w_nhm: hidden from memory. w_nmh: memory from hidden."""
        from .gpu_kernels import memory_forward

        drive_nbth, weights = drive_nbth.contiguous(), (_padded(w_nhm), _padded(w_nmh.mT))
        leak_1, bias_nh, bias_nm, kappa_nm, gain_nm = (
            each.contiguous() for each in (leak_1, bias_nh, bias_nm, kappa_nm, gain_nm)
        )
        a_nbth = torch.empty_like(drive_nbth, dtype=torch.float32)
        d_nbtm = a_nbth.new_empty(*a_nbth.shape[:3], w_nhm.shape[2])
        m_nbtm = torch.empty_like(d_nbtm)
        arrays = drive_nbth, leak_1, bias_nh, *weights, bias_nm, kappa_nm, gain_nm, a_nbth, d_nbtm, m_nbtm
        _launch(memory_forward, a_nbth, m_nbtm, activation, *arrays)
        ctx.save_for_backward(leak_1, *weights, kappa_nm, gain_nm, a_nbth, d_nbtm, m_nbtm)
        ctx.activation, ctx.drive_dtype = activation, drive_nbth.dtype
        return m_nbtm

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient_nbtm: Tensor):
        from .gpu_kernels import memory_backward

        *_, kappa_nm, _, a_nbth, d_nbtm, m_nbtm = ctx.saved_tensors
        of_drive_nbth, before_nbth, before_nbtm = (torch.empty_like(each) for each in (a_nbth, a_nbth, d_nbtm))
        n_models, n_windows, _, n_memory = m_nbtm.shape
        of_kappa_nbm, of_gain_nbm = (m_nbtm.new_empty(n_models, n_windows, n_memory) for _ in range(2))
        made = of_drive_nbth, before_nbth, before_nbtm, of_kappa_nbm, of_gain_nbm
        _launch(memory_backward, a_nbth, m_nbtm, ctx.activation, gradient_nbtm.contiguous(), *ctx.saved_tensors, *made)
        of_weights = weight_gradients(before_nbth, before_nbtm, a_nbth, m_nbtm, kappa_nm, ctx.activation)
        of_bias_nh, of_drive_nbth = before_nbth.sum((1, 2)), of_drive_nbth.to(ctx.drive_dtype)
        return of_drive_nbth, None, of_bias_nh, *of_weights, of_kappa_nbm.sum(1), of_gain_nbm.sum(1), None


def _launch(kernel, a_nbth: Tensor, m_nbtm: Tensor, activation: int, *arrays: Tensor) -> None:
    """Run a kernel once for whole windows: a program for each window of each model."""
    (n_models, *sizes), n_memory = a_nbth.shape, m_nbtm.shape[3]
    height, width = _blocks(sizes[-1], n_memory)
    constants = {"SILU": activation == ACTIVATIONS[nn.SiLU], "H": height, "M": width}
    constants |= {"RELOAD": height * width > MOST_KEPT, "num_warps": warps_of(height * width)}
    with torch.cuda.device_of(a_nbth):
        kernel[(n_models * sizes[0],)](*arrays, *sizes, n_memory, **constants)


def warps_of(n_weights: int) -> int:
    """Warps of a program that has so many weights in each matrix, a power of two."""
    return min(MOST_WARPS, max(1, n_weights // WEIGHTS_PER_WARP))


def _padded(w_nhm: Tensor) -> Tensor:
    """With zeros up to the kernel's block: a thread then has four neighbours of a row, in place of one of four rows."""
    (height, width), (n_hidden, n_memory) = _blocks(*w_nhm.shape[1:]), w_nhm.shape[1:]
    return F.pad(w_nhm, (0, width - n_memory, 0, height - n_hidden)).contiguous()


def _blocks(*sizes: int) -> list[int]:
    """The next power of two of each."""
    return [1 << (size - 1).bit_length() for size in sizes]
