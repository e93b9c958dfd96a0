"""A model of text: an encoder that reads token after token, and at each a linear readout of which one comes next.

B streams, T steps of a window, F features, K tokens of the vocabulary.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn

from ...simulate.schema import InputError
from .classifier import FAMILIES
from .sequence import Recurrent, Sequences, State
from .settings import AnySettings

OF_LABELS = ("pool", "latent")  # options that say how a sequence becomes a class


class LanguageModel(nn.Module):
    """Tokens in, at each the logits of the next one out (B, T, K), from a state on.

    Tokens are one-hot, times the input gain; the readout has a bias. Of an ELM Network these are its published input
    and its dense layer. penalty: what the last window adds to a loss in training, such as regularisers.
    """

    penalty: Tensor | float

    def __init__(self, settings: AnySettings) -> None:
        super().__init__()
        kind = FAMILIES[settings.family][1]
        if not issubclass(kind, Recurrent):
            able = ", ".join(name for name, (_, each) in FAMILIES.items() if issubclass(each, Recurrent))
            raise InputError(
                f"{settings.family}: has no state that goes on from window to window of a text; try {able}"
            )
        self.settings, self.penalty = settings, 0.0
        self.encoder: Recurrent = cast(Any, kind)(settings)
        self.readout = nn.Linear(self.encoder.n_features, settings.n_classes)

    def forward(self, sequences: Sequences, state: State) -> tuple[Tensor, State]:
        """A window of every stream, and the state after it."""
        settings, (n_streams, n_steps, _) = self.settings, sequences.events.shape
        dropout = settings.input_dropout if self.training else 0.0
        heard = sequences.times(settings.input_gain).without(dropout, settings.dropped)
        y_btf, after = self.encoder.prepared()(heard.events, self.encoder.going_on(state, n_streams))
        self.encoder.end(after, n_steps)
        self.penalty = self.encoder.penalty
        return self.readout(y_btf.to(self.readout.weight.dtype)), after

    def rest(self, n_streams: int) -> State:
        """The state before the first token."""
        return self.encoder.rest(n_streams)


def assemble_language_model(settings: AnySettings, seed: int = 0) -> LanguageModel:
    """The model of text that settings describe, its initial weights fixed by `seed` alone.

    Raises InputError for a family that has no state to carry.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return LanguageModel(settings)
