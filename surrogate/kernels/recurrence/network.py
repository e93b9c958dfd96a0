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
from .network_gpu import layer as gpu_layer
from .network_gpu import output as gpu_output
from .network_gpu import sizes as gpu_sizes
from .network_gpu.layer import Readers
from .network_reference import LayerState, Neurons

NetworkPath = Literal["auto", "compiled", "triton", "reference"]


class Traced(NamedTuple):
    """What the steps of a network give: activity of the output layer (B, T, O) and its memory after the last step; for
    each layer its state then, and over all steps the sums of |u| over memory units, and of the activity (B, N).
    """

    y_bto: Tensor
    m_bom: Tensor
    states: list[LayerState]
    effort: list[Tensor]
    activity: list[Tensor]


def path_of(x: Tensor | Events, layers: Sequence[Neurons]) -> tuple[NetworkPath, str]:
    """The path for an input and all layers, the output layer last, and why not the fast one of its device, or ""."""
    w_ny = layers[-1].w_ny
    on_a_gpu = w_ny.device.type == "cuda"
    if isinstance(x, Tensor) and x.requires_grad:
        why = "a gradient of the input is asked for"
    elif on_a_gpu and w_ny.dtype != torch.float32:
        why = f"weights are {w_ny.dtype}"
    else:
        why = gpu_sizes.why_not(layers) if on_a_gpu else why_not(w_ny)
    if why:
        return "reference", why
    return ("triton" if on_a_gpu else "compiled"), ""


def wiring_of(neurons: Neurons, n_channels: int, path: NetworkPath) -> Wiring | Readers:
    """A layer's sources as the kernels of a path take them."""
    if path == "triton":
        return Readers.of(neurons.source_ny, n_channels)
    return Wiring.of(neurons.source_ny, n_channels, neurons.n_branches, neurons.w_y_nm.shape[1])


def trace(
    x: Tensor | Events,
    layers: Sequence[tuple[Neurons, Wiring | Readers | None, LayerState, Tensor]],
    output: Neurons,
    m_bom: Tensor,
    path: NetworkPath,
) -> Traced:
    """The steps of sequences, from the states before them.

    x: events, or dense (B, T, C). layers: of each its neurons, what `wiring_of` makes of them, the state before, and
    the mask (B, N) of what it hears of itself. path: 'compiled' (CPU), 'triton' (GPU) or 'reference'.
    """
    states, effort, activity = [], [], []
    if path == "compiled":
        n_sequences = x.shape[0]
        entries = Entries.of(x if isinstance(x, Events) else Events.from_dense(x))
        a_gtnl = torch.empty(0)
        for neurons, wiring, state, mask_bn in layers:
            assert isinstance(wiring, Wiring)
            a_gtnl, effort_bn, state = network_cpu.recurrent_trace(entries, neurons, wiring, state, mask_bn)
            entries = Entries.of_layer(a_gtnl, n_sequences)
            states.append(state)
            effort.append(effort_bn)
            activity.append(from_lanes(a_gtnl.sum(1), n_sequences))
        return Traced(*network_output.output_trace(a_gtnl, output, m_bom), states, effort, activity)
    if path == "triton":
        a_ntb = gpu_layer.laid_out(x)
        for neurons, wiring, state, mask_bn in layers:
            assert isinstance(wiring, Readers)
            a_ntb, effort_bn, state = gpu_layer.recurrent_trace(a_ntb, neurons, wiring, state, mask_bn)
            states.append(state)
            effort.append(effort_bn)
            activity.append(a_ntb.sum(1).t())
        return Traced(*gpu_output.output_trace(a_ntb, output, m_bom), states, effort, activity)
    a_btn = x.dense(output.w_ny.dtype) if isinstance(x, Events) else x
    for neurons, _, state, mask_bn in layers:
        a_btn, effort_bn, state = network_reference.recurrent_trace(a_btn, neurons, state, mask_bn)
        states.append(state)
        effort.append(effort_bn)
        activity.append(a_btn.sum(1))
    return Traced(*network_reference.output_trace(a_btn, output, m_bom), states, effort, activity)
