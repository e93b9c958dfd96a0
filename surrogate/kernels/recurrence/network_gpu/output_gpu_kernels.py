"""The output layer of an ELM Network on a GPU in Triton: neurons with a linear update, which do not hear one another.

A program is one neuron in up to eight sequences, and walks through all steps. Arrays are contiguous and float32.

O neurons, B sequences, T steps, M memory units; in capitals those of a program, powers of two.
"""

from __future__ import annotations

import triton
import triton.language as tl

from ..gpu_kernels import tanh
from .gpu_kernels import _whose

STAGES = tl.constexpr(3)  # steps whose arrays are under way from memory at a time


@triton.jit
def output_forward(
    drive_omtb, w_omm, kappa_om, gain_om, start_omb, d_omtb, m_omtb, n_sequences, n_steps, n_outputs, n_memory,
    M: tl.constexpr, B: tl.constexpr,
):  # fmt: skip
    """d_t = tanh(drive_t + kept·w), kept = kappa·m_{t-1};  m_t = kept + gain·d_t."""
    o, b, in_b = _whose(n_outputs, n_sequences, B)
    m, w_ij, kappa_m, gain_m = _own(o, w_omm, kappa_om, gain_om, n_memory, M)
    in_mb = (m < n_memory)[:, None] & in_b[None, :]
    of_m = (o * n_memory + m)[:, None]
    memory_mb = tl.load(start_omb + of_m * n_sequences + b[None, :], mask=in_mb, other=0.0)
    for t in tl.range(0, n_steps, num_stages=STAGES):
        at_mb = (of_m * n_steps + t) * n_sequences + b[None, :]
        kept_mb = kappa_m[:, None] * memory_mb
        own_mb = tl.sum(w_ij[:, :, None] * kept_mb[:, None, :], axis=0)
        d_mb = tanh(tl.load(drive_omtb + at_mb, mask=in_mb, other=0.0) + own_mb)
        memory_mb = kept_mb + gain_m[:, None] * d_mb
        tl.store(d_omtb + at_mb, d_mb, mask=in_mb)
        tl.store(m_omtb + at_mb, memory_mb, mask=in_mb)


@triton.jit
def output_backward(
    gradient_omtb, w_omm, kappa_om, gain_om, start_omb, d_omtb, m_omtb, of_drive_omtb, of_start_omb, of_kappa_omb,
    of_gain_omb, n_sequences, n_steps, n_outputs, n_memory, M: tl.constexpr, B: tl.constexpr,
):  # fmt: skip
    """From the gradient by m: that by the drive and the start; by sequence, kappa's and gain's."""
    o, b, in_b = _whose(n_outputs, n_sequences, B)
    m, w_ij, kappa_m, gain_m = _own(o, w_omm, kappa_om, gain_om, n_memory, M)
    in_mb = (m < n_memory)[:, None] & in_b[None, :]
    of_m = (o * n_memory + m)[:, None]
    once_mb = of_m * n_sequences + b[None, :]
    start_mb = tl.load(start_omb + once_mb, mask=in_mb, other=0.0)
    carried_mb = tl.full([M, B], 0.0, tl.float32)
    of_kappa_mb = tl.full([M, B], 0.0, tl.float32)
    of_gain_mb = tl.full([M, B], 0.0, tl.float32)
    for back in tl.range(0, n_steps, num_stages=STAGES):
        t = n_steps - 1 - back
        at_mb = (of_m * n_steps + t) * n_sequences + b[None, :]
        d_mb = tl.load(d_omtb + at_mb, mask=in_mb, other=0.0)
        past_mb = tl.load(m_omtb + at_mb - n_sequences, mask=in_mb & (t > 0), other=0.0)
        past_mb = tl.where(t > 0, past_mb, start_mb)
        g_mb = tl.load(gradient_omtb + at_mb, mask=in_mb, other=0.0) + carried_mb
        of_gain_mb += g_mb * d_mb
        of_z_mb = g_mb * gain_m[:, None] * (1 - d_mb * d_mb)
        of_kept_mb = g_mb + tl.sum(w_ij[:, :, None] * of_z_mb[None, :, :], axis=1)
        of_kappa_mb += of_kept_mb * past_mb
        carried_mb = kappa_m[:, None] * of_kept_mb
        tl.store(of_drive_omtb + at_mb, of_z_mb, mask=in_mb)
    tl.store(of_start_omb + once_mb, carried_mb, mask=in_mb)
    tl.store(of_kappa_omb + once_mb, of_kappa_mb, mask=in_mb)
    tl.store(of_gain_omb + once_mb, of_gain_mb, mask=in_mb)


@triton.jit
def _own(o, w_omm, kappa_om, gain_om, n_memory, M: tl.constexpr):
    """A neuron's memory units, the weights from one to another, and their constants."""
    m = tl.arange(0, M)
    in_m, of_o = m < n_memory, o * n_memory
    at_ij = (of_o + m)[:, None] * n_memory + m[None, :]
    w_ij = tl.load(w_omm + at_ij, mask=in_m[:, None] & in_m[None, :], other=0.0)
    kappa_m = tl.load(kappa_om + of_o + m, mask=in_m, other=0.0)
    return m, w_ij, kappa_m, tl.load(gain_om + of_o + m, mask=in_m, other=0.0)
