"""Time constants that are fitted: a free parameter, through a scaled sigmoid, is a time inside its bounds."""

from __future__ import annotations

import torch
from torch import Tensor


def bounded_ms(proto: Tensor, low_ms: float, high_ms: float) -> Tensor:
    """The time constants of free parameters of any shape: between the bounds, whatever an optimizer does to them."""
    return low_ms + (high_ms - low_ms) * torch.sigmoid(proto)


def proto_of(tau_ms: Tensor, low_ms: float, high_ms: float) -> Tensor:
    """The free parameters of time constants, float64 of any shape, that lie strictly between the bounds."""
    return torch.logit((tau_ms - low_ms) / (high_ms - low_ms)).float()
