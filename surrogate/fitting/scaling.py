"""Voltage between millivolts and the network's units; saved with every run."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from pydantic import Field
from torch import Tensor

from ..models.settings import Settings

Array = TypeVar("Array", np.ndarray, Tensor)


class VoltageScaling(Settings):
    """(min(V, clip) − offset) / scale. Defaults: Spieler et al. 2024 and Beniaguev et al. 2021, for NeuronIO."""

    clip_mv: float = -55.0  # spikes are the other output's task
    offset_mv: float = -67.7
    scale_mv: float = Field(default=10.0, gt=0)

    def to_network(self, v_mv: np.ndarray) -> np.ndarray:
        """The voltage target of a soma trace in mV, any shape."""
        return (np.minimum(v_mv, self.clip_mv) - self.offset_mv) / self.scale_mv

    def to_mv(self, output: Array) -> Array:
        """The voltage in mV of a network's output, array or tensor of any shape."""
        return output * self.scale_mv + self.offset_mv

    @property
    def of_one(self) -> tuple[float, float]:
        """The mV of one unit of a network's output, and what is added to them."""
        return self.scale_mv, self.offset_mv
