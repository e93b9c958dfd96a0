"""The layers of an ELM Network over whole sequences: what the model calls, by whichever path is fastest here.

B sequences, T steps, C channels, N neurons of a layer, M memory units, O neurons of the output layer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from ..compiled import why_not
from ..events import Events
from . import cpu, network_cpu, network_reference
from .network_cpu import Entries, Wiring, from_lanes
from .network_reference import LayerState, Neurons
from .reference import PHI_HEIGHT, PHI_SLOPE

NetworkPath = Literal["auto", "compiled", "reference"]


class Traced(NamedTuple):
    """What the steps of a network give: activity of the output layer (B, T, O) and its memory after the last step; for
    each layer its state then, and over all steps the sums of |u| over memory units, and of the activity (B, N).
    """

    y_bto: Tensor
    m_bom: Tensor
    states: list[LayerState]
    effort: list[Tensor]
    activity: list[Tensor]


def path_of(x: Tensor | Events, output: Neurons) -> tuple[NetworkPath, str]:
    """The fastest path for an input and a network, by its output layer, and why it is not the compiled one, or ""."""
    asked = isinstance(x, Tensor) and x.requires_grad
    why = "a gradient of the input is asked for" if asked else why_not(output.w_ny)
    return ("reference", why) if why else ("compiled", "")


def trace(
    x: Tensor | Events,
    layers: Sequence[tuple[Neurons, Wiring | None, LayerState, Tensor]],
    output: Neurons,
    m_bom: Tensor,
    path: NetworkPath,
) -> Traced:
    """The steps of sequences, from the states before them.

    x: events, or dense (B, T, C). layers: of each its neurons, their wiring, which only the compiled path takes, the
    state before, and the mask (B, N) of what it hears of itself. path: 'compiled' or 'reference'.
    """
    states, effort, activity = [], [], []
    if path == "compiled":
        n_sequences = x.shape[0]
        entries = Entries.of(x if isinstance(x, Events) else Events.from_dense(x))
        a_btn = torch.empty(0)
        for neurons, wiring, state, mask_bn in layers:
            assert wiring is not None
            a_gtnl, effort_bn, state = network_cpu.recurrent_trace(entries, neurons, wiring, state, mask_bn)
            entries, a_btn = Entries.of_layer(a_gtnl, n_sequences), from_lanes(a_gtnl, n_sequences)
            states.append(state)
            effort.append(effort_bn)
            activity.append(from_lanes(a_gtnl.sum(1), n_sequences))
        return Traced(*_compiled_output(a_btn, output, m_bom), states, effort, activity)
    a_btn = x.dense(output.w_ny.dtype) if isinstance(x, Events) else x
    for neurons, _, state, mask_bn in layers:
        a_btn, effort_bn, state = network_reference.recurrent_trace(a_btn, neurons, state, mask_bn)
        states.append(state)
        effort.append(effort_bn)
        activity.append(a_btn.sum(1))
    return Traced(*network_reference.output_trace(a_btn, output, m_bom), states, effort, activity)


def _compiled_output(a_btn: Tensor, neurons: Neurons, m_bom: Tensor) -> tuple[Tensor, Tensor]:
    """As `network_reference.output_trace`: what the sources add to u is one product for all steps, and the ELM's kernel
    has what is left, with relu(z) − relu(−z) in place of z.
    """
    (w_oij, bias_oj), kappa_om = neurons.mlp[0], neurons.kappa_nm
    n_outputs, n_memory = kappa_om.shape
    n_branches, n_synapses = neurons.n_branches, neurons.w_ny.shape[1]
    # what a synapse adds to u, summed over those that read the same neuron
    added_oym = neurons.w_ny[..., None] * w_oij[:, :n_branches].repeat_interleave(n_synapses // n_branches, dim=1)
    row_oy = neurons.source_ny * n_outputs + torch.arange(n_outputs)[:, None]
    table = added_oym.new_zeros(a_btn.shape[2] * n_outputs, n_memory)
    table = table.index_add(0, row_oy.flatten(), added_oym.flatten(0, 1)).view(a_btn.shape[2], -1)
    share_obtm = ((a_btn @ table).unflatten(2, (n_outputs, n_memory)) + bias_oj).movedim(2, 0)
    w_omm = w_oij[:, n_branches:].mT
    twice, back = torch.cat([share_obtm, -share_obtm], dim=-1), torch.cat([w_omm, -w_omm], dim=1)
    joined = PHI_SLOPE * torch.cat([torch.eye(n_memory), -torch.eye(n_memory)], dim=1)
    joined, nothing = joined.expand(n_outputs, n_memory, 2 * n_memory), torch.zeros_like(kappa_om)
    gain_om, relu = PHI_HEIGHT * neurons.gain_nm, cpu.ACTIVATIONS[torch.nn.ReLU]
    m_obtm = cpu.MemoryTrace.apply(twice, back, joined, nothing, kappa_om, gain_om, relu, m_bom.movedim(1, 0))
    y_obt = (neurons.w_y_nm[:, None, None] * m_obtm).sum(-1) + neurons.bias_n[:, None, None]
    return y_obt.movedim(0, 2), m_obtm[:, :, -1].movedim(0, 1)
