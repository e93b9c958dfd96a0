"""The output layer of an ELM Network on a GPU, as a PyTorch operation with gradients.

What it listens to adds to its neurons' updates by one table, as their MLP is linear: a product for all steps. What is
left is each neuron's own memory. network_reference.py is the truth.

B sequences, T steps, N neurons that it listens to, O of its own, M memory units.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ..network_reference import Neurons
from ..reference import PHI_HEIGHT, PHI_SLOPE
from .sizes import SEQUENCES, TILE, power_of_two, warps


def output_trace(a_ntb: Tensor, neurons: Neurons, m_bom: Tensor) -> tuple[Tensor, Tensor]:
    """As `network_reference.output_trace`, with what it listens to (N, T, B)."""
    (w_oij, bias_om), (n_sources, *by_step) = neurons.mlp[0], a_ntb.shape
    (n_outputs, n_memory), (n_branches, n_synapses) = bias_om.shape, (neurons.n_branches, neurons.w_ny.shape[1])
    # what a synapse adds to u, summed over those that read the same neuron, in one order
    added_oym = neurons.w_ny[..., None] * w_oij[:, :n_branches].repeat_interleave(n_synapses // n_branches, dim=1)
    outputs = torch.arange(n_outputs, device=bias_om.device)[:, None].expand(-1, n_synapses)
    table_nom = added_oym.new_zeros(n_sources, n_outputs, n_memory)
    table_nom = table_nom.index_put((neurons.source_ny, outputs), PHI_SLOPE * added_oym, accumulate=True)
    drive_omtb = (table_nom.flatten(1).t() @ a_ntb.flatten(1)).view(n_outputs, n_memory, *by_step)
    drive_omtb = drive_omtb + PHI_SLOPE * bias_om[:, :, None, None]
    own = PHI_SLOPE * w_oij[:, n_branches:], neurons.kappa_nm, PHI_HEIGHT * neurons.gain_nm
    m_omtb = _Trace.apply(drive_omtb, *own, m_bom.movedim(0, -1))
    y_bto = torch.einsum("om,omtb->bto", neurons.w_y_nm, m_omtb) + neurons.bias_n
    return y_bto, m_omtb[:, :, -1].movedim(-1, 0)


class _Trace(torch.autograd.Function):
    """Memory of every step (O, M, T, B)."""

    @staticmethod
    def forward(ctx, *given: Tensor) -> Tensor:
        """given: drive_omtb, w_omm from a memory unit to another, kappa_om, gain_om, start_omb."""
        from .output_gpu_kernels import output_forward

        drive_omtb, *own = (each.contiguous() for each in given)
        d_omtb, m_omtb = torch.empty_like(drive_omtb), torch.empty_like(drive_omtb)
        _launch(output_forward, drive_omtb, *own, d_omtb, m_omtb)
        ctx.save_for_backward(*own, d_omtb, m_omtb)
        return m_omtb

    @staticmethod
    @once_differentiable
    def backward(ctx, of_m_omtb: Tensor):
        from .output_gpu_kernels import output_backward

        _, kappa_om, _, start_omb, _, m_omtb = ctx.saved_tensors
        of_drive_omtb = torch.empty_like(m_omtb)
        of_start_omb, of_kappa_omb, of_gain_omb = (torch.empty_like(start_omb) for _ in range(3))
        made = of_drive_omtb, of_start_omb, of_kappa_omb, of_gain_omb
        _launch(output_backward, of_m_omtb.contiguous(), *ctx.saved_tensors, *made)
        before_omtb = torch.cat([start_omb[:, :, None], m_omtb[:, :, :-1]], dim=2)
        of_w_omm = kappa_om[:, :, None] * torch.bmm(before_omtb.flatten(2), of_drive_omtb.flatten(2).mT)
        return of_drive_omtb, of_w_omm, of_kappa_omb.sum(2), of_gain_omb.sum(2), of_start_omb


def _launch(kernel, x_omtb: Tensor, *arrays: Tensor) -> None:
    """Run a kernel once for all steps."""
    n_outputs, n_memory, n_steps, n_sequences = x_omtb.shape
    width = power_of_two(n_memory)
    block = min(power_of_two(n_sequences), SEQUENCES, max(1, TILE // width**2))
    constants = {"M": width, "B": block, "num_warps": warps(width**2 * block)}
    with torch.cuda.device_of(x_omtb):
        grid = (n_outputs * -(-n_sequences // block),)
        kernel[grid](x_omtb, *arrays, n_sequences, n_steps, n_outputs, n_memory, **constants)
