"""A batch of sequences on a device, what of its outputs is read, and a network that reads them piece after piece.

B sequences, T steps, C channels, F features. Memory holds one piece and a state for each: a network's outputs are not
kept, but made again where the gradient needs them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from ...simulate.schema import InputError
from ...surrogate.kernels.events import Events
from ..inputs import Inputs
from .settings import Pool

PIECE = 512  # steps; of up to two pieces all is kept, which is the faster
State = tuple[Tensor, ...]
Trace = Callable[[Events, State], tuple[Tensor, State]]


class Sequences(NamedTuple):
    """Input of B sequences, of which shorter ones are followed by silence."""

    events: Events
    length_b: Tensor  # int64
    token_bt: Tensor | None = None
    vector_btc: Tensor | None = None

    @classmethod
    def of(cls, inputs: Inputs, device: torch.device | str = "cpu") -> Sequences:
        """What the loader draws, on a device. Raises InputError for a sequence without a step, which has no class."""
        if len(inputs.length_b) and inputs.length_b.min() < 1:
            raise InputError("a sequence of the task has no step, and its class is read from the last; leave it out")
        if inputs.vector_btc is not None:
            vector_btc = torch.from_numpy(inputs.vector_btc).to(device)
            return cls(Events.from_dense(vector_btc), torch.from_numpy(inputs.length_b).to(device), None, vector_btc)
        assert inputs.row_n is not None and inputs.input_n is not None and inputs.value_n is not None
        row_n, input_n, value_n = (
            torch.from_numpy(each).to(device) for each in (inputs.row_n, inputs.input_n, inputs.value_n)
        )
        tokens = None if inputs.token_bt is None else torch.from_numpy(inputs.token_bt).to(device)
        return cls(Events(row_n, input_n, value_n, inputs.shape), torch.from_numpy(inputs.length_b).to(device), tokens)

    def times(self, gain: float) -> Sequences:
        """With all of the input multiplied."""
        if gain == 1:
            return self
        vector_btc = None if self.vector_btc is None else gain * self.vector_btc
        return self._replace(events=self.events._replace(value_n=gain * self.events.value_n), vector_btc=vector_btc)

    def without(self, share: float, dropped: Literal["entries", "channels"] = "entries") -> Sequences:
        """With this share of the entries, or of each sequence's channels, left out, and the others enlarged to make up
        for it.
        """
        if not share:
            return self
        events, (n_sequences, n_steps, n_channels) = self.events, self.events.shape
        if dropped == "entries":
            value_n = nn.functional.dropout(events.value_n, share)
        else:
            kept_bc = nn.functional.dropout(events.value_n.new_ones(n_sequences, n_channels), share)
            value_n = events.value_n * kept_bc[events.row_n // n_steps, events.input_n]
        return self._replace(events=events._replace(value_n=value_n))

    def weights(self, pool: Pool) -> Tensor:
        """Of each step's outputs in what is read (B, T): 1 for the last step, or the same for every one."""
        at_t = torch.arange(self.events.shape[1], device=self.length_b.device)
        length_b1 = self.length_b[:, None]
        if pool == "last":
            return (at_t == length_b1 - 1).float()
        return (at_t < length_b1) / length_b1.float()


class Encoder(nn.Module, ABC):
    """Sequences in, features of each out (B, F)."""

    n_features: int
    penalty: Tensor | float = 0.0  # what the last forward adds to a loss in training

    @abstractmethod
    def forward(self, sequences: Sequences, pool: Pool) -> Tensor:
        """Features (B, F) of sequences whose entries are those of training, if it is training."""


class Recurrent(Encoder):
    """An encoder that reads step after step, so that pieces of a sequence may come one after the other.

    batch_dim: of a state's tensors, that of the sequences.
    """

    batch_dim = 0

    @abstractmethod
    def rest(self, n_sequences: int) -> State:
        """The state before the first step."""

    @abstractmethod
    def prepared(self) -> Trace:
        """Outputs (B, T, F) of a piece, and the state after it; what the weights alone decide is computed here."""

    def forward(self, sequences: Sequences, pool: Pool) -> Tensor:
        trace, weight_bt = self.prepared(), sequences.weights(pool)
        state, total_bf = self.rest(len(weight_bt)), None
        steps = weight_bt.shape[1]
        again = torch.is_grad_enabled() and steps > 2 * PIECE

        def piece(events: Events, weight_bt: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
            y_btf, state = trace(events, state)
            own = (each.clone() for each in state)  # a view would hold the whole piece
            return torch.bmm(weight_bt[:, None].to(y_btf.dtype), y_btf)[:, 0], *own

        for events, weight in zip(pieces(sequences.events, PIECE), weight_bt.split(PIECE, 1), strict=True):
            if again:
                made = checkpoint(piece, events, weight, *state, use_reentrant=False, preserve_rng_state=False)
            else:
                made = piece(events, weight, *state)
            part_bf, *state = made
            total_bf = part_bf if total_bf is None else total_bf + part_bf
        assert total_bf is not None
        self.end(tuple(state), steps)
        return total_bf

    def anew(self, state: State, anew_b: Tensor) -> State:
        """A state in which these of the sequences (B,) are at rest."""
        dims = [1] * self.batch_dim + [-1]
        pairs = zip(self.rest(len(anew_b)), state, strict=True)
        return tuple(torch.where(anew_b.view(*dims, *[1] * (old.dim() - len(dims))), new, old) for new, old in pairs)

    def going_on(self, state: State, n_sequences: int) -> State:
        """The state in which one window of a text ended, as the next begins; what is of one window begins anew."""
        return state

    def end(self, state: State, n_steps: int) -> None:
        """What the state after the last step is for; nothing, where it is not told."""


def pieces(events: Events, steps: int) -> list[Events]:
    """The same events in pieces of so many steps, the last one as long as what is left."""
    n_sequences, n_steps, n_inputs = events.shape
    if n_steps <= steps:
        return [events]
    b_n, t_n = events.row_n // n_steps, events.row_n % n_steps
    order = torch.argsort(t_n // steps, stable=True)
    firsts = range(0, n_steps, steps)
    counts = torch.bincount(t_n // steps, minlength=len(firsts)).tolist()
    parts = [each[order].split(counts) for each in (b_n, t_n, events.input_n, events.value_n)]
    found = []
    for first, b, t, input_n, value_n in zip(firsts, *parts, strict=True):
        length = min(steps, n_steps - first)
        found.append(Events(b * length + (t - first), input_n, value_n, (n_sequences, length, n_inputs)))
    return found
