"""The ELM recurrence in plain PyTorch: the truth that every faster path must match.

b_t = kappa_b·b_{t-1} + sum of w_s·x_t            branch (linear: the whole window at once)
d_t = phi(MLP([b_t ; kappa_m·m_{t-1}]))           proposed memory change
m_t = kappa_m·m_{t-1} + gain·d_t                  memory (sequential)
All state starts at 0; phi(z) = 1.7159·tanh(2z/3). Source: Spieler et al. 2024, arXiv 2306.16922, section 2.

B windows, T ms, S inputs, Y synapses, K branches, H hidden units, M memory units.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

PHI_HEIGHT, PHI_SLOPE = 1.7159, 2 / 3  # LeCun et al. 1998, "Efficient BackProp", section 4.4

Layer = tuple[Tensor, Tensor]  # weight (out, in) and bias (out,)


def synapse_table(w_y: Tensor, input_y: Tensor, valid_y: Tensor, n_branches: int, n_inputs: int) -> Tensor:
    """What an input spike adds to each branch, shape (S, K).

    w_y: synapse weights, branch after branch; with a dimension of models in front, so has what is returned.
    input_y: the input that each synapse reads. valid_y: False for a synapse past the last input, which carries nothing.
    """
    branch_y = torch.arange(w_y.shape[-1], device=w_y.device) // (w_y.shape[-1] // n_branches)
    nothing = w_y.new_zeros(*w_y.shape[:-1], n_inputs * n_branches)
    w_sk = nothing.index_add(-1, input_y * n_branches + branch_y, w_y * valid_y)
    return w_sk.view(*w_y.shape[:-1], n_inputs, n_branches)


def branch_drive(x_bts: Tensor, w_y: Tensor, input_y: Tensor, valid_y: Tensor, n_branches: int) -> Tensor:
    """Sum of w·x over each branch's synapses, shape (B, T, K).

    Without routing (`input_y` empty) synapse k alone makes branch k.
    """
    if not input_y.numel():
        return x_bts * w_y
    return x_bts @ synapse_table(w_y, input_y, valid_y, n_branches, x_bts.shape[-1])


def leak(drive_btk: Tensor, kappa_k: Tensor) -> Tensor:
    """b_t = kappa·b_{t-1} + drive_t from b = 0, in log2(T) passes: each doubles how far back b reaches."""
    b_btk, reach = drive_btk, 1
    while reach < drive_btk.shape[1]:
        b_btk = b_btk + kappa_k**reach * F.pad(b_btk[:, :-reach], (0, 0, reach, 0))
        reach *= 2
    return b_btk


def memory_trace(
    b_btk: Tensor,
    mlp: Sequence[Layer],
    activation: Callable[[Tensor], Tensor],
    kappa_m: Tensor,
    gain_m: Tensor,
    m_bm: Tensor | None = None,
) -> Tensor:
    """Memory of every bin, shape (B, T, M), from the branch states of the whole window.

    mlp: layers in order; the first reads [b ; kappa_m·m], the last gives M outputs. m_bm: memory before, if any.
    """
    (w_first, bias_first), *middle, (w_last, bias_last) = mlp
    n_branches = b_btk.shape[-1]
    from_branches_bth = F.linear(b_btk, w_first[:, :n_branches], bias_first)  # W[b;m] = W_b·b + W_m·m
    w_memory = w_first[:, n_branches:].t()
    w_last, bias_last = (PHI_SLOPE * w_last).t(), PHI_SLOPE * bias_last  # constants leave the loop
    gain_m = PHI_HEIGHT * gain_m

    m_bm = b_btk.new_zeros(len(b_btk), len(kappa_m)) if m_bm is None else m_bm
    trace = []
    for drive_bh in from_branches_bth.unbind(1):
        kept_bm = kappa_m * m_bm
        h_bh = activation(torch.addmm(drive_bh, kept_bm, w_memory))
        for weight, bias in middle:
            h_bh = activation(F.linear(h_bh, weight, bias))
        m_bm = torch.addcmul(kept_bm, gain_m, torch.tanh(torch.addmm(bias_last, h_bh, w_last)))
        trace.append(m_bm)
    return torch.stack(trace, dim=1)
