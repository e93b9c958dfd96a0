"""What a surrogate costs."""

from __future__ import annotations

from torch import nn


def n_parameters(model: nn.Module) -> int:
    """Number of trainable parameters, as the published tables count them."""
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
