"""A layer of ELM neurons that listen to one another, on a GPU in Triton: a launch for every step of all sequences.

A program is one neuron in up to eight sequences. Arrays are contiguous and float32, sequences innermost: what a synapse
reads of eight of them is one sector of memory. `heard` (C + N, T + 1, B) has all that a synapse may read, so that its
source is the number of a row: the channels, then each neuron's activity, masked, of the step before.

Weights are asked for before anything that waits, and where hidden units are more than a program's H, the next ones'
while it computes.

B sequences, T steps, C channels, N neurons, K branches of S synapses, H hidden units, M memory units; in capitals those
of a program, powers of two.
"""

from __future__ import annotations

import triton
import triton.language as tl

from ..gpu_kernels import tanh


@triton.jit(do_not_specialize=["t"])
def step_forward(
    t, source_ny, w_ny, w_in_nxh, bias_nh, w_out_nhm, bias_nm, kappa_nm, gain_nm, w_y_nm, bias_n, mask_nb,
    heard, branch_nktb, a_nhtb, d_nmtb, m_nmtb, v_ntb, activity_ntb, slow_nb, effort_nb, kappa_r,
    n_sequences, n_steps, n_channels, n_neurons, n_branches, n_per_branch, n_hidden, n_memory,
    SPIKING: tl.constexpr, K: tl.constexpr, S: tl.constexpr, H: tl.constexpr, M: tl.constexpr, B: tl.constexpr,
):  # fmt: skip
    """One step. m_nmtb (N, M, T + 1, B) and heard hold what was before the first step; slow and effort are added to.

    Writes what stands in the branches, before the hidden layer, tanh, memory, what the activity is made of, and it.
    """
    n, b, in_b = _whose(n_neurons, n_sequences, B)
    k, m = tl.arange(0, K), tl.arange(0, M)
    in_k, in_m = k < n_branches, m < n_memory
    in_mb = in_m[:, None] & in_b[None, :]
    n_columns, n_heard = n_steps * n_sequences, (n_steps + 1) * n_sequences
    at_b, next_b = t * n_sequences + b, (t + 1) * n_sequences + b
    h = tl.arange(0, H)
    w_kh, w_mh, w_hm = _weights(n, k, h, m, w_in_nxh, w_out_nhm, n_branches, n_hidden, n_memory)
    kappa_m = tl.load(kappa_nm + n * n_memory + m, mask=in_m, other=0.0)
    gain_m = tl.load(gain_nm + n * n_memory + m, mask=in_m, other=0.0)
    w_y_m = tl.load(w_y_nm + n * n_memory + m, mask=in_m, other=0.0)
    into_m = tl.load(bias_nm + n * n_memory + m, mask=in_m, other=0.0)
    of_m = (n * n_memory + m)[:, None] * n_heard
    kept_mb = kappa_m[:, None] * tl.load(m_nmtb + of_m + at_b[None, :], mask=in_mb, other=0.0)

    branch_kb = tl.full([K, B], 0.0, tl.float32)
    for first in tl.range(0, n_per_branch, S):
        s = first + tl.arange(0, S)
        at_sk = (n * n_branches + k)[None, :] * n_per_branch + s[:, None]
        in_sk = in_k[None, :] & (s < n_per_branch)[:, None]
        row_sk = tl.load(source_ny + at_sk, mask=in_sk, other=0).to(tl.int64)
        w_sk = tl.load(w_ny + at_sk, mask=in_sk, other=0.0)
        in_skb = in_sk[:, :, None] & in_b[None, None, :]
        read_skb = tl.load(heard + row_sk[:, :, None] * n_heard + at_b[None, None, :], mask=in_skb, other=0.0)
        branch_kb += tl.sum(w_sk[:, :, None] * read_skb, axis=0)
    at_kb = (n * n_branches + k)[:, None] * n_columns + at_b[None, :]
    tl.store(branch_nktb + at_kb, branch_kb, mask=in_k[:, None] & in_b[None, :])

    z_mb = tl.broadcast_to(into_m[:, None], M, B)
    for _ in tl.range(0, n_hidden, H):
        in_h = h < n_hidden
        into_h = tl.load(bias_nh + n * n_hidden + h, mask=in_h, other=0.0)
        a_hb = into_h[:, None] + tl.sum(w_kh[:, :, None] * branch_kb[:, None, :], axis=0)
        a_hb += tl.sum(w_mh[:, :, None] * kept_mb[:, None, :], axis=0)
        z_mb += tl.sum(w_hm[:, :, None] * (_positive(a_hb) * _positive(a_hb))[:, None, :], axis=0)
        at_hb = (n * n_hidden + h)[:, None] * n_columns + at_b[None, :]
        tl.store(a_nhtb + at_hb, a_hb, mask=in_h[:, None] & in_b[None, :])
        h += H
        w_kh, w_mh, w_hm = _weights(n, k, h, m, w_in_nxh, w_out_nhm, n_branches, n_hidden, n_memory)
    d_mb = tanh(z_mb)
    memory_mb = kept_mb + gain_m[:, None] * d_mb
    r_b = tl.sum(w_y_m[:, None] * memory_mb, axis=0)

    of_b, of_tb = n * n_sequences + b, n * n_columns + at_b
    effort_b = tl.load(effort_nb + of_b, mask=in_b, other=0.0) + tl.sum(tl.abs(z_mb), axis=0)
    slow_b = kappa_r * tl.load(slow_nb + of_b, mask=in_b, other=0.0) + (1 - kappa_r) * r_b
    v_b = r_b - slow_b + tl.load(bias_n + n)
    activity_b = _positive(v_b)
    if SPIKING:
        activity_b = tl.where(v_b > 0, 1.0, 0.0) + (v_b - v_b)  # NaN stays NaN
    tl.store(d_nmtb + (n * n_memory + m)[:, None] * n_columns + at_b[None, :], d_mb, mask=in_mb)
    tl.store(m_nmtb + of_m + next_b[None, :], memory_mb, mask=in_mb)
    tl.store(effort_nb + of_b, effort_b, mask=in_b)
    tl.store(slow_nb + of_b, slow_b, mask=in_b)
    tl.store(v_ntb + of_tb, v_b, mask=in_b)
    tl.store(activity_ntb + of_tb, activity_b, mask=in_b)
    seen_b = tl.load(mask_nb + of_b, mask=in_b, other=0.0) * activity_b
    tl.store(heard + (n_channels + n) * n_heard + next_b, seen_b, mask=in_b)


@triton.jit(do_not_specialize=["t"])
def step_backward(
    t, order_y, first_s, w_ny, w_in_nxh, w_out_nhm, kappa_nm, gain_nm, w_y_nm, mask_nb,
    a_nhtb, d_nmtb, v_ntb, of_activity_ntb, of_effort_nb,
    of_slow_nb, of_m_nmb, of_branch_nktb, of_a_nhtb, of_z_nmtb, of_m_nmtb, of_kept_nmtb, of_r_ntb, of_v_ntb, kappa_r,
    n_sequences, n_steps, n_channels, n_neurons, n_branches, n_per_branch, n_hidden, n_memory, slope,
    SPIKING: tl.constexpr, K: tl.constexpr, H: tl.constexpr, M: tl.constexpr, B: tl.constexpr, READERS: tl.constexpr,
):  # fmt: skip
    """One step back. of_slow_nb and of_m_nmb hold the gradients of what is after the step, then of what was before it.

    order_y: all synapses in the order of their sources, of which those of source s begin at first_s. Writes the
    gradients by the branches, before the hidden layer and before tanh, and by memory, kept memory, readout and v.
    """
    n, b, in_b = _whose(n_neurons, n_sequences, B)
    k, m = tl.arange(0, K), tl.arange(0, M)
    in_m = m < n_memory
    in_mb = in_m[:, None] & in_b[None, :]
    n_columns = n_steps * n_sequences
    at_b, of_b, of_tb = t * n_sequences + b, n * n_sequences + b, n * n_columns + t * n_sequences + b
    h = tl.arange(0, H)
    w_kh, w_mh, w_hm = _weights(n, k, h, m, w_in_nxh, w_out_nhm, n_branches, n_hidden, n_memory)
    kappa_m = tl.load(kappa_nm + n * n_memory + m, mask=in_m, other=0.0)
    gain_m = tl.load(gain_nm + n * n_memory + m, mask=in_m, other=0.0)
    w_y_m = tl.load(w_y_nm + n * n_memory + m, mask=in_m, other=0.0)
    at_mb = (n * n_memory + m)[:, None] * n_columns + at_b[None, :]
    d_mb = tl.load(d_nmtb + at_mb, mask=in_mb, other=0.0)

    heard_next = in_b & (t + 1 < n_steps)
    later_b = _of_heard(
        n_channels + n, order_y, first_s, w_ny, of_branch_nktb, at_b + n_sequences, heard_next, n_per_branch, n_columns,
        READERS, B,
    )  # fmt: skip
    of_activity_b = tl.load(of_activity_ntb + of_tb, mask=in_b, other=0.0)
    of_activity_b += tl.load(mask_nb + of_b, mask=in_b, other=0.0) * later_b
    v_b = tl.load(v_ntb + of_tb, mask=in_b, other=0.0)
    if SPIKING:
        steep_b = slope * tl.abs(v_b) + 1
        of_v_b = of_activity_b / (steep_b * steep_b)
    else:
        of_v_b = tl.where(v_b > 0, of_activity_b, 0.0)
    of_slow_b = tl.load(of_slow_nb + of_b, mask=in_b, other=0.0) - of_v_b
    of_r_b = of_v_b + (1 - kappa_r) * of_slow_b

    carried = of_m_nmb + (n * n_memory + m)[:, None] * n_sequences + b[None, :]
    of_memory_mb = tl.load(carried, mask=in_mb, other=0.0) + w_y_m[:, None] * of_r_b[None, :]
    of_effort_b = tl.load(of_effort_nb + of_b, mask=in_b, other=0.0)
    of_size_mb = tl.where(d_mb > 0, of_effort_b[None, :], tl.where(d_mb < 0, -of_effort_b[None, :], 0.0))
    of_z_mb = of_memory_mb * gain_m[:, None] * (1 - d_mb * d_mb) + of_size_mb
    of_branch_kb, of_kept_mb = tl.full([K, B], 0.0, tl.float32), of_memory_mb
    for _ in tl.range(0, n_hidden, H):
        in_hb = (h < n_hidden)[:, None] & in_b[None, :]
        at_hb = (n * n_hidden + h)[:, None] * n_columns + at_b[None, :]
        slope_hb = 2 * _positive(tl.load(a_nhtb + at_hb, mask=in_hb, other=0.0))
        of_a_hb = slope_hb * tl.sum(w_hm[:, :, None] * of_z_mb[None, :, :], axis=1)
        of_branch_kb += tl.sum(w_kh[:, :, None] * of_a_hb[None, :, :], axis=1)
        of_kept_mb += tl.sum(w_mh[:, :, None] * of_a_hb[None, :, :], axis=1)
        tl.store(of_a_nhtb + at_hb, of_a_hb, mask=in_hb)
        h += H
        w_kh, w_mh, w_hm = _weights(n, k, h, m, w_in_nxh, w_out_nhm, n_branches, n_hidden, n_memory)

    at_kb = (n * n_branches + k)[:, None] * n_columns + at_b[None, :]
    tl.store(of_branch_nktb + at_kb, of_branch_kb, mask=(k < n_branches)[:, None] & in_b[None, :])
    tl.store(of_z_nmtb + at_mb, of_z_mb, mask=in_mb)
    tl.store(of_m_nmtb + at_mb, of_memory_mb, mask=in_mb)
    tl.store(of_kept_nmtb + at_mb, of_kept_mb, mask=in_mb)
    tl.store(carried, kappa_m[:, None] * of_kept_mb, mask=in_mb)
    tl.store(of_slow_nb + of_b, kappa_r * of_slow_b, mask=in_b)
    tl.store(of_r_ntb + of_tb, of_r_b, mask=in_b)
    tl.store(of_v_ntb + of_tb, of_v_b, mask=in_b)


@triton.jit
def synapse_gradients(
    source_ny, heard, of_branch_nktb, of_w_ny, n_per_branch, n_heard, n_columns,
    S: tl.constexpr, COLUMNS: tl.constexpr,
):  # fmt: skip
    """Gradient of the weights of a branch's synapses: by the branch and by what they read, over all columns (t, b)."""
    row = tl.program_id(0).to(tl.int64)
    s = tl.program_id(1) * S + tl.arange(0, S)
    in_s = s < n_per_branch
    read_s = tl.load(source_ny + row * n_per_branch + s, mask=in_s, other=0).to(tl.int64)
    total = tl.full([S, COLUMNS], 0.0, tl.float32)
    for first in tl.range(0, n_columns, COLUMNS):
        c = first + tl.arange(0, COLUMNS)
        in_c = c < n_columns
        of_c = tl.load(of_branch_nktb + row * n_columns + c, mask=in_c, other=0.0)
        at_sc = read_s[:, None] * n_heard + c[None, :]
        total += of_c[None, :] * tl.load(heard + at_sc, mask=in_s[:, None] & in_c[None, :], other=0.0)
    tl.store(of_w_ny + row * n_per_branch + s, tl.sum(total, axis=1), mask=in_s)


@triton.jit
def source_gradients(
    order_y, first_s, w_ny, of_branch_nktb, of_heard, first_source, n_per_branch, n_columns, n_wanted,
    READERS: tl.constexpr, COLUMNS: tl.constexpr,
):  # fmt: skip
    """Gradient of what one source is, in the first n_wanted columns (t, b)."""
    at = tl.program_id(0).to(tl.int64)
    c = tl.program_id(1) * COLUMNS + tl.arange(0, COLUMNS)
    in_c = c < n_wanted
    of_c = _of_heard(
        first_source + at, order_y, first_s, w_ny, of_branch_nktb, c, in_c, n_per_branch, n_columns, READERS, COLUMNS
    )
    tl.store(of_heard + at * n_wanted + c, of_c, mask=in_c)


@triton.jit
def _whose(n_neurons, n_sequences, B: tl.constexpr):
    """The neuron of a program, its sequences, and which of these there are."""
    program = tl.program_id(0).to(tl.int64)
    b = program // n_neurons * B + tl.arange(0, B)
    return program % n_neurons, b, b < n_sequences


@triton.jit
def _weights(n, k, h, m, w_in_nxh, w_out_nhm, n_branches, n_hidden, n_memory):
    """Of a neuron's hidden units h: what they take from branches and from memory, and give to it. 0 where h is none."""
    in_k, in_h, in_m = k < n_branches, h < n_hidden, m < n_memory
    of_n = n * (n_branches + n_memory) * n_hidden
    at_kh, at_mh = k[:, None] * n_hidden + h[None, :], (n_branches + m)[:, None] * n_hidden + h[None, :]
    w_kh = tl.load(w_in_nxh + of_n + at_kh, mask=in_k[:, None] & in_h[None, :], other=0.0)
    w_mh = tl.load(w_in_nxh + of_n + at_mh, mask=in_m[:, None] & in_h[None, :], other=0.0)
    at_hm = (n * n_hidden + h)[:, None] * n_memory + m[None, :]
    return w_kh, w_mh, tl.load(w_out_nhm + at_hm, mask=in_h[:, None] & in_m[None, :], other=0.0)


@triton.jit
def _of_heard(
    source, order_y, first_s, w_ny, of_branch_nktb, c, in_c, n_per_branch, n_columns,
    READERS: tl.constexpr, COLUMNS: tl.constexpr,
):  # fmt: skip
    """What the synapses that read a source say of it in columns c, always added up in one order."""
    begin, end = tl.load(first_s + source), tl.load(first_s + source + 1)
    total = tl.full([READERS, COLUMNS], 0.0, tl.float32)
    for first in tl.range(begin, end, READERS):
        at = first + tl.arange(0, READERS)
        y = tl.load(order_y + at, mask=at < end, other=0)
        w = tl.load(w_ny + y, mask=at < end, other=0.0)
        at_rc = (y // n_per_branch).to(tl.int64)[:, None] * n_columns + c[None, :]
        total += w[:, None] * tl.load(of_branch_nktb + at_rc, mask=(at < end)[:, None] & in_c[None, :], other=0.0)
    return tl.sum(total, axis=0)


@triton.jit
def _positive(v):
    return tl.where(v < 0, 0.0, v)  # not a maximum: NaN stays NaN
