"""Linear-nonlinear: every input is weighed and filtered, and one curve turns the sum into spike logit and voltage.

u_t = sum over signs g, inputs s of g, lags k of w_s·f_g(k)·x_{t−k}        linear, separable in space and time
f_g(k) = sum over n of c_gn·sqrt(1 − kappa_gn²)·kappa_gn^k                 N decaying exponentials for each sign
[spike logit, scaled voltage] = W2·tanh(W1·u_t + b1) + b2                  static nonlinearity

Source: Chichilnisky 2001, Network: Comput. Neural Syst. 12:199, with an input for a pixel; the curve is learned there
too, point by point. The factor of each exponential gives all of them the same variance under random spikes.

B windows, T ms, S inputs, G signs (excitatory, inhibitory), N exponentials.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from ..kernels.events import Events
from ..kernels.recurrence.reference import leak
from ..kernels.spike_drive import spike_drive
from .network import Network, State
from .settings import Settings
from .time_constants import bounded_ms, proto_of

HIDDEN = 8  # chosen: bends of the nonlinearity
SPIKE_BIAS_INIT = -7.0  # log odds of a spike a second in a bin of 1 ms
TAU_MIN_MS, TAU_MAX_MS = 1.0, 150.0  # as of the ELM's memory units for NeuronIO, Spieler et al. 2024


class LNConfig(Settings):
    """Everything that fixes a linear-nonlinear model's shape."""

    family: Literal["ln"] = "ln"
    n_inputs: int = Field(gt=0)
    n_exponentials: int = Field(gt=0, le=1000, description="of each sign's filter")


def ln(n_exponentials: int | str, n_inputs: int, **options: object) -> LNConfig:
    """The linear-nonlinear model of a size: filters of `n_exponentials` time constants.

    Raises InputError for a size or an option that is not one.
    """
    fields = {**options, "n_inputs": n_inputs, "n_exponentials": n_exponentials}
    return LNConfig.checked(f"ln of size '{n_exponentials}'", fields)


class LN(Network):
    """Signed input spikes in, spike logit and scaled voltage out."""

    history_ms = None

    def __init__(self, config: LNConfig):
        super().__init__()
        self.config, self.n_inputs = config, config.n_inputs
        n, bound = config.n_exponentials, 1 / math.sqrt(config.n_inputs)
        self.w_s = nn.Parameter(torch.empty(config.n_inputs).uniform_(-bound, bound))
        self.c_gn = nn.Parameter(torch.full((2, n), 1 / n))
        middles = (torch.arange(n, dtype=torch.float64) + 0.5) / n  # evenly spaced logarithms, none at its bound
        tau_ms = TAU_MIN_MS * (TAU_MAX_MS / TAU_MIN_MS) ** middles
        self.proto_tau_gn = nn.Parameter(proto_of(tau_ms, TAU_MIN_MS, TAU_MAX_MS).repeat(2, 1))
        self.bend, self.readout = nn.Linear(1, HIDDEN), nn.Linear(HIDDEN, 2)
        with torch.no_grad():
            self.readout.weight[0] = self.readout.weight[1]  # else half of all fits learn to spike at low voltage first
        self.set_spike_bias(SPIKE_BIAS_INIT)

    @property
    def tau_gn_ms(self) -> Tensor:
        """Time constants (G, N) of the excitatory and the inhibitory filter."""
        return bounded_ms(self.proto_tau_gn, TAU_MIN_MS, TAU_MAX_MS)

    def forward(self, x: Tensor | Events) -> Tensor:
        events = x if isinstance(x, Events) else Events.from_dense(x)
        signs = events.value_n.clamp(min=0), events.value_n.clamp(max=0)
        drive_btg = torch.stack([spike_drive(events._replace(value_n=value_n), self.w_s) for value_n in signs], 2)
        kappa_gn, c_gn = self._filters()
        trace_btf = leak(drive_btg.repeat_interleave(self.config.n_exponentials, 2), kappa_gn.flatten())
        return self._curve(trace_btf @ c_gn.flatten())

    def init_state(self, n_windows: int) -> State:
        """The trace of each exponential (B, G, N)."""
        return (self.w_s.new_zeros(n_windows, 2, self.config.n_exponentials),)

    def step(self, x_bs: Tensor, state: State) -> tuple[Tensor, State]:
        kappa_gn, c_gn = self._filters()
        drive_bg = torch.stack([x_bs.clamp(min=0) @ self.w_s, x_bs.clamp(max=0) @ self.w_s], 1)
        trace_bgn = kappa_gn * state[0] + drive_bg[..., None]
        return self._curve(trace_bgn.flatten(1) @ c_gn.flatten()), (trace_bgn,)

    def _filters(self) -> tuple[Tensor, Tensor]:
        """Decay in a bin and peak of each exponential, both (G, N)."""
        kappa_gn = torch.exp(-1 / self.tau_gn_ms)
        return kappa_gn, self.c_gn * torch.sqrt(1 - kappa_gn**2)

    def _curve(self, u: Tensor) -> Tensor:
        """Both outputs of the filtered input, of any shape, along a new last dimension."""
        return self.readout(torch.tanh(self.bend(u[..., None])))

    @property
    def macs_per_ms(self) -> int:
        return self.w_s.numel() + self.c_gn.numel() + sum(layer.weight.numel() for layer in (self.bend, self.readout))

    def set_spike_bias(self, logit: float) -> None:
        with torch.no_grad():
            self.readout.bias[0] = logit
