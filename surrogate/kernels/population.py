"""Neurons of one ELM as population.cpp has them: weights laid out, and a bin of any number under dense input.

N neurons, S inputs, K branches, H hidden units (A: up to a multiple of eight), M memory units.
"""

from __future__ import annotations

import ctypes

import numpy as np
import torch
from torch import Tensor, nn

from .compiled import kernel
from .recurrence.cpu import ACTIVATIONS
from .recurrence.memory import Neuron
from .recurrence.reference import PHI_HEIGHT, PHI_SLOPE, synapse_table

LANES = 8  # of a vector

State = tuple[Tensor, ...]


class Group(ctypes.Structure):
    """PopulationGroup, field by field."""

    _fields_ = (
        [(name, ctypes.c_int64) for name in ("first", "n", "S", "H", "A", "M", "activation", "n_counts")]
        + [(name, ctypes.c_void_p) for name in ("table_sa", "bias_h", "w_mh", "w_hm", "bias_m", "kappa_m", "gain_m")]
        + [
            (name, ctypes.c_void_p)
            for name in ("w_mo", "bias_o", "count_c", "accept_s", "other_s", "share_na", "m_bmn")
        ]
        + [(name, ctypes.c_float) for name in ("kappa", "scale_mv", "offset_mv")]
    )

    @classmethod
    def of(
        cls, neuron: Neuron, arrays: dict[str, np.ndarray], scaling: tuple[float, float], first: int = 0, n: int = 0
    ) -> Group:
        """arrays: what `weights` gives, and perhaps the tables of Poisson input and a state; they must outlive it.

        scaling: the mV of a unit of voltage, and those of none.
        """
        n_inputs, apart = arrays["table_sa"].shape
        sizes = first, n, n_inputs, len(arrays["bias_h"]), apart, len(arrays["kappa_m"])
        group = cls(*sizes, ACTIVATIONS[type(neuron.activation)], len(arrays.get("count_c", ())))
        for name, array in arrays.items():
            setattr(group, name, array.ctypes.data)
        group.kappa, (group.scale_mv, group.offset_mv) = float(neuron.kappa_k[0]), scaling
        return group


def padded(n: int) -> int:
    return -(-n // LANES) * LANES


@torch.no_grad()
def weights(neuron: Neuron, readout: nn.Linear, n_inputs: int) -> dict[str, np.ndarray]:
    """Arrays of a PopulationGroup by name: what an input spike adds to the hidden layer, W_b W_s, and the rest of the
    weights with constants taken in. neuron: one that `path_of` gives to the compiled path.
    """
    (w_first, bias_first), (w_last, bias_last) = neuron.mlp
    n_branches, n_hidden = len(neuron.kappa_k), len(bias_first)
    from_branches_kh = w_first[:, :n_branches].mT.numpy()
    table_sa = np.zeros((n_inputs, padded(n_hidden)), np.float32)
    table_sh = table_sa[:, :n_hidden]
    if neuron.input_y.numel():
        w_sk = synapse_table(neuron.w_y, neuron.input_y, neuron.valid_y, n_branches, n_inputs).numpy()
        for w_s, from_branch_h in zip(w_sk.T, from_branches_kh, strict=True):  # a BLAS has no order that it keeps to
            (read,) = w_s.nonzero()
            table_sh[read] += w_s[read, None] * from_branch_h
    else:
        table_sh[:] = neuron.w_y[:, None].numpy() * from_branches_kh
    others = {
        "bias_h": bias_first,
        "w_mh": w_first[:, n_branches:].mT,
        "w_hm": (PHI_SLOPE * w_last).mT,
        "bias_m": PHI_SLOPE * bias_last,
        "kappa_m": neuron.kappa_m,
        "gain_m": PHI_HEIGHT * neuron.gain_m,
        "w_mo": readout.weight[:2].mT,
        "bias_o": readout.bias[:2],
    }
    return {"table_sa": table_sa} | {name: np.array(each.numpy(), order="C") for name, each in others.items()}


class Bins:
    """Neurons side by side, driven bin by bin: weights are read once, states come and go.

    A state is the branches' share of the hidden layer (N, A) and the memory (N, M).
    """

    def __init__(self, neuron: Neuron, readout: nn.Linear, n_inputs: int, scaling: tuple[float, float]) -> None:
        """scaling: as `Group.of` takes it. Raises NoKernel where it cannot be compiled here."""
        self._step = kernel().population_step
        self._step.restype, self._step.argtypes = (
            None,
            (
                *(ctypes.c_void_p, ctypes.c_int64),
                *(ctypes.c_void_p,) * 7,
                ctypes.c_int64,
            ),
        )
        self._arrays = weights(neuron, readout, n_inputs)
        self._group = Group.of(neuron, self._arrays, scaling)

    def rest(self, n: int) -> State:
        """The state before the first bin."""
        return torch.zeros(n, self._group.A), torch.zeros(n, self._group.M)

    def step(self, x_ns: np.ndarray, state: State) -> tuple[np.ndarray, np.ndarray, State]:
        """Spike probabilities and voltages in mV (N,), and the state after the bin; the one before is left as it is.

        x_ns: float32. A neuron gives the same to the bit alone and beside others.
        """
        x_ns, n = np.ascontiguousarray(x_ns), len(x_ns)
        before, after = [each.contiguous() for each in state], tuple(map(torch.empty_like, state))
        probability_n, v_mv_n = np.empty(n, np.float32), np.empty(n, np.float32)
        states = (each.data_ptr() for each in (*before, *after))
        out = probability_n.ctypes.data, v_mv_n.ctypes.data
        self._step(ctypes.byref(self._group), n, x_ns.ctypes.data, *states, *out, torch.get_num_threads())
        return probability_n, v_mv_n, after
