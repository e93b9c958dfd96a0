"""Training windows, drawn ahead by threads: the same batches whatever their number."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice

from .windows import Trials, Windows, draw_windows

AHEAD = 2  # batches for each thread: one that it draws, one that is there when it is asked for


def load_batches(
    trials: Trials, *, window_ms: int, batch: int, seed: int, steps: int, threads: int = 1
) -> Iterator[Windows]:
    """The batches of `steps` training steps.

    Each depends on the trials, the seed and its number only. threads: that draw ahead; unpacking a trial needs no
    Python, so two are worth having. With trials that are left on disk (`load_trials(..., from_disk=True)`) memory holds
    a few batches, whatever the dataset.
    """

    def drawn(step: int) -> Windows:
        return draw_windows(trials, window_ms=window_ms, batch=batch, seed=seed, step=step)

    with ThreadPoolExecutor(threads) as pool:
        numbers = iter(range(steps))
        ahead: deque[Future] = deque(pool.submit(drawn, step) for step in islice(numbers, AHEAD * threads))
        while ahead:
            windows = ahead.popleft().result()
            ahead.extend(pool.submit(drawn, step) for step in islice(numbers, 1))
            yield windows
