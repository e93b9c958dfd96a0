"""The recurrence on a GPU in Triton: see README.md for the equations, reference.py for the truth.

A program is a window of one model. Both weights are (H, M), padded to powers of two: the hidden layer is a sum along
their rows, the memory's change a sum along their columns, and nothing is turned round between the two. Where registers
do not hold both, RELOAD reads W_o again in every bin, from the multiprocessor's cache. Arrays are contiguous and
float32, except the drive, which may be bfloat16; all is computed in float32.

N models, B windows of each, T bins, H hidden units, M memory units; H and M in capitals are the padded sizes.
"""

from __future__ import annotations

import triton
import triton.language as tl

STAGES = tl.constexpr(3)  # bins whose arrays are under way from memory at a time; with RELOAD the weights would be, too


@triton.jit
def memory_forward(
    drive_nbth, leak_1, bias_nh, into_nhm, out_nhm, bias_nm, kappa_nm, gain_nm, a_nbth, d_nbtm, m_nbtm,
    n_windows, n_ms, n_hidden, n_memory, SILU: tl.constexpr, H: tl.constexpr, M: tl.constexpr, RELOAD: tl.constexpr,
):  # fmt: skip
    """b_t = leak·b_{t-1} + drive_t;  a_t = b_t + bias_h + W_m kept, kept = kappa·m_{t-1};
    d_t = tanh(bias_m + W_o f(a_t));  m_t = kept + gain·d_t.

    drive_nbth: what the input adds to the branches' share of the hidden layer. into_nhm: W_m, padded. out_nhm: W_o,
    turned and padded. Writes a, d and m of every bin.
    """
    window = tl.program_id(0).to(tl.int64)
    model = window // n_windows
    h, m = tl.arange(0, H), tl.arange(0, M)
    in_h, in_m = h < n_hidden, m < n_memory
    at_hm = model * H * M + h[:, None] * M + m[None, :]
    into_hm, out_hm = tl.load(into_nhm + at_hm), tl.load(out_nhm + at_hm)
    of_model = model * n_memory + m
    bias = tl.load(bias_nm + of_model, mask=in_m, other=0.0)
    kappa = tl.load(kappa_nm + of_model, mask=in_m, other=0.0)
    gain = tl.load(gain_nm + of_model, mask=in_m, other=0.0)
    leak, bias_h = tl.load(leak_1), tl.load(bias_nh + model * n_hidden + h, mask=in_h, other=0.0)

    branch = tl.full([H], 0.0, tl.float32)
    memory = tl.full([M], 0.0, tl.float32)
    for t in tl.range(0, n_ms, num_stages=1 if RELOAD else STAGES):
        at_h, at_m = (window * n_ms + t) * n_hidden + h, (window * n_ms + t) * n_memory + m
        branch = leak * branch + tl.load(drive_nbth + at_h, mask=in_h, other=0.0).to(tl.float32)
        kept = kappa * memory
        a = branch + bias_h + tl.sum(into_hm * kept[None, :], axis=1)
        hidden = activate(a, SILU)
        if RELOAD:
            out_hm = tl.load(out_nhm + at_hm)
        d = tanh(bias + tl.sum(out_hm * hidden[:, None], axis=0))
        memory = kept + gain * d
        tl.store(a_nbth + at_h, a, mask=in_h)
        tl.store(d_nbtm + at_m, d, mask=in_m)
        tl.store(m_nbtm + at_m, memory, mask=in_m)


@triton.jit
def memory_backward(
    gradient_nbtm, leak_1, into_nhm, out_nhm, kappa_nm, gain_nm, a_nbth, d_nbtm, m_nbtm,
    of_drive_nbth, before_nbth, before_nbtm, of_kappa_nbm, of_gain_nbm,
    n_windows, n_ms, n_hidden, n_memory, SILU: tl.constexpr, H: tl.constexpr, M: tl.constexpr, RELOAD: tl.constexpr,
):  # fmt: skip
    """From the gradient by m: that by the drive; that by a; that before the tanh; by window, kappa's and gain's."""
    window = tl.program_id(0).to(tl.int64)
    model = window // n_windows
    h, m = tl.arange(0, H), tl.arange(0, M)
    in_h, in_m = h < n_hidden, m < n_memory
    at_hm = model * H * M + h[:, None] * M + m[None, :]
    into_hm, out_hm = tl.load(into_nhm + at_hm), tl.load(out_nhm + at_hm)
    of_model = model * n_memory + m
    kappa = tl.load(kappa_nm + of_model, mask=in_m, other=0.0)
    gain = tl.load(gain_nm + of_model, mask=in_m, other=0.0)
    leak = tl.load(leak_1)

    of_drive = tl.full([H], 0.0, tl.float32)
    carried = tl.full([M], 0.0, tl.float32)
    of_kappa = tl.full([M], 0.0, tl.float32)
    of_gain = tl.full([M], 0.0, tl.float32)
    for back in tl.range(0, n_ms, num_stages=1 if RELOAD else STAGES):
        t = n_ms - 1 - back
        at_h, at_m = (window * n_ms + t) * n_hidden + h, (window * n_ms + t) * n_memory + m
        a = tl.load(a_nbth + at_h, mask=in_h, other=0.0)
        d = tl.load(d_nbtm + at_m, mask=in_m, other=0.0)
        past = tl.load(m_nbtm + at_m - n_memory, mask=in_m & (t > 0), other=0.0)
        g = tl.load(gradient_nbtm + at_m, mask=in_m, other=0.0) + carried
        of_gain += g * d
        before_m = g * gain * (1 - d * d)
        if RELOAD:
            out_hm = tl.load(out_nhm + at_hm)
        before_h = _slope(a, SILU) * tl.sum(out_hm * before_m[None, :], axis=1)
        g += tl.sum(into_hm * before_h[:, None], axis=0)
        of_kappa += g * past
        carried = kappa * g
        of_drive = leak * of_drive + before_h
        tl.store(of_drive_nbth + at_h, of_drive, mask=in_h)
        tl.store(before_nbth + at_h, before_h, mask=in_h)
        tl.store(before_nbtm + at_m, before_m, mask=in_m)
    tl.store(of_kappa_nbm + window * n_memory + m, of_kappa, mask=in_m)
    tl.store(of_gain_nbm + window * n_memory + m, of_gain, mask=in_m)


@triton.jit
def tanh(v):
    """From exp alone, in which (1 - e) / (1 + e) loses digits near 0: there, the Taylor series."""
    a = tl.minimum(tl.abs(v), 9.2, propagate_nan=tl.PropagateNan.ALL)
    e = tl.exp(-2 * a)
    squared = a * a
    near = a * (1 - squared * (1 / 3 - squared * (2 / 15 - squared * (17 / 315))))
    y = tl.where(a < 0.2, near, (1 - e) / (1 + e))
    return tl.where(v < 0, -y, y)


@triton.jit
def sigmoid(v):
    e = tl.exp(-tl.abs(v))
    return tl.where(v < 0, e, 1.0) / (1 + e)


@triton.jit
def activate(a, SILU: tl.constexpr):
    if SILU:
        return a * sigmoid(a)
    return tl.where(a < 0, 0.0, a)  # not a maximum: NaN stays NaN


@triton.jit
def _slope(a, SILU: tl.constexpr):
    if SILU:
        s = sigmoid(a)
        return s * (1 + a * (1 - s))
    return tl.where(a > 0, 1.0, 0.0)
