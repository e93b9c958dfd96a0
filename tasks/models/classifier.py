"""A classifier of sequences: an encoder, and a linear readout of its features; or one encoder for both of two towers.

B sequences, F features.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn

from .network import ElmNetworkEncoder
from .recurrent import ElmEncoder, GatedEncoder
from .sequence import Encoder, Sequences
from .settings import (
    AnySettings,
    ElmNetworkSettings,
    ElmSettings,
    GatedSettings,
    SpikingSettings,
    TransformerSettings,
    check_known,
)
from .spiking import SpikingEncoder
from .transformer import TransformerEncoder

FAMILIES: dict[str, tuple[type[AnySettings], type[Encoder]]] = {
    "elm": (ElmSettings, ElmEncoder),
    "branch-elm": (ElmSettings, ElmEncoder),
    "elm-network": (ElmNetworkSettings, ElmNetworkEncoder),
    "lstm": (GatedSettings, GatedEncoder),
    "chrono-lstm": (GatedSettings, GatedEncoder),
    "gru": (GatedSettings, GatedEncoder),
    "transformer": (TransformerSettings, TransformerEncoder),
    "snn": (SpikingSettings, SpikingEncoder),
}


class Classifier(nn.Module):
    """Sequences in, logits of the classes out (B, K).

    Of two towers, one encoder reads both; each sequence becomes `latent` numbers, and the classes are read from both,
    their distance and their product. Source: Tay et al. 2021, whose matching head this is; the latent layer is the ELM
    paper's.

    penalty: what the last forward adds to a loss in training, such as regularisers.
    """

    penalty: Tensor | float

    def __init__(self, settings: AnySettings) -> None:
        super().__init__()
        self.settings, self.penalty = settings, 0.0
        self.encoder = cast(Any, FAMILIES[settings.family][1])(settings)
        self.latent = nn.Linear(self.encoder.n_features, settings.latent) if settings.towers == 2 else None
        n_features = self.encoder.n_features if self.latent is None else 4 * settings.latent
        self.readout = nn.Linear(n_features, settings.n_classes)

    def forward(self, first: Sequences, second: Sequences | None = None) -> Tensor:
        self.penalty = 0.0
        features = self._features(first)
        if self.latent is not None:
            assert second is not None
            one, other = self.latent(features), self.latent(self._features(second))
            features = torch.cat([one, other, (one - other).abs(), one * other], dim=1)
        return self.readout(features)

    def _features(self, sequences: Sequences) -> Tensor:
        settings = self.settings
        kept = sequences.times(settings.input_gain).without(
            settings.input_dropout if self.training else 0.0, settings.dropped
        )
        features = self.encoder(kept, settings.pool)
        self.penalty = self.penalty + self.encoder.penalty
        return features


def configure(family: str, size: int | None, options: dict[str, Any]) -> AnySettings:
    """The settings of a family at a size, or at its own. Raises InputError for what is not one."""
    check_known("model for sequences", family, FAMILIES)
    given = {**options, "family": family} | ({} if size is None else {"size": size})
    return FAMILIES[family][0].checked(f"{family} for sequences", given)


def assemble(settings: AnySettings, seed: int = 0) -> Classifier:
    """The classifier that settings describe, its initial weights fixed by `seed` alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Classifier(settings)
