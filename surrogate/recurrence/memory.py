"""The memory of an ELM over whole windows: the one function that models call, by whichever path is fastest here.

B windows, T ms, S inputs, Y synapses, K branches, H hidden units, M memory units.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from ..events import Events
from . import cpu
from .compiled import NoKernel, kernel
from .reference import PHI_HEIGHT, PHI_SLOPE, Layer, branch_drive, leak, memory_trace, synapse_table

Path = Literal["auto", "compiled", "reference"]


class Neuron(NamedTuple):
    """What the recurrence needs of an ELM; see reference.py for the equations.

    w_y (Y,): synapse weights, branch after branch. input_y, valid_y: as `branch_drive` takes them, empty without
    routing. kappa_k (K,): decay of each branch in a bin. mlp: layers in order. kappa_m, gain_m (M,).
    """

    w_y: Tensor
    input_y: Tensor
    valid_y: Tensor
    kappa_k: Tensor
    mlp: list[Layer]
    activation: nn.Module
    kappa_m: Tensor
    gain_m: Tensor


def path_of(neuron: Neuron) -> tuple[Path, str]:
    """The path that `memory` takes by itself, and why not the compiled one, or ""."""
    why = ""
    if neuron.w_y.device.type != "cpu":
        why = f"on {neuron.w_y.device.type}"
    elif neuron.w_y.dtype != torch.float32:
        why = f"weights are {neuron.w_y.dtype}"
    elif len(neuron.mlp) != 2 or type(neuron.activation) not in cpu.ACTIVATIONS:
        why = "the MLP is not one hidden layer of ReLU or SiLU"
    elif neuron.kappa_k.requires_grad or (neuron.kappa_k != neuron.kappa_k[0]).any():
        why = "branches differ in their time constant"
    else:
        try:
            kernel()
        except NoKernel as error:
            why = str(error)
    return ("reference", why) if why else ("compiled", "")


def memory(x: Tensor | Events, neuron: Neuron, path: Path = "auto") -> Tensor:
    """Memory of every bin (B, T, M), from rest, under input spikes x: events, or signed and dense (B, T, S).

    path: 'compiled' (CPU, one hidden layer) or 'reference'; 'auto' takes the compiled one wherever `path_of` can,
    unless a gradient of the input is asked for.
    """
    wants_gradient = isinstance(x, Tensor) and x.requires_grad
    chosen: Path = "reference" if wants_gradient and path == "auto" else path
    chosen = path_of(neuron)[0] if chosen == "auto" else chosen
    return _compiled(x, neuron) if chosen == "compiled" else _reference(x, neuron)


def _reference(x: Tensor | Events, neuron: Neuron) -> Tensor:
    x_bts = x.dense() if isinstance(x, Events) else x.to(neuron.w_y.dtype)
    drive_btk = branch_drive(x_bts, neuron.w_y, neuron.input_y, neuron.valid_y, len(neuron.kappa_k))
    b_btk = leak(drive_btk, neuron.kappa_k)
    return memory_trace(b_btk, neuron.mlp, neuron.activation, neuron.kappa_m, neuron.gain_m)


def _compiled(x: Tensor | Events, neuron: Neuron) -> Tensor:
    events = x if isinstance(x, Events) else Events.from_dense(x)
    events = events._replace(value_n=events.value_n.float())
    (w_first, bias_first), (w_last, bias_last) = neuron.mlp
    n_branches = len(neuron.kappa_k)
    from_branches_kh = w_first[:, :n_branches].t()
    if neuron.input_y.numel():
        n_inputs = events.shape[2]
        w_sk = synapse_table(neuron.w_y, neuron.input_y, neuron.valid_y, n_branches, n_inputs)
        w_sh = w_sk @ from_branches_kh
    else:
        w_sh = neuron.w_y[:, None] * from_branches_kh
    drive_bth = cpu.BranchStates.apply(w_sh, neuron.kappa_k[:1].expand(w_sh.shape[1]), events) + bias_first
    return cpu.MemoryTrace.apply(
        drive_bth,
        w_first[:, n_branches:],
        PHI_SLOPE * w_last,
        PHI_SLOPE * bias_last,
        neuron.kappa_m,
        PHI_HEIGHT * neuron.gain_m,
        cpu.ACTIVATIONS[type(neuron.activation)],
    )
