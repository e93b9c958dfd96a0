"""Training windows as tensors, drawn ahead by threads: the same batches whatever their number.

B windows, W ms of a window, S synapses, P dendritic components.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice

import torch

from .windows import Trials, draw_windows

AHEAD = 2  # batches for each thread: one that it draws, one that is there when it is asked for


def load_batches(
    trials: Trials, *, window_ms: int, batch: int, seed: int, steps: int, threads: int = 1
) -> Iterator[dict[str, torch.Tensor]]:
    """The batches of `steps` training steps: x_bws (B, W, S) int8, spike_bw, voltage_bw (B, W), perhaps components_bwp.

    Each depends on the trials, the seed and its number only. threads: that draw ahead; unpacking a trial needs no
    Python, so two are worth having. With trials that are left on disk (`load_trials(..., from_disk=True)`) memory holds
    a few batches, whatever the dataset.
    """

    def drawn(step: int) -> dict[str, torch.Tensor]:
        windows = draw_windows(trials, window_ms=window_ms, batch=batch, seed=seed, step=step)
        return {name: torch.from_numpy(each) for name, each in windows._asdict().items() if each is not None}

    with ThreadPoolExecutor(threads) as pool:
        numbers = iter(range(steps))
        ahead: deque[Future] = deque(pool.submit(drawn, step) for step in islice(numbers, AHEAD * threads))
        while ahead:
            batch_of_tensors = ahead.popleft().result()
            ahead.extend(pool.submit(drawn, step) for step in islice(numbers, 1))
            yield batch_of_tensors
