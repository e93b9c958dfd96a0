"""The memory of an ELM over whole windows: what models call, by whichever path is fastest here.

N models of one size, B windows of each, T ms, S inputs, Y synapses, K branches, H hidden units, M memory units.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from ..compiled import why_not
from ..events import Events
from . import cpu, gpu
from .reference import PHI_HEIGHT, PHI_SLOPE, Layer, branch_drive, leak, memory_trace, synapse_table

Path = Literal["auto", "compiled", "triton", "reference"]


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
    """The path that `memory` takes by itself, and why not the fast one of its device, or ""."""
    device = neuron.w_y.device.type
    why = why_no_other(neuron)
    if not why:
        on_gpu = device == "cuda"
        why = gpu.why_not(len(neuron.mlp[0][0]), len(neuron.kappa_m)) if on_gpu else why_not(neuron.w_y)
    if why:
        return "reference", why
    return ("triton" if device == "cuda" else "compiled"), ""


def why_no_other(neuron: Neuron) -> str:
    """Why no path but the reference takes such a neuron, on any device, or ""."""
    if neuron.w_y.dtype != torch.float32:
        return f"weights are {neuron.w_y.dtype}"
    if len(neuron.mlp) != 2 or type(neuron.activation) not in cpu.ACTIVATIONS:
        return "the MLP is not one hidden layer of ReLU or SiLU"
    if neuron.kappa_k.requires_grad or (neuron.kappa_k != neuron.kappa_k[0]).any():
        return "branches differ in their time constant"
    return ""


def memory(x: Tensor | Events, neuron: Neuron, path: Path = "auto") -> Tensor:
    """Memory of every bin (B, T, M), from rest, under input spikes x: events, or signed and dense (B, T, S).

    path: 'compiled' (CPU) or 'triton' (GPU), with one hidden layer, or 'reference'; 'auto' takes the fast one wherever
    `path_of` can, unless a gradient of the input is asked for.
    """
    wants_gradient = isinstance(x, Tensor) and x.requires_grad
    chosen: Path = "reference" if wants_gradient and path == "auto" else path
    chosen = path_of(neuron)[0] if chosen == "auto" else chosen
    if chosen == "reference":
        return _reference(x, neuron)
    return _fast(x if isinstance(x, Events) else Events.from_dense(x), _one(neuron), chosen)[0]


def memories(events: Sequence[Events], neurons: Neuron, path: Path) -> Tensor:
    """Memories (N, B, T, M) of several neurons of one shape, each under its own events: one call for all.

    neurons: their weights and time constants, each with one more dimension in front, of models. path: 'compiled' or
    'triton', as `path_of` says of one of them.
    """
    return _fast(Events.joined(events), neurons, path)


class Pieces:
    """The memory of an ELM under sequences that come piece after piece.

    What depends on the weights alone is computed once. A state is of the branches, or of their share of the hidden
    layer, and the memory.
    """

    def __init__(self, neuron: Neuron, n_inputs: int) -> None:
        """On a CPU by the compiled path, by the reference where `path_of` says why not, and on a GPU."""
        self._neuron, self._compiled = neuron, path_of(neuron)[0] == "compiled"
        if self._compiled:
            self._table, self._bias, self._weights = _prepared(_one(neuron), n_inputs)

    def rest(self, n_windows: int) -> tuple[Tensor, Tensor]:
        """The state before the first piece."""
        n_memory = len(self._neuron.kappa_m)
        n_leaking = self._table.shape[2] if self._compiled else len(self._neuron.kappa_k)
        zeros = self._neuron.kappa_m.new_zeros
        return zeros(n_windows, n_leaking), zeros(n_windows, n_memory)

    def trace(self, events: Events, state: tuple[Tensor, ...]) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Memory of every bin of a piece (B, T, M), and the state after it."""
        neuron, (leaking_bx, m_bm) = self._neuron, state
        if not self._compiled:
            drive_btk = branch_drive(
                events.dense(neuron.w_y.dtype), neuron.w_y, neuron.input_y, neuron.valid_y, len(neuron.kappa_k)
            )
            first_b1k = drive_btk[:, :1] + (neuron.kappa_k * leaking_bx)[:, None]
            b_btk = leak(torch.cat([first_b1k, drive_btk[:, 1:]], dim=1), neuron.kappa_k)
            m_btm = memory_trace(b_btk, neuron.mlp, neuron.activation, neuron.kappa_m, neuron.gain_m, m_bm)
            return m_btm, (b_btk[:, -1], m_btm[:, -1])
        events = events._replace(value_n=events.value_n.float())
        kappa = neuron.kappa_k[:1].expand(self._table.shape[2])
        share_1bth = cpu.BranchStates.apply(self._table, kappa, events, leaking_bx[None])
        activation = cpu.ACTIVATIONS[type(neuron.activation)]
        drive_1bth = share_1bth + self._bias[:, None, None]
        m_btm = cpu.MemoryTrace.apply(drive_1bth, *self._weights, activation, m_bm[None])[0]
        return m_btm, (share_1bth[0, :, -1], m_btm[:, -1])


def _one(neuron: Neuron) -> Neuron:
    """As the only one of a stack."""
    return neuron._replace(
        w_y=neuron.w_y[None],
        mlp=[(weight[None], bias[None]) for weight, bias in neuron.mlp],
        kappa_m=neuron.kappa_m[None],
        gain_m=neuron.gain_m[None],
    )


def _reference(x: Tensor | Events, neuron: Neuron) -> Tensor:
    x_bts = x.dense() if isinstance(x, Events) else x.to(neuron.w_y.dtype)
    drive_btk = branch_drive(x_bts, neuron.w_y, neuron.input_y, neuron.valid_y, len(neuron.kappa_k))
    b_btk = leak(drive_btk, neuron.kappa_k)
    return memory_trace(b_btk, neuron.mlp, neuron.activation, neuron.kappa_m, neuron.gain_m)


def _prepared(neurons: Neuron, n_inputs: int) -> tuple[Tensor, Tensor, tuple[Tensor, ...]]:
    """Table of what an input adds to the hidden layer (N, S, H), its bias (N, H), and what the trace takes."""
    (w_first, bias_first), (w_last, bias_last) = neurons.mlp
    n_branches = len(neurons.kappa_k)
    from_branches_nkh = w_first[:, :, :n_branches].mT
    if neurons.input_y.numel():
        w_nsk = synapse_table(neurons.w_y, neurons.input_y, neurons.valid_y, n_branches, n_inputs)
        w_nsh = w_nsk @ from_branches_nkh
    else:
        w_nsh = neurons.w_y[..., None] * from_branches_nkh
    weights = (
        w_first[:, :, n_branches:],
        PHI_SLOPE * w_last,
        PHI_SLOPE * bias_last,
        neurons.kappa_m,
        PHI_HEIGHT * neurons.gain_m,
    )
    return w_nsh, bias_first, weights


def _fast(events: Events, neurons: Neuron, path: Path) -> Tensor:
    events = events._replace(value_n=events.value_n.float())
    w_nsh, bias_first, weights = _prepared(neurons, events.shape[2])
    leak, activation = neurons.kappa_k[:1], cpu.ACTIVATIONS[type(neurons.activation)]
    if path == "triton":
        return gpu.MemoryTrace.apply(gpu.branch_drive(w_nsh, events), leak, bias_first, *weights, activation)
    drive_nbth = cpu.BranchStates.apply(w_nsh, leak.expand(w_nsh.shape[2]), events, None) + bias_first[:, None, None]
    return cpu.MemoryTrace.apply(drive_nbth, *weights, activation, None)
