"""The parameters of a layer of ELM neurons, and what its synapses listen to.

Every neuron draws its sources once and for ever: a channel, or with probability rho a neuron of its layer.
kernels/recurrence/network_reference.py has the equations. The start of w is as in the code of Spieler, Martius & Levina
2026, arXiv 2605.12049. Ours, since it is not told: other weights start as PyTorch's linear layers do, and biases of
activities at 0.

N neurons, Y synapses of each, M memory units.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn

from ...simulate.schema import InputError
from ..kernels.recurrence.network import NetworkPath, wiring_of
from ..kernels.recurrence.network_cpu import Wiring
from ..kernels.recurrence.network_gpu.layer import Readers
from ..kernels.recurrence.network_reference import Neurons
from .elm_network_config import ElmNetworkConfig
from .time_constants import bounded_ms, proto_of

POSITIVE_W = 0.5  # where weights of synapses start that are never below 0; as in elm.py


class ElmLayer(nn.Module):
    """The parameters of N neurons of one size; the recurrence applies them."""

    source_ny: Tensor
    fixed_tau_nm: Tensor
    _given: Neurons | None = None  # of a frozen copy
    _wired: tuple[tuple, Wiring | Readers] | None = None

    def __init__(
        self, config: ElmNetworkConfig, n_sources: int, n_neurons: int, d_m: int, *, rho: float, number: int
    ) -> None:
        """n_sources: what it may listen to besides itself. rho: as the configuration's; 0 in an output layer, whose MLP
        is linear. number: of the layer, so that no two draw the same.
        """
        super().__init__()
        self.config, self.n_sources = config, n_sources
        self.is_output = number == config.n_layers
        n_synapses = config.n_branches * config.synapses_per_branch
        random = np.random.default_rng([config.routing_seed, number])
        self.register_buffer("source_ny", drawn_sources((n_neurons, n_synapses), n_sources, rho, random))
        self.w_ny = nn.Parameter(torch.empty(n_neurons, n_synapses))
        widths = [config.n_branches + d_m, d_m] if self.is_output else [config.n_branches + d_m, 2 * d_m, d_m]
        pairs = list(pairwise(widths))
        self.mlp = nn.ParameterList(nn.Parameter(torch.empty(n_neurons, *pair)) for pair in pairs)
        self.mlp_bias = nn.ParameterList(nn.Parameter(torch.empty(n_neurons, n_out)) for _, n_out in pairs)
        self.w_y = nn.Parameter(torch.empty(n_neurons, d_m))
        self.bias = nn.Parameter(torch.zeros(n_neurons))
        self._start_taus(n_neurons, d_m)
        self._start_weights()
        self.register_load_state_dict_post_hook(lambda layer, _: layer.check_sources())

    @torch.no_grad()
    def _start_weights(self) -> None:
        scale = 1 / math.sqrt(self.config.synapses_per_branch)
        if self.config.weights == "signed":
            self.w_ny.uniform_(-scale, scale)
        else:
            self.w_ny.fill_(POSITIVE_W)
        for weight, bias in zip(self.mlp, self.mlp_bias, strict=True):
            bound = 1 / math.sqrt(weight.shape[1])
            weight.uniform_(-bound, bound)
            bias.uniform_(-bound, bound)
        bound = 1 / math.sqrt(self.w_y.shape[1])
        self.w_y.uniform_(-bound, bound)

    def _start_taus(self, n_neurons: int, d_m: int) -> None:
        low, high = self.config.tau_m_min, max(self.config.tau_m_max, self.config.tau_m_min)
        tau_m = torch.logspace(math.log10(low), math.log10(high), d_m, dtype=torch.float64)
        tau_nm = tau_m.expand(n_neurons, d_m)
        if self.config.learn_tau_m:
            self.proto_tau_nm = nn.Parameter(proto_of(tau_nm, *self._tau_bounds()))
        else:
            self.register_buffer("fixed_tau_nm", tau_nm.float().contiguous())

    def _tau_bounds(self) -> tuple[float, float]:
        return self.config.tau_m_min / 10, self.config.tau_m_max * math.sqrt(10)

    @property
    def tau_nm(self) -> Tensor:
        """Time constants of the memory (N, M), in steps or ms as the configuration says."""
        return bounded_ms(self.proto_tau_nm, *self._tau_bounds()) if self.config.learn_tau_m else self.fixed_tau_nm

    def check_sources(self) -> None:
        """Raises InputError for a source that is neither a channel nor a neuron of the layer."""
        n_neurons = 0 if self.is_output else len(self.source_ny)
        low, high = (int(each) for each in torch.aminmax(self.source_ny))
        if low < 0 or high >= self.n_sources + n_neurons:
            beyond = low if low < 0 else high
            raise InputError(
                f"elm-network: source {beyond} is beyond the {self.n_sources} inputs and {n_neurons} neurons of its "
                "layer; take the weights of a run of these sizes"
            )

    def wiring(self, neurons: Neurons, path: NetworkPath) -> Wiring | Readers | None:
        """The sources as the kernels of a path take them, made once; the reference takes none. Raises InputError as
        `check_sources`.
        """
        if path == "reference":
            return None
        wanted = path, self.source_ny.device, self.source_ny._version
        if self._wired is None or self._wired[0] != wanted:
            self.check_sources()
            self._wired = wanted, wiring_of(neurons, self.n_sources, path)
        return self._wired[1]

    def neurons(self) -> Neurons:
        """What the recurrence needs of this layer."""
        if self._given is not None:
            return self._given
        config = self.config
        w_ny = self.w_ny if config.weights == "signed" else torch.relu(self.w_ny)
        step = 1.0 if config.tau_in == "steps" else config.step_ms
        return Neurons(
            self.source_ny,
            config.input_scale * w_ny,
            list(zip(self.mlp, self.mlp_bias, strict=True)),
            torch.exp(-step / self.tau_nm),
            -torch.expm1(-config.lambda_value * step / self.tau_nm),
            self.w_y,
            self.bias,
            math.exp(-step / config.tau_r),
            config.spiking,
        )

    def freeze(self) -> None:
        """From now on `neurons` are these, whatever becomes of the parameters."""
        self._given = self.neurons()


def drawn_sources(shape: tuple[int, int], n_sources: int, rho: float, random: np.random.Generator) -> Tensor:
    """Source of each synapse, drawn with replacement: with probability rho one of the layer's neurons, which follow the
    n_sources others. shape: neurons, synapses of each.
    """
    own, other = random.integers(shape[0], size=shape), random.integers(n_sources, size=shape)
    return torch.from_numpy(np.where(random.random(shape) < rho, n_sources + own, other))
