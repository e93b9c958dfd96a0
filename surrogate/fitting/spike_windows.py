"""Windows drawn where output spikes are, with the weights that leave the expected loss what it is of uniform ones.

A trial holds a spike or so in a second, so most windows have none and say little of when there is one. Of a trial that
has spikes, a share of the windows is drawn around one of them: the spike at random, then the window at random among
those in whose scored part it lies. A window's probability is known, so its loss is weighted by how much more often it
is drawn than at random; no weight exceeds 1 / (1 - share).

K spikes of a trial, B windows.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class SpikeWindows(NamedTuple):
    """How windows are drawn: among starts first_ms … last_ms; of each, the bins from burn_in_ms on are scored."""

    share: float
    window_ms: int
    burn_in_ms: int
    first_ms: int
    last_ms: int

    def _starts(self, spike_t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """First start, and how many, of the windows that score each spike of a trial (T,); spikes of none left out."""
        bins_k = np.flatnonzero(spike_t)
        low_k = np.maximum(bins_k - self.window_ms + 1, self.first_ms)
        n_k = np.minimum(bins_k - self.burn_in_ms, self.last_ms) - low_k + 1
        return low_k[n_k > 0], n_k[n_k > 0]

    def start(self, spike_t: np.ndarray, uniform_ms: int, random: np.ndarray) -> int:
        """A window's start in a trial with these labels (T,).

        uniform_ms: a start at random, of any window. random: three numbers from 0 to 1: whether a spike is looked for,
        which, and where the window is around it.
        """
        low_k, n_k = self._starts(spike_t)
        if not len(low_k) or random[0] >= self.share:
            return uniform_ms
        k = int(random[1] * len(low_k))
        return int(low_k[k] + int(random[2] * n_k[k]))

    def probability(self, spike_t: np.ndarray, start_ms: int) -> float:
        """Of a start in a trial with these labels."""
        low_k, n_k = self._starts(spike_t)
        uniform = 1 / (self.last_ms - self.first_ms + 1)
        if not len(low_k):
            return uniform
        around = 1 / n_k[(low_k <= start_ms) & (start_ms < low_k + n_k)]
        return (1 - self.share) * uniform + self.share * float(around.sum()) / len(low_k)

    def weight(self, spike_t: np.ndarray, start_ms: int) -> float:
        """Of the loss of a window that was drawn: its probability at random, by that with which it is drawn."""
        return 1 / ((self.last_ms - self.first_ms + 1) * self.probability(spike_t, start_ms))
