"""A batch of windows' input spikes as events: one bin in a hundred holds one, and only those are worth touching.

B windows, W ms of a window, S inputs, N events.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F


class Events(NamedTuple):
    """Input of B windows. Event n lies in bin row_n = b·W + w, at input input_n, and is value_n; rows ascend.

    Rows of B·W, past the last bin, fill a batch up to a number of events that is known beforehand: of input 0 and value
    0, they are no events.
    """

    row_n: Tensor  # int32
    input_n: Tensor  # int32
    value_n: Tensor  # floating: +1 excitatory, -1 inhibitory
    shape: tuple[int, int, int]  # B, W, S

    @classmethod
    def from_dense(cls, x_bws: Tensor) -> Events:
        """Of what is not 0 in signed input (B, W, S) of any dtype."""
        n_windows, window_ms, n_inputs = x_bws.shape
        at = x_bws.reshape(-1).nonzero()[:, 0]
        value_n = x_bws.reshape(-1)[at]
        value_n = value_n if value_n.dtype in (torch.float32, torch.float64) else value_n.float()
        return cls((at // n_inputs).int(), (at % n_inputs).int(), value_n, (n_windows, window_ms, n_inputs))

    @classmethod
    def joined(cls, batches: Sequence[Events]) -> Events:
        """The windows of batches of the same lengths and inputs, one batch after another."""
        if len(batches) == 1:
            return batches[0]
        _, window_ms, n_inputs = batches[0].shape
        first_row = [0, *accumulate(each.shape[0] * window_ms for each in batches)]
        rows = [each.row_n + first for each, first in zip(batches, first_row, strict=False)]
        values = torch.cat([each.value_n for each in batches])
        shape = (first_row[-1] // window_ms, window_ms, n_inputs)
        return cls(torch.cat(rows), torch.cat([each.input_n for each in batches]), values, shape)

    def dense(self, dtype: torch.dtype | None = None) -> Tensor:
        """Signed input (B, W, S), of the events' dtype or another."""
        n_windows, window_ms, n_inputs = self.shape
        size = n_windows * window_ms * n_inputs
        x_f = self.value_n.new_zeros(size + 1, dtype=dtype)  # the last is where no event lies
        x_f[self.row_n.long() * n_inputs + self.input_n] = self.value_n.to(x_f.dtype)
        return x_f[:size].view(self.shape)

    def summed(self, table_sc: Tensor) -> Tensor:
        """Sum of the rows of a table that each bin's events have, by their values, shape (B·W, C).

        In the events' order, and without atomic sums, so that a GPU repeats it to the bit; nothing of it is waited for.
        Gradient of the table only.
        """
        bins = torch.arange(self.shape[0] * self.shape[1], device=self.row_n.device, dtype=torch.int32)
        first_of_bin = torch.searchsorted(self.row_n, bins, out_int32=True)
        value_n = self.value_n.to(table_sc.dtype)
        return F.embedding_bag(self.input_n, table_sc, first_of_bin, mode="sum", per_sample_weights=value_n)

    def to(self, device: torch.device | str) -> Events:
        return Events(self.row_n.to(device), self.input_n.to(device), self.value_n.to(device), self.shape)

    def trimmed(self) -> Events:
        """Without what fills them up, which has no value."""
        n_windows, window_ms, _ = self.shape
        n_events = int(torch.searchsorted(self.row_n, n_windows * window_ms))
        if self.value_n[n_events:].any():
            return self
        return Events(self.row_n[:n_events], self.input_n[:n_events], self.value_n[:n_events], self.shape)

    def first_of_windows(self) -> Tensor:
        """Number of the first event of each window, and of all: (B + 1,), int64."""
        n_windows, window_ms, _ = self.shape
        return torch.searchsorted(self.row_n, window_ms * torch.arange(n_windows + 1, dtype=torch.int32))
