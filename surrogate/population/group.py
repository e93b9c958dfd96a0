"""Neurons of a population that have the weights of one fitted run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import ArrayLike

from ...simulate.schema import InputError
from ..kernels.recurrence.reference import PHI_HEIGHT, PHI_SLOPE, synapse_table
from ..models.elm import ELM
from .random_numbers import Poisson

if TYPE_CHECKING:
    from ..use.checkpoint import Surrogate


MOST_HZ = 10_000  # ten spikes in a bin


@dataclass(frozen=True)
class Group:
    """Neurons `first` to `first` + n - 1."""

    surrogate: Surrogate
    model: ELM  # frozen, on the CPU
    sign_s: np.ndarray
    first: int
    n: int
    poisson: Poisson | None = None  # input

    @classmethod
    def of(cls, surrogate: Surrogate, first: int, n: int, rate_hz: ArrayLike | None) -> Group:
        """rate_hz: of Poisson input, one number for all synapses or one for each (S,); None: no such input.

        Raises InputError for a model that is no ELM, one whose outputs are not a spike and a voltage, or rates that
        are none.
        """
        model = getattr(surrogate, "model", None)
        if not isinstance(model, ELM):
            what = (
                f"{surrogate.name} is of family {surrogate.family}" if model is not None else f"got {surrogate!r:.60}"
            )
            raise InputError(f"Population: {what}, expected a fitted ELM (family 'elm', as Surrogate.load gives it)")
        sign_s, n_inputs = surrogate.sign_s, model.n_inputs
        if len(sign_s) != n_inputs:
            raise InputError(f"{surrogate.run}: has signs of {len(sign_s)} inputs, its model reads {n_inputs}")
        poisson = None
        if rate_hz is not None:
            rate_hz_s = np.asarray(rate_hz)
            if rate_hz_s.dtype.kind not in "iuf" or rate_hz_s.shape not in {(), (n_inputs,)}:
                came = f"{rate_hz_s.dtype} of shape {rate_hz_s.shape}"
                raise InputError(f"poisson_hz: {came}, expected a number or one for each of {n_inputs} synapses")
            wrong = ~((rate_hz_s >= 0) & (rate_hz_s <= MOST_HZ))
            if wrong.any():
                at = int(np.argmax(wrong))
                raise InputError(f"poisson_hz: {rate_hz_s.flat[at]} at synapse {at}, expected 0 to {MOST_HZ:,}")
            poisson = Poisson.of(np.broadcast_to(rate_hz_s, n_inputs).astype(float))
        return cls(surrogate, model.frozen(), sign_s, first, n, poisson)

    def folded(self) -> dict[str, np.ndarray]:
        """What a bin takes of the weights, float32, with constants taken in; S inputs, H hidden units, M memory units.

        table_sh: what an input spike adds to the hidden layer, with its sign. w_mh, w_hm: into the hidden layer and
        out of it. w_mo, bias_o: readout of spike logit and voltage.
        """
        neuron, readout = self.model.neuron(), self.model.w_y
        (w_first, bias_first), (w_last, bias_last) = neuron.mlp
        n_branches, n_inputs = len(neuron.kappa_k), self.model.n_inputs
        from_branches_kh = w_first[:, :n_branches].mT
        if neuron.input_y.numel():
            w_sk = synapse_table(neuron.w_y, neuron.input_y, neuron.valid_y, n_branches, n_inputs)
            table_sh = w_sk @ from_branches_kh
        else:
            table_sh = neuron.w_y[:, None] * from_branches_kh
        weights = {
            "table_sh": table_sh * torch.from_numpy(self.sign_s)[:, None],
            "bias_h": bias_first,
            "w_mh": w_first[:, n_branches:].mT,
            "w_hm": (PHI_SLOPE * w_last).mT,
            "bias_m": PHI_SLOPE * bias_last,
            "kappa_m": neuron.kappa_m,
            "gain_m": PHI_HEIGHT * neuron.gain_m,
            "w_mo": readout.weight[:2].mT,
            "bias_o": readout.bias[:2],
        }
        return {name: np.ascontiguousarray(each.detach().numpy()) for name, each in weights.items()}
