"""LSTM and GRU: the gated recurrent networks that the ELM is compared with.

B windows, T ms, S inputs, C cells.
Source of the sizes: Spieler et al. 2024, arXiv 2306.16922, whose parameter counts have one bias for each gate.
"""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from ..kernels.compiled import why_not
from ..kernels.events import Events
from ..kernels.recurrence.gates import GruTrace, LstmTrace
from ..kernels.spike_convolution import SpikeConvolution
from .network import Network, State
from .settings import Settings, check_size

KINDS: dict[str, type[nn.LSTM] | type[nn.GRU]] = {"lstm": nn.LSTM, "gru": nn.GRU}


class GatedConfig(Settings):
    """Everything that fixes a gated network's shape."""

    family: Literal["lstm", "gru"]
    n_inputs: int = Field(gt=0)
    width: int = Field(gt=0, description="cells of the one layer")
    n_outputs: int = Field(default=2, ge=2, le=10_000)

    @model_validator(mode="after")
    def _fits_into_memory(self) -> GatedConfig:
        check_size(self.width * (4 * (self.n_inputs + self.width) + self.n_outputs))
        return self


def gated(family: str, width: int | str, n_inputs: int, **options: object) -> GatedConfig:
    """The LSTM or GRU of a size: `width` cells. Raises InputError for a size or an option that is not one."""
    fields = {**options, "family": family, "n_inputs": n_inputs, "width": width}
    return GatedConfig.checked(f"{family} of size '{width}'", fields)


class Gated(Network):
    """Signed input spikes in, spike logit and scaled voltage out."""

    history_ms = None
    path: Literal["auto", "compiled", "reference"] = "auto"  # of the recurrence; the reference is PyTorch's own

    def __init__(self, config: GatedConfig):
        super().__init__()
        self.config, self.n_inputs = config, config.n_inputs
        self.cells = KINDS[config.family](config.n_inputs, config.width, batch_first=True)
        self.head = nn.Linear(config.width, config.n_outputs)
        if config.family == "lstm":  # PyTorch adds two biases up; in a GRU the second one is multiplied by a gate
            nn.init.zeros_(self.cells.get_parameter("bias_hh_l0")).requires_grad_(False)

    def forward(self, x: Tensor | Events) -> Tensor:
        chosen = self.path
        if chosen == "auto":
            wants_gradient = isinstance(x, Tensor) and x.requires_grad
            chosen = "reference" if wants_gradient or why_not(self.head.weight) else "compiled"
        if chosen == "compiled":
            events = x if isinstance(x, Events) else Events.from_dense(x)
            h_btc = self.trace(events, self.init_state(events.shape[0]))[0]
        else:
            h_btc = self.cells(x.dense() if isinstance(x, Events) else x.to(self.head.weight.dtype))[0]
        with torch.autocast(h_btc.device.type, enabled=False):
            return self.head(h_btc.to(self.head.weight.dtype))

    def trace(self, events: Events, state: State) -> tuple[Tensor, State]:
        """Outputs of the cells (B, T, C) from a state on, by the compiled kernel, and the state after the last bin.

        The input's share of the gates is a product with the few spikes there are.
        """
        parts = ("weight_ih_l0", "bias_ih_l0", "weight_hh_l0", "bias_hh_l0")
        from_input_gs, bias_g, from_cells_gc, own_bias_g = (self.cells.get_parameter(name) for name in parts)
        events = events._replace(value_n=events.value_n.float())
        start = [each_1bc[0] for each_1bc in state]
        if self.config.family == "lstm":
            drive_btg = SpikeConvolution.apply(from_input_gs.t()[None], bias_g + own_bias_g, events)
            h_btc, c_bc = LstmTrace.apply(drive_btg, from_cells_gc, *start)
            return h_btc, (h_btc[None, :, -1], c_bc[None])
        drive_btg = SpikeConvolution.apply(from_input_gs.t()[None], bias_g, events)
        h_btc = GruTrace.apply(drive_btg, from_cells_gc, own_bias_g, *start)
        return h_btc, (h_btc[None, :, -1],)

    def init_state(self, n_windows: int) -> State:
        rest = self.head.weight.new_zeros(1, n_windows, self.config.width)
        return (rest, rest) if self.config.family == "lstm" else (rest,)

    def step(self, x_bs: Tensor, state: State) -> tuple[Tensor, State]:
        given = state if self.config.family == "lstm" else state[0]
        h_b1c, after = self.cells(x_bs[:, None], given)
        return self.head(h_b1c[:, 0]), after if isinstance(after, tuple) else (after,)

    @property
    def how(self) -> str:
        why = why_not(self.head.weight)
        return f"cells: PyTorch's own ({why})" if why else f"cells: compiled, {torch.get_num_threads()} threads"

    @property
    def macs_per_ms(self) -> int:
        weights = [self.cells.get_parameter(name) for name in ("weight_ih_l0", "weight_hh_l0")]
        return sum(weight.numel() for weight in [*weights, self.head.weight])

    def set_spike_bias(self, logit: float) -> None:
        with torch.no_grad():
            self.head.bias[0] = logit
