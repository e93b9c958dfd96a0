"""Training windows as tensors, drawn by worker processes: the same batches whatever their number.

B windows, W ms of a window, S synapses, P dendritic components.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch.utils.data import DataLoader, Dataset

from .windows import Trials, draw_windows


class WindowBatches(Dataset):
    """The batches of `steps` training steps by number; each depends on the trials, the seed and its number only."""

    def __init__(self, trials: Trials, *, window_ms: int, batch: int, seed: int, steps: int) -> None:
        self._trials, self._steps = trials, steps
        self._drawn = {"window_ms": window_ms, "batch": batch, "seed": seed}

    def __len__(self) -> int:
        return self._steps

    def __getitem__(self, step: int) -> dict[str, torch.Tensor]:
        drawn = draw_windows(self._trials, **self._drawn, step=step)._asdict()
        return {name: torch.from_numpy(values) for name, values in drawn.items() if values is not None}


def load_batches(batches: WindowBatches, workers: int = 0) -> Iterator[dict[str, torch.Tensor]]:
    """The batches in order, as tensors: x_bws (B, W, S) int8, spike_bw, voltage_bw (B, W) and perhaps components_bwp.

    workers: processes that draw ahead; 0 draws in this one. With trials that are left on disk (`load_trials(...,
    from_disk=True)`) memory holds a few batches, whatever the dataset.
    """
    yield from DataLoader(
        batches,
        batch_size=None,
        num_workers=workers,
        prefetch_factor=4 if workers else None,
        multiprocessing_context="spawn" if workers else None,
    )
