"""The output layer of an ELM Network by the compiled kernel, as a PyTorch operation with gradients.

What it listens to adds to its neurons' updates by one table, as their MLP is linear. network_reference.py is the truth.

G groups of eight sequences, T steps, N neurons of the layer, O of the output layer, M memory units, L lanes.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from .cpu import call
from .network_cpu import LANES, from_lanes, to_lanes
from .network_reference import Neurons
from .reference import PHI_HEIGHT, PHI_SLOPE


def output_trace(a_gtnl: Tensor, neurons: Neurons, m_bom: Tensor) -> tuple[Tensor, Tensor]:
    """As `network_reference.output_trace`, with what it listens to in lanes."""
    (w_oij, bias_om), n_sources = neurons.mlp[0], a_gtnl.shape[2]
    (n_outputs, n_memory), (n_branches, n_synapses) = bias_om.shape, (neurons.n_branches, neurons.w_ny.shape[1])
    # what a synapse adds to u, summed over those that read the same neuron
    added_oym = neurons.w_ny[..., None] * w_oij[:, :n_branches].repeat_interleave(n_synapses // n_branches, dim=1)
    row_oy = neurons.source_ny * n_outputs + torch.arange(n_outputs)[:, None]
    table = added_oym.new_zeros(n_sources * n_outputs, n_memory)
    table_nz = table.index_add(0, row_oy.flatten(), PHI_SLOPE * added_oym.flatten(0, 1)).view(n_sources, -1)
    weights = PHI_SLOPE * w_oij[:, n_branches:].flatten(1), PHI_SLOPE * bias_om
    constants = neurons.kappa_nm, PHI_HEIGHT * neurons.gain_nm, neurons.w_y_nm, neurons.bias_n[:, None]
    y_gtol, m_goml = _Trace.apply(a_gtnl, table_nz, torch.cat([*weights, *constants], dim=1), to_lanes(m_bom))
    return from_lanes(y_gtol, len(m_bom)), from_lanes(m_goml, len(m_bom))


class _Trace(torch.autograd.Function):
    """Activity (G, T, O, L), and the memory after the last step (G, O, M, L)."""

    @staticmethod
    def forward(ctx, a_gtnl: Tensor, table_nz: Tensor, numbers_ow: Tensor, start_goml: Tensor) -> tuple[Tensor, Tensor]:
        n_groups, n_steps, n_sources, _ = a_gtnl.shape
        _, n_outputs, n_memory, _ = start_goml.shape
        ctx.sizes = n_groups, n_steps, n_sources, n_outputs, n_memory
        m_gtoml = a_gtnl.new_empty(n_groups, n_steps + 1, n_outputs, n_memory, LANES)
        m_gtoml[:, 0] = start_goml
        d_gtoml, y_gtol = torch.empty_like(m_gtoml[:, 1:]), a_gtnl.new_empty(n_groups, n_steps, n_outputs, LANES)
        given = [each.contiguous() for each in (a_gtnl, table_nz, numbers_ow)]
        call("network_output_forward", *ctx.sizes, *given, m_gtoml, d_gtoml, y_gtol)
        ctx.save_for_backward(*given, m_gtoml, d_gtoml)
        return y_gtol, m_gtoml[:, -1].clone()

    @staticmethod
    @once_differentiable
    def backward(ctx, of_y_gtol: Tensor, of_m_goml: Tensor):
        a_gtnl, table_nz, numbers_ow, m_gtoml, d_gtoml = ctx.saved_tensors
        of_m_goml = of_m_goml.clone().contiguous()
        of_z_gtoml, of_a_gtnl, of_table_nz = (torch.empty_like(each) for each in (d_gtoml, a_gtnl, table_nz))
        of_numbers_gow = numbers_ow.new_empty(ctx.sizes[0], *numbers_ow.shape)
        given = a_gtnl, table_nz.t().contiguous(), numbers_ow, m_gtoml, d_gtoml, of_y_gtol.contiguous()
        made = of_m_goml, of_z_gtoml, of_a_gtnl, of_table_nz, of_numbers_gow
        call("network_output_backward", *ctx.sizes, *given, *made)
        return of_a_gtnl, of_table_nz, of_numbers_gow.sum(0), of_m_goml
