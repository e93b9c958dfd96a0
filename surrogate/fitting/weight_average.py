"""A mean of a model's weights over the last steps, which is what a fit with `weight_average` validates and keeps.

After step t, counted from 0, mean = mean + share · (weights - mean), with share = max(1 - decay, 1 / (t + 1)): the
plain mean of all steps so far, until these are 1 / (1 - decay), and from then on an exponential one. What a model keeps
beside its weights, such as a normalisation's statistics, is averaged as they are.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..models.network import Network


class WeightAverage:
    """Keeps a model's mean up to date; both stay where they are in memory, as a CUDA graph needs."""

    def __init__(self, mean: Network, model: Network) -> None:
        """mean: a copy of the model, whose tensors are its mean so far."""
        own, theirs = mean.state_dict(), model.state_dict()
        self._pairs = [(own[name], theirs[name]) for name in own if own[name].is_floating_point()]

    @torch.no_grad()
    def update(self, share: float | Tensor) -> None:
        """Go a share of the way to the model's weights: a number, or a tensor of one on the device."""
        for mean, newest in self._pairs:
            mean.lerp_(newest, share.to(mean.dtype) if isinstance(share, Tensor) else share)
