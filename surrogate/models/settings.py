"""What every configuration of this stage is, and how large a network may be."""

from __future__ import annotations

from ...simulate.schema import Configuration

LARGEST = 2**30  # weights: 4 GB, and three times as much for their gradient and an optimizer's moments


class Settings(Configuration):
    """A frozen configuration."""


def check_size(n_weights: int) -> None:
    """Raise ValueError, for a validator, where a network would have more weights than a machine holds."""
    if n_weights > LARGEST:
        raise ValueError(f"has about {n_weights:.1e} weights, expected {LARGEST:,} at most; choose a smaller one")
