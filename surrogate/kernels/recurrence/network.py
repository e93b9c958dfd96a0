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
from . import network_cpu, network_output, network_reference
from .network_cpu import Entries, Wiring, from_lanes
from .network_reference import LayerState, Neurons

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
        a_gtnl = torch.empty(0)
        for neurons, wiring, state, mask_bn in layers:
            assert wiring is not None
            a_gtnl, effort_bn, state = network_cpu.recurrent_trace(entries, neurons, wiring, state, mask_bn)
            entries = Entries.of_layer(a_gtnl, n_sequences)
            states.append(state)
            effort.append(effort_bn)
            activity.append(from_lanes(a_gtnl.sum(1), n_sequences))
        return Traced(*network_output.output_trace(a_gtnl, output, m_bom), states, effort, activity)
    a_btn = x.dense(output.w_ny.dtype) if isinstance(x, Events) else x
    for neurons, _, state, mask_bn in layers:
        a_btn, effort_bn, state = network_reference.recurrent_trace(a_btn, neurons, state, mask_bn)
        states.append(state)
        effort.append(effort_bn)
        activity.append(a_btn.sum(1))
    return Traced(*network_reference.output_trace(a_btn, output, m_bom), states, effort, activity)
