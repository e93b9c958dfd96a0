"""Trials that lie on the device as long as a fit takes: a batch is cut there, and the host neither copies nor waits.

All trials' bins follow one another, and so do their events. B windows, W ms of a window, R bins of all trials.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ..kernels.events import Events
from .input_dropout import thinned
from .windows import Trials, Windows

MEMORY_SHARE = 0.5  # of what a GPU has free: the rest is for models, and for what a step makes of a batch


class Resident:
    """Trials on a device, of which `windows` are cut as `draw_windows` cuts them on the host."""

    def __init__(self, trials: Trials, device: torch.device, *, window_ms: int, batch: int) -> None:
        """trials: in memory. batch: windows that are cut at a time; they get as many events as any such could have."""
        trains = [trial.trains for trial in trials.inputs]
        first_r = np.cumsum(np.concatenate([[0], *(each.count_t for each in trains)]), dtype=np.int64)
        most = int((first_r[window_ms:] - first_r[:-window_ms]).max())
        self._window_ms, self._trial_ms, self._n_events = window_ms, len(trains[0].count_t), max(batch * most, 1)

        def there(values: np.ndarray) -> Tensor:
            return torch.from_numpy(values).to(device)

        self._first_r = there(first_r)
        self._input = there(
            np.concatenate([*(each.synapse_n for each in trains), [0]]).astype(np.int32)
        )  # one at least
        self._sign_s = there(trials.inputs[0].sign_s.astype(np.float32))
        self._targets = [
            there(np.ascontiguousarray(values)).flatten(0, 1)
            for values in (trials.spike_bt, trials.voltage_bt, trials.components_btp)
            if values is not None
        ]

    @staticmethod
    def n_bytes(trials: Trials) -> int:
        """What they take on a device: 4 of each event, 16 of each bin, 4 of each dendritic component of a bin."""
        n_events = sum(len(trial.trains.synapse_n) for trial in trials.inputs)
        n_components = 0 if trials.components_btp is None else trials.components_btp.shape[2]
        return 4 * n_events + (16 + 4 * n_components) * len(trials.inputs) * len(trials.spike_bt[0])

    def windows(
        self,
        at_b: Tensor,
        start_b: Tensor,
        weight_b: Tensor | None = None,
        salt_b: Tensor | None = None,
        dropout: float = 0,
    ) -> Windows:
        """The windows that begin in bin `start_b` of trial `at_b`, both int64 on the device.

        weight_b: of their losses. salt_b: with dropout, a number of each, int64: see input_dropout.py.
        Nothing of it depends on how many events there are: the batch is filled up with some that are none.
        """
        row_b = at_b * self._trial_ms + start_b
        row_bw = row_b[:, None] + torch.arange(self._window_ms, device=row_b.device)
        spike_bw, voltage_bw, *components = (values[row_bw] for values in self._targets)
        events = self._events(row_b, row_bw)
        if salt_b is not None:
            events = thinned(events, salt_b, dropout)
        return Windows(events, spike_bw, voltage_bw, components[0] if components else None, weight_b)

    def _events(self, row_b: Tensor, row_bw: Tensor) -> Events:
        base_b, n_b = self._first_r[row_b], self._first_r[row_b + self._window_ms] - self._first_r[row_b]
        before_b = n_b.cumsum(0) - n_b
        first_r = (self._first_r[row_bw] + (before_b - base_b)[:, None]).flatten()  # of each bin of the batch
        number_n = torch.arange(self._n_events, device=row_b.device)
        row_n = torch.searchsorted(first_r, number_n, right=True) - 1
        there_n = number_n < n_b.sum()
        event_n = number_n + (base_b - before_b)[row_n // self._window_ms]
        input_n = self._input[torch.where(there_n, event_n, 0)].masked_fill(~there_n, 0)
        value_n = self._sign_s[input_n] * there_n
        row_n = torch.where(there_n, row_n, len(first_r)).int()
        return Events(row_n, input_n, value_n, (*row_bw.shape, len(self._sign_s)))


def fits(trials: Trials, device: torch.device) -> bool:
    """Whether trials may lie on a GPU: not more than a share of the memory that is free there."""
    return Resident.n_bytes(trials) <= MEMORY_SHARE * torch.cuda.mem_get_info(device)[0]
