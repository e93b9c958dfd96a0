"""Input spikes left out in training: a network that cannot count on any one synapse fits less of the noise.

Whether a spike stays hangs on nothing but a number of its window's, its bin and its synapse, so that a batch is the
same wherever it is cut and whatever is in it beside. B windows, N events.
"""

from __future__ import annotations

from torch import Tensor

from ..kernels.events import Events

# Steele, Lea & Flood 2014, "Fast splittable pseudorandom number generators": SplitMix64, as signed integers
GOLDEN, FIRST, SECOND = -0x61C8864680B583EB, -0x40A7B892E31B1A47, -0x6B2FB644ECCEEE15
BITS = 53  # of a double's fraction


def thinned(events: Events, salt_b: Tensor, dropout: float) -> Events:
    """The events, each left out with probability `dropout`: its value is 0 then, else divided by the share that stays.

    salt_b (B,): int64, a number at random for each window.
    """
    n_windows, window_ms, n_inputs = events.shape
    row_n = events.row_n.long()
    salt_n = salt_b[(row_n // window_ms).clamp(max=n_windows - 1)]
    place_n = (row_n % window_ms) * n_inputs + events.input_n
    stays_n = _mixed(salt_n + (place_n + 1) * GOLDEN) >= int(dropout * 2**BITS)
    return events._replace(value_n=events.value_n * stays_n / (1 - dropout))


def _mixed(x: Tensor) -> Tensor:
    """Whole numbers below 2^53, as good as at random; products are taken modulo 2^64."""
    x = (x ^ _shifted(x, 30)) * FIRST
    x = (x ^ _shifted(x, 27)) * SECOND
    return _shifted(x ^ _shifted(x, 31), 64 - BITS)


def _shifted(x: Tensor, bits: int) -> Tensor:
    """Shifted right, as if it had no sign."""
    return (x >> bits) & ((1 << (64 - bits)) - 1)
