"""Layers of ELM neurons in plain PyTorch, a step after another: the truth that every faster path must match.

b_t = sum over each branch of w·source             source: an input x_t, or a neuron of the layer, a_{t-1}
u_t = MLP([b_t ; kappa·m_{t-1}])                   one hidden layer of squared ReLU; or linear, in an output layer
m_t = kappa·m_{t-1} + gain·1.7159·tanh(2·u_t/3)    memory, of version 2
r_t = w_y·m_t                                      readout; the activity of an output layer is r_t + bias
s_t = kappa_r·s_{t-1} + (1 − kappa_r)·r_t          slow part, which a high-pass takes away
a_t = relu(r_t − s_t + bias), or a spike where that is above 0, with surrogate slope 1/(100·|v| + 1)²

Source: Spieler, Martius & Levina 2026, arXiv 2605.12049, as the code published with it has them; phi is reference.py's.

B sequences, T steps, C channels, N neurons, Y synapses of each, K branches, M memory units, H hidden units.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from .reference import PHI_HEIGHT, PHI_SLOPE, Layer

SLOPE = 100.0  # of the surrogate derivative


class Neurons(NamedTuple):
    """What the recurrence needs of the N neurons of a layer.

    source_ny: of each synapse, branch after branch: a channel, or C and the number of a neuron. w_ny: its weight, times
    the scale of the input. mlp: weights (N, in, out) and biases (N, out) of its layers in order. kappa_nm, gain_nm,
    w_y_nm; bias_n. kappa_r: decay of the slow part in a step. spiking: whether the activity is spikes.
    """

    source_ny: Tensor
    w_ny: Tensor
    mlp: list[Layer]
    kappa_nm: Tensor
    gain_nm: Tensor
    w_y_nm: Tensor
    bias_n: Tensor
    kappa_r: float = 0.0
    spiking: bool = False

    @property
    def n_branches(self) -> int:
        return self.mlp[0][0].shape[1] - self.kappa_nm.shape[1]


class LayerState(NamedTuple):
    """Of a recurrent layer after a step: activity and slow part (B, N), and memory (B, N, M)."""

    activity_bn: Tensor
    slow_bn: Tensor
    m_bnm: Tensor


def recurrent_trace(
    x_btc: Tensor, neurons: Neurons, state: LayerState, mask_bn: Tensor
) -> tuple[Tensor, Tensor, LayerState]:
    """Activity of every step (B, T, N), the sum of all |u| (B, N), and the state after the last step.

    mask_bn: what the layer's own activity is multiplied by where the layer listens to it.
    """
    trace, effort_bn = [], torch.zeros_like(state.slow_bn)
    for x_bc in x_btc.unbind(1):
        u_bnm, state = recurrent_step(x_bc, neurons, state, mask_bn)
        trace.append(state.activity_bn)
        effort_bn = effort_bn + u_bnm.abs().sum(-1)
    return torch.stack(trace, 1), effort_bn, state


def recurrent_step(
    x_bc: Tensor, neurons: Neurons, state: LayerState, mask_bn: Tensor | None = None
) -> tuple[Tensor, LayerState]:
    """u (B, N, M) of one step, and the state after it."""
    seen_bn = state.activity_bn if mask_bn is None else state.activity_bn * mask_bn
    r_bn, m_bnm, u_bnm = _updated(torch.cat([x_bc, seen_bn], dim=1), state.m_bnm, neurons)
    slow_bn = neurons.kappa_r * state.slow_bn + (1 - neurons.kappa_r) * r_bn
    v_bn = r_bn - slow_bn + neurons.bias_n
    return u_bnm, LayerState(_Spike.apply(v_bn) if neurons.spiking else torch.relu(v_bn), slow_bn, m_bnm)


def output_trace(a_btn: Tensor, neurons: Neurons, m_bnm: Tensor) -> tuple[Tensor, Tensor]:
    """Activity of an output layer that listens to a_btn, in every step, and its memory after the last."""
    trace = []
    for a_bn in a_btn.unbind(1):
        y_bn, m_bnm = output_step(a_bn, neurons, m_bnm)
        trace.append(y_bn)
    return torch.stack(trace, 1), m_bnm


def output_step(a_bn: Tensor, neurons: Neurons, m_bnm: Tensor) -> tuple[Tensor, Tensor]:
    """Activity (B, N) of an output layer in one step, and its memory after it."""
    r_bn, m_bnm, _ = _updated(a_bn, m_bnm, neurons)
    return r_bn + neurons.bias_n, m_bnm


def _updated(source_bs: Tensor, m_bnm: Tensor, neurons: Neurons) -> tuple[Tensor, Tensor, Tensor]:
    """Readout, memory and u after a step, in which the sources are source_bs."""
    at_synapses_bny = source_bs[:, neurons.source_ny] * neurons.w_ny
    b_bnk = at_synapses_bny.unflatten(-1, (neurons.n_branches, -1)).sum(-1)
    kept_bnm = neurons.kappa_nm * m_bnm
    u_bnm = torch.cat([b_bnk, kept_bnm], dim=-1)
    *hidden, last = neurons.mlp
    for layer in hidden:
        u_bnm = torch.relu(_linear(u_bnm, layer)) ** 2
    u_bnm = _linear(u_bnm, last)
    m_bnm = kept_bnm + neurons.gain_nm * PHI_HEIGHT * torch.tanh(PHI_SLOPE * u_bnm)
    return (neurons.w_y_nm * m_bnm).sum(-1), m_bnm, u_bnm


def _linear(x_bni: Tensor, layer: Layer) -> Tensor:
    w_nij, bias_nj = layer
    return torch.einsum("bni,nij->bnj", x_bni, w_nij) + bias_nj


class _Spike(torch.autograd.Function):
    @staticmethod
    def forward(ctx, v: Tensor) -> Tensor:
        ctx.save_for_backward(v)
        return (v > 0).to(v.dtype) + (v - v)  # NaN stays NaN

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: Tensor):
        (v,) = ctx.saved_tensors
        return gradient / (SLOPE * v.abs() + 1) ** 2
