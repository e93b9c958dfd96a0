"""One point neuron: leaky integrate-and-fire (LIF), and with a threshold that its own spikes raise (ALIF).

v_t = rest + kappa·(1 − z_{t−1})·(v_{t−1} − rest) + w·x_t     membrane; a spike puts it back to rest
theta_t = theta + beta·a_t, a_t = rho·a_{t−1} + z_{t−1}        threshold; beta is 0 in a LIF
z_t = 1 where v_t > theta_t                                   spike; its surrogate derivative is that of the sigmoid
spike logit (v_t − theta_t) / SOFTNESS, scaled voltage v_t

The ELM paper (Spieler et al. 2024, arXiv 2306.16922) fits a LIF of 1,280 and an ALIF of 1,281 parameters to 1,278
inputs; no code of them is published. Our reading: beside the weights, rest and kappa, and beta in the ALIF; theta is
given. Surrogate gradient: Neftci et al. 2019, IEEE Signal Process. Mag. 36:51; adaptive threshold: Bellec et al. 2018,
arXiv 1803.09574.

B windows, T ms, S inputs. u and theta_u are membrane and threshold above rest, in units of SOFTNESS.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from ...simulate.schema import InputError
from ..kernels.events import Events
from ..kernels.spike_drive import spike_drive
from .network import Network, State
from .settings import Settings
from .time_constants import bounded_ms, proto_of

# 2 mV, in the network's units of 10 mV: a spike a second (log odds −7 for a bin) at −68 mV, the mean for which NeuronIO
# is scaled, then means a threshold near −54 mV, which is where the voltage's target is clipped
SOFTNESS = 0.2
THETA = 7 * SOFTNESS
TAU_INIT_MS = 10.0  # chosen: about the geometric middle of the bounds
BETA_INIT = SOFTNESS  # chosen: one spike takes one from the logit


class LIFConfig(Settings):
    """Everything that fixes a point neuron's dynamics."""

    family: Literal["lif", "alif"]
    n_inputs: int = Field(gt=0)
    tau_min_ms: float = Field(default=1.0, ge=1e-3, lt=TAU_INIT_MS, description="least time constant, in ms")
    tau_max_ms: float = Field(
        default=150.0, gt=TAU_INIT_MS, le=1e6, description="largest time constant, as of the ELM's memory units, in ms"
    )
    # Brette & Gerstner 2005, J. Neurophysiol. 94:3637: tau_w of a regular spiking pyramidal cell
    tau_adaptation_ms: float = Field(
        default=144.0, ge=1e-3, le=1e6, description="of an alif's threshold: its time constant, in ms"
    )


def lif(family: str, size: int | str, n_inputs: int, **options: object) -> LIFConfig:
    """The LIF or ALIF. Raises InputError for a size other than 1, or an option that is not one."""
    if str(size) != "1":
        raise InputError(f"{family} of size '{size}': it is one neuron, so its only size is 1")
    return LIFConfig.checked(family, {**options, "family": family, "n_inputs": n_inputs})


class LIF(Network):
    """Signed input spikes in, spike logit and scaled voltage out."""

    theta: Tensor
    history_ms = None

    def __init__(self, config: LIFConfig):
        super().__init__()
        self.config, self.n_inputs = config, config.n_inputs
        bound = 1 / math.sqrt(config.n_inputs)
        self.w_s = nn.Parameter(torch.empty(config.n_inputs).uniform_(-bound, bound))
        tau_ms = torch.tensor(TAU_INIT_MS, dtype=torch.float64)
        self.proto_tau = nn.Parameter(proto_of(tau_ms, config.tau_min_ms, config.tau_max_ms))
        self.rest = nn.Parameter(torch.zeros(()))
        self.register_buffer("theta", torch.tensor(THETA))
        if config.family == "alif":
            self.proto_beta = nn.Parameter(torch.tensor(math.log(math.expm1(BETA_INIT / SOFTNESS))))

    @property
    def tau_ms(self) -> Tensor:
        """Time constant of the membrane, inside its bounds whatever the parameter."""
        return bounded_ms(self.proto_tau, self.config.tau_min_ms, self.config.tau_max_ms)

    def forward(self, x: Tensor | Events) -> Tensor:
        events = x if isinstance(x, Events) else Events.from_dense(x)
        drive_bt = spike_drive(events, self.w_s / SOFTNESS)
        return self._integrate(drive_bt, self.init_state(drive_bt.shape[0]))[0]

    def init_state(self, n_windows: int) -> State:
        """Membrane above rest after the reset (B,) and adaptation a of the threshold (B,), which a LIF leaves at 0."""
        rest = self.w_s.new_zeros
        return rest(n_windows), rest(n_windows)

    def step(self, x_bs: Tensor, state: State) -> tuple[Tensor, State]:
        y_b1o, after = self._integrate((x_bs @ (self.w_s / SOFTNESS))[:, None], state)
        return y_b1o[:, 0], after

    def _integrate(self, drive_bt: Tensor, state: State) -> tuple[Tensor, State]:
        """Outputs (B, T, 2) of each bin, and the state after the last."""
        kappa = torch.exp(-1 / self.tau_ms)
        threshold = (self.theta - self.rest) / SOFTNESS
        beta = F.softplus(self.proto_beta) if self.config.family == "alif" else None
        rho = math.exp(-1 / self.config.tau_adaptation_ms)
        kept_b, a_b = state
        trace_u, trace_theta, theta_u = [], [], threshold.expand(drive_bt.shape[0])
        for drive_b in drive_bt.unbind(1):
            u_b = torch.addcmul(drive_b, kappa, kept_b)
            if beta is not None:
                theta_u = torch.addcmul(threshold, beta, a_b)
            z_b = _spike(u_b - theta_u)
            kept_b = u_b - z_b * u_b
            if beta is not None:
                a_b = torch.add(z_b, a_b, alpha=rho)
            trace_u.append(u_b)
            trace_theta.append(theta_u)
        u_bt, theta_bt = torch.stack(trace_u, 1), torch.stack(trace_theta, 1)
        return torch.stack([u_bt - theta_bt, self.rest + SOFTNESS * u_bt], dim=2), (kept_b, a_b)

    @property
    def macs_per_ms(self) -> int:
        return self.w_s.numel()

    def set_spike_bias(self, logit: float) -> None:
        with torch.no_grad():
            self.theta.copy_(self.rest - SOFTNESS * logit)


def _spike(logit: Tensor) -> Tensor:
    """1 where the logit is above 0, else 0; differentiated as if it were the sigmoid."""
    p = torch.sigmoid(logit)
    return (logit > 0).to(p.dtype) + (p - p.detach())
