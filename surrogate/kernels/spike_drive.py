"""What weighted input spikes add up to in every bin: one weight per input, and only the spikes are touched.

B windows, T ms, S inputs, N events.
"""

from __future__ import annotations

from torch import Tensor

from .events import Events

GPU = "cuda"


def spike_drive(events: Events, w_s: Tensor) -> Tensor:
    """Sum of w·x over the inputs in every bin, shape (B, T), on a GPU without atomic sums, forward and backward."""
    n_windows, n_ms, _ = events.shape
    if w_s.device.type == GPU:
        return events.summed(w_s[:, None]).view(n_windows, n_ms)
    weighted_n = w_s.index_select(0, events.input_n) * events.value_n
    sums = weighted_n.new_zeros(n_windows * n_ms + 1).index_add(0, events.row_n, weighted_n)
    return sums[:-1].view(n_windows, n_ms)
