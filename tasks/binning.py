"""Events to bins of any width, as the published code of SHD has them.

Edges are arange(0, d + step, step) of a clip of d seconds, an event's bin is digitize − 1, and the last bin, which
holds all that comes later, is dropped. ELM's code sums the events of a bin, the ELM Network's takes any or none.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from ..simulate.schema import InputError

Counting = Literal["counts", "any"]


def edges_s(duration_s: float, bin_ms: float) -> np.ndarray:
    """Where bins begin; the last one is dropped. Raises InputError for a bin that is wider than the clip, or none."""
    if not (np.isfinite(bin_ms) and bin_ms > 0):
        raise InputError(f"bin_ms is {bin_ms}, expected more than 0")
    step_s = bin_ms / 1000
    if step_s > duration_s:
        raise InputError(f"bin_ms is {bin_ms:g}, but a clip has {1000 * duration_s:g} ms: choose narrower bins")
    return np.arange(0, duration_s + step_s, step_s)


def n_bins(duration_s: float, bin_ms: float) -> int:
    """
    >>> [n_bins(1.0, ms) for ms in (1, 2, 6, 100)]
    [1000, 500, 167, 10]
    """
    return len(edges_s(duration_s, bin_ms)) - 1


def binned(
    time_s: np.ndarray, channel: np.ndarray, n_channels: int, edges: np.ndarray, counting: Counting = "counts"
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Bin, channel and value of each pair that has events, bin after bin, ascending in channel.

    value: how many events there are, float32; 1 where `counting` is "any".
    """
    at = np.digitize(time_s, edges) - 1
    inside = at < len(edges) - 1
    key, count = np.unique(at[inside] * n_channels + channel[inside].astype(np.int64), return_counts=True)
    value = count.astype(np.float32) if counting == "counts" else np.ones(len(key), np.float32)
    return key // n_channels, key % n_channels, value
