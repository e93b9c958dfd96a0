"""What every model of this stage is, whatever its family: one call, so that each can take another's place.

B windows, T ms, S inputs, O outputs.
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from typing import Any, Self

from torch import Tensor, nn

from ..kernels.events import Events

State = tuple[Tensor, ...]  # what a network remembers from one bin to the next; every family has its own


class Network(nn.Module, ABC):
    """Signed input spikes in; spike logit, scaled voltage and whatever else the family gives out."""

    config: Any  # the family's configuration
    n_inputs: int
    history_ms: int | None  # bins before t that the output at t depends on; None: all of them

    @abstractmethod
    def forward(self, x: Tensor | Events) -> Tensor:
        """Outputs (B, T, O) of whole windows, before which all was silent; the first is the spike logit, the second
        the scaled voltage.

        x: input spikes, +1 excitatory and -1 inhibitory: events, or dense (B, T, S).
        """

    @property
    @abstractmethod
    def macs_per_ms(self) -> int:
        """Multiply-accumulates for a bin: every weight by what it weighs, input taken as dense. Activations, biases
        and what is multiplied unit by unit (leaks, gates, normalisation) are not counted.
        """

    @property
    def kind(self) -> str:
        """What tables and figures call its family."""
        return self.config.family

    @property
    def how(self) -> str:
        """What a user may want to know of how it is computed here, or ""."""
        return ""

    @abstractmethod
    def init_state(self, n_windows: int) -> State:
        """The state before the first bin, all silent before it."""

    @abstractmethod
    def step(self, x_bs: Tensor, state: State) -> tuple[Tensor, State]:
        """Outputs (B, O) of one bin with input x_bs (B, S), and the state after it: what `forward` gives, bin by bin.

        In evaluation mode.
        """

    def frozen(self) -> Self:
        """A copy for inference on the CPU; what depends on the weights alone need not be computed again in each bin."""
        return copy.deepcopy(self).cpu().requires_grad_(False).eval()

    @abstractmethod
    def set_spike_bias(self, logit: float) -> None:
        """Make `logit` what the spike logit starts from: the bias of its output."""
