"""What a surrogate costs."""

from __future__ import annotations

from torch import nn

from .network import Network


def n_parameters(model: nn.Module) -> int:
    """Number of trainable parameters, as the published tables count them."""
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)


def macs_per_ms(model: Network) -> int:
    """Multiply-accumulates for a simulated ms; see `Network.macs_per_ms` for what counts."""
    return round(model.macs_per_ms / getattr(model.config, "delta_t_ms", 1.0))
