"""The Expressive Leaky Memory neuron: leaky synapses on branches, and a memory that a small MLP writes.

B windows, T ms, S inputs, Y synapses, K branches, M memory units, O outputs.
Source: Spieler et al. 2024, arXiv 2306.16922; v2 is the second model published with it.
"""

from __future__ import annotations

from typing import Literal, Self

import numpy as np
import torch
from pydantic import Field, NonNegativeInt, model_validator
from torch import Tensor, nn

from ...simulate.schema import Seed
from ..kernels.events import Events
from ..kernels.recurrence.memory import Neuron, Path, memory, path_of
from ..kernels.recurrence.reference import memory_trace
from .network import Network, State
from .routing import dendritic_routing, neuronio_routing, random_routing
from .settings import Settings, check_size
from .time_constants import bounded_ms, proto_of
from .weight_tables import Spread, initial_tables, shared_in_a_branch, smooth_along_a_branch, spread

N_BRANCHES = 45
TAU_MARGIN_MS = 1e-6  # time constants start this far inside their bounds, as published
SIMPLEST = "simplest"  # in place of a size
FEWER_WEIGHTS = ("share_weights", "weight_knots", "weight_rank")
ACTIVATIONS = {"relu": nn.ReLU, "silu": nn.SiLU}


class ELMConfig(Settings):
    """Everything that fixes an ELM's shape and dynamics; defaults are the published Branch-ELM for NeuronIO."""

    family: Literal["elm"] = "elm"
    n_inputs: int = Field(gt=0)
    d_m: int = Field(gt=0, description="memory units")
    n_outputs: int = Field(default=2, ge=2, le=10_000)
    version: Literal[1, 2] = Field(default=1, description="of the paper's equations: synapses leak, or branches")
    n_branches: int | None = Field(default=N_BRANCHES, gt=0, description="None: one branch and one synapse per input")
    synapses_per_branch: int = Field(default=100, gt=0, description="inputs of a branch; neighbouring ones overlap")
    routing: Literal["neuronio", "random", "dendrites"] = Field(
        default="neuronio", description="which inputs a branch has: neuronio, random, or dendrites for whole sections"
    )
    branch_of_input: tuple[NonNegativeInt, ...] | None = Field(
        default=None, repr=False, description="with routing 'dendrites': a fit takes it from its dataset"
    )
    routing_seed: Seed = Field(default=0, description="of routing random")
    share_weights: bool = Field(
        default=False, description="one weight for a branch's excitatory synapses, one for the others"
    )
    weight_knots: int | None = Field(
        default=None,
        ge=2,
        le=10_000,
        description="weights as a smooth function of the place on a branch: so many for each sign, linear in between",
    )
    weight_rank: int | None = Field(
        default=None, ge=1, le=10_000, description="weights as the product of a table by branch and one by place"
    )
    kept_branches: tuple[NonNegativeInt, ...] | None = Field(
        default=None, repr=False, description="those of n_branches that are left: a fit that prunes chooses them"
    )
    lambda_value: float = Field(default=5.0, gt=0, le=1e6, description="the paper's lambda: gain of a memory update")
    tau_b_ms: float = Field(
        default=5.0, ge=1e-3, le=1e6, description="time constant of synapses (v1) or branches (v2), in ms"
    )
    tau_m_min_ms: float = Field(default=1.0, ge=1e-3, le=1e6, description="least time constant of the memory, in ms")
    tau_m_max_ms: float = Field(
        default=150.0, ge=1e-3, le=1e6, description="largest time constant of the memory, in ms"
    )
    learn_tau_m: bool = Field(default=False, description="whether the memory's time constants are learned")
    w_s_init: float = Field(default=0.5, ge=0, le=1e6, description="initial weight of a synapse")
    mlp_layers: int = Field(default=1, ge=0, le=100, description="hidden layers; 0: one linear layer")
    mlp_hidden_size: int | None = Field(default=None, gt=0, description="None: 2·d_m")
    mlp_activation: Literal["relu", "silu"] = Field(default="relu", description="relu or silu")
    delta_t_ms: float = Field(default=1.0, ge=1e-3, le=1e3, description="a bin, in ms")

    @model_validator(mode="after")
    def _pairs_of_inputs(self) -> ELMConfig:
        if self.n_branches is not None and self.routing == "neuronio" and self.n_inputs % 2:
            raise ValueError(f"n_inputs is {self.n_inputs}: neuronio routing pairs excitatory and inhibitory inputs")
        fewer = [name for name in FEWER_WEIGHTS if getattr(self, name)]
        if len(fewer) > 1:
            raise ValueError(f"{fewer[0]} and {fewer[1]} are two ways to have fewer weights; give one of them")
        if fewer and self.n_branches is None:
            raise ValueError(f"{fewer[0]} takes branches")
        if (self.share_weights or self.weight_knots) and self.n_inputs % 2:
            raise ValueError(f"{fewer[0]} takes as many inhibitory as excitatory inputs")
        if (self.weight_knots or self.weight_rank) and self.routing != "neuronio":
            raise ValueError(f"{fewer[0]} takes routing neuronio, in which neighbouring places of a branch are alike")
        return self

    @model_validator(mode="after")
    def _kept(self) -> ELMConfig:
        kept = self.kept_branches
        if kept is not None and (
            self.n_branches is None
            or self.routing == "dendrites"
            or not kept
            or list(kept) != sorted({*kept})
            or kept[-1] >= self.n_branches
        ):
            raise ValueError(f"kept_branches is {kept}, expected some of {self.n_branches}, not dendrites")
        return self

    @model_validator(mode="after")
    def _fits_into_memory(self) -> ELMConfig:
        n_branches, hidden = self.n_branches or self.n_inputs, self.mlp_hidden_size or 2 * self.d_m
        n_synapses = n_branches * self.synapses_per_branch if self.n_branches else self.n_inputs
        mlp = (n_branches + self.d_m) * hidden + max(self.mlp_layers - 1, 0) * hidden**2 + hidden * self.d_m
        check_size(n_synapses + mlp + self.d_m * self.n_outputs)
        return self

    @model_validator(mode="after")
    def _dendrites(self) -> ELMConfig:
        given = self.branch_of_input
        if (self.routing == "dendrites") != (given is not None):
            raise ValueError("routing 'dendrites' and branch_of_input go together: a fit takes it from its dataset")
        if given is not None and (len(given) != self.n_inputs or self.n_branches != max(given) + 1):
            raise ValueError(
                f"branch_of_input has {len(given)} inputs on {max(given) + 1} branches, expected {self.n_inputs} on "
                f"{self.n_branches}"
            )
        return self


def elm(d_m: int | str, n_inputs: int, **options: object) -> ELMConfig:
    """The Branch-ELM of a size: `d_m` memory units, 45 branches of 100 synapses, tau_m 1 to 150 ms.

    d_m: "simplest" gives `simplest_elm`.
    Raises InputError for a size or an option that is not one.
    """
    if d_m == SIMPLEST:
        return simplest_elm(n_inputs, **options)
    return ELMConfig.checked(f"elm of size '{d_m}'", {**options, "n_inputs": n_inputs, "d_m": d_m})


def simplest_elm(n_inputs: int, **options: object) -> ELMConfig:
    """The least of ELMs: all inputs on one branch, one memory unit of learned tau, a linear layer in place of the MLP.

    Has as many parameters as the paper's simplest, 1,286 for 1,278 inputs; which parts it leaves out is our reading.
    Raises InputError for an odd number of inputs, or an option that is not one.
    """
    least = {"d_m": 1, "n_branches": 1, "synapses_per_branch": n_inputs, "mlp_layers": 0, "learn_tau_m": True}
    return ELMConfig.checked("simplest elm", {**least, **options, "n_inputs": n_inputs})


class ELM(Network):
    """Signed input spikes in, spike logit and scaled voltage out. Parameter names are the published ones."""

    input_to_synapse_indices: Tensor
    valid_indices_mask: Tensor
    low_y: Tensor | None  # which weight each synapse has; None: one of its own
    part_y: Tensor | None  # how far it lies between this and the next
    path: Path = "auto"  # of the recurrence
    _given: Neuron | None = None  # of a frozen copy

    def __init__(self, config: ELMConfig):
        super().__init__()
        self.config, self.n_inputs, self.history_ms = config, config.n_inputs, None
        self.n_branches = len(config.kept_branches or ()) or config.n_branches or config.n_inputs
        inputs, valid = _routing(config)
        n_synapses = len(inputs) or config.n_inputs
        hidden = config.mlp_hidden_size or 2 * config.d_m

        to = _spread(config, self.n_branches, inputs)
        if config.weight_rank is not None:
            n_places, rank = n_synapses // self.n_branches, config.weight_rank
            by_branch, by_place = initial_tables(self.n_branches, n_places, rank, config.w_s_init)
            self._proto_w_s, self._proto_place_w_s = nn.Parameter(by_branch), nn.Parameter(by_place)
        else:
            self._proto_w_s = nn.Parameter(torch.full((n_synapses if to is None else to.n_weights,), config.w_s_init))
        self.mlp = MLP(self.n_branches + config.d_m, hidden, config.d_m, config.mlp_layers, config.mlp_activation)
        self.w_y = nn.Linear(config.d_m, config.n_outputs)

        self._tau_name, n_tau = ("tau_s", n_synapses) if config.version == 1 else ("tau_b", self.n_branches)
        self.register_buffer(self._tau_name, torch.full((n_tau,), config.tau_b_ms))
        self._proto_tau_m = nn.Parameter(_initial_proto_tau_m(config), requires_grad=config.learn_tau_m)

        self.register_buffer("input_to_synapse_indices", inputs)
        self.register_buffer("valid_indices_mask", valid)
        self.register_buffer("low_y", to and to.low_y, persistent=False)
        self.register_buffer("part_y", to and to.part_y, persistent=False)

    @property
    def tau_m_ms(self) -> Tensor:
        """Time constant of each memory unit (M,), inside its bounds whatever the parameter."""
        return bounded_ms(self._proto_tau_m, *_tau_bounds_ms(self.config))

    def forward(self, x: Tensor | Events, path: Path | None = None) -> Tensor:
        """Outputs (B, T, 2) of whole windows that start from rest. path: of the recurrence, in place of the model's."""
        return self.w_y(memory(x, self.neuron(), path or self.path))

    def init_state(self, n_windows: int) -> State:
        """Branches (B, K) and memory (B, M)."""
        rest = self._proto_w_s.new_zeros
        return rest(n_windows, self.n_branches), rest(n_windows, self.config.d_m)

    def step(self, x_bs: Tensor, state: State) -> tuple[Tensor, State]:
        b_bk, m_bm = state
        given = self.neuron()
        x_by = x_bs[:, given.input_y] * given.valid_y if given.input_y.numel() else x_bs
        b_bk = given.kappa_k * b_bk + (given.w_y * x_by).view(x_bs.shape[0], self.n_branches, -1).sum(-1)
        m_b1m = memory_trace(b_bk[:, None], given.mlp, given.activation, given.kappa_m, given.gain_m, m_bm)
        return self.w_y(m_b1m[:, 0]), (b_bk, m_b1m[:, 0])

    @property
    def macs_per_ms(self) -> int:
        weights = [weight for weight, _ in self.mlp.layers()] + [self.w_y.weight]
        n_synapses = len(self.valid_indices_mask) or self.n_inputs
        if self.config.routing == "dendrites":  # which fills shorter branches up with none
            n_synapses = self.n_inputs
        return n_synapses + sum(weight.numel() for weight in weights)

    @property
    def kind(self) -> str:
        if self.config.n_branches is None:
            return "elm"
        return "branch-elm" if self.config.mlp_layers else "simplest-elm"

    @property
    def how(self) -> str:
        path, why = path_of(self.neuron())
        where = "a window to a program" if path == "triton" else f"{torch.get_num_threads()} threads"
        return f"recurrence: {path}" + (f" ({why})" if why else f", {where}")

    def frozen(self) -> Self:
        copied = super().frozen()
        copied._given = copied.neuron()
        return copied

    def neuron(self) -> Neuron:
        """What the recurrence needs of this model."""
        if self._given is not None:
            return self._given
        config = self.config
        # v1 leaks each synapse; with one time constant per branch the sum of the leaks is the leak of the sum.
        tau_k = getattr(self, self._tau_name).view(self.n_branches, -1)[:, 0]
        kappa_m = torch.exp(-config.delta_t_ms / self.tau_m_ms)
        if config.version == 1:
            gain_m = config.lambda_value * (1 - kappa_m)
        else:  # stays below 1 for a large lambda or a small tau
            gain_m = -torch.expm1(-config.delta_t_ms * config.lambda_value / self.tau_m_ms)

        return Neuron(
            self._w_y(),
            self.input_to_synapse_indices,
            self.valid_indices_mask,
            torch.exp(-config.delta_t_ms / tau_k),
            self.mlp.layers() if config.mlp_layers else _with_hidden_layer(*self.mlp.layers()[0]),
            self.mlp.activation,
            kappa_m,
            gain_m,
        )

    def _w_y(self) -> Tensor:
        """The weight of each synapse (Y,), 0 or more; with a dimension of models in front, so have the parameters."""
        if self.config.weight_rank is not None:
            return torch.relu(torch.matmul(self._proto_w_s, self._proto_place_w_s)).flatten(-2)
        w = torch.relu(self._proto_w_s)
        return w if self.low_y is None else spread(w, Spread(self.low_y, self.part_y))

    def set_spike_bias(self, logit: float) -> None:
        with torch.no_grad():
            self.w_y.bias[0] = logit


class MLP(nn.Module):
    """The published MLP's parameters; the recurrence applies them."""

    def __init__(self, n_in: int, n_hidden: int, n_out: int, n_layers: int, activation: str):
        super().__init__()
        self.activation = ACTIVATIONS[activation]()
        layers: list[nn.Module] = []
        for _ in range(n_layers):
            layers += [nn.Linear(n_in, n_hidden), self.activation]
            n_in = n_hidden
        self.network = nn.Sequential(*layers, nn.Linear(n_in, n_out))

    def layers(self) -> list[tuple[Tensor, Tensor]]:
        """Weight and bias of each layer, in order."""
        return [(layer.weight, layer.bias) for layer in self.network if isinstance(layer, nn.Linear)]


def _with_hidden_layer(weight: Tensor, bias: Tensor) -> list[tuple[Tensor, Tensor]]:
    """The same linear function as an MLP, which every path of the recurrence knows: relu(z) − relu(−z) = z.

    With a dimension of models in front, so has what is returned.
    """
    identity = torch.eye(bias.shape[-1], dtype=bias.dtype, device=bias.device)
    hidden = torch.cat([weight, -weight], dim=-2), torch.cat([bias, -bias], dim=-1)
    readout = torch.cat([identity, -identity], dim=1).expand(*bias.shape, 2 * bias.shape[-1])
    return [hidden, (readout, torch.zeros_like(bias))]


def _tau_bounds_ms(config: ELMConfig) -> tuple[float, float]:
    return config.tau_m_min_ms, max(config.tau_m_max_ms, config.tau_m_min_ms + 3 * TAU_MARGIN_MS)


def _initial_proto_tau_m(config: ELMConfig) -> Tensor:
    """Log-spaced time constants, through the inverse of the scaled sigmoid."""
    low, high = _tau_bounds_ms(config)
    if config.d_m == 1 and config.learn_tau_m:  # at a bound, where one log-spaced tau lies, it could not learn
        return proto_of(torch.tensor([low * high], dtype=torch.float64).sqrt(), low, high)
    ends = torch.tensor([low + TAU_MARGIN_MS, high - TAU_MARGIN_MS], dtype=torch.float64).log10()
    tau = torch.logspace(ends[0], ends[1], config.d_m, dtype=torch.float64)
    tau = tau.clamp(low + TAU_MARGIN_MS, high - TAU_MARGIN_MS)  # logspace may round past its ends
    return proto_of(tau, low, high)


def _spread(config: ELMConfig, n_branches: int, input_y: Tensor) -> Spread | None:
    """Which of the weights each synapse has; None where each has one of its own."""
    inhibitory_y = (input_y >= config.n_inputs // 2).long()  # the first half of the inputs is excitatory
    if config.share_weights:
        return shared_in_a_branch(inhibitory_y, n_branches)
    if config.weight_knots is not None:
        return smooth_along_a_branch(inhibitory_y, n_branches, config.weight_knots)
    return Spread(input_y) if config.routing == "dendrites" else None  # there, each input has one synapse


def _routing(config: ELMConfig) -> tuple[Tensor, Tensor]:
    """Input of each synapse, and whether there is one; both empty without branches, as published."""
    if config.n_branches is None:
        return torch.empty(0), torch.empty(0)
    shape = config.n_inputs, config.n_branches, config.synapses_per_branch
    if config.routing == "neuronio":
        inputs, valid = neuronio_routing(*shape)
    elif config.branch_of_input is not None:
        inputs, valid = dendritic_routing(np.array(config.branch_of_input))
    else:
        inputs, valid = random_routing(*shape, config.routing_seed)
    if config.kept_branches is not None:
        kept = list(config.kept_branches)
        inputs, valid = (each.reshape(config.n_branches, -1)[kept].ravel() for each in (inputs, valid))
    return torch.from_numpy(inputs), torch.from_numpy(valid)
