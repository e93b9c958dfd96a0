"""Training windows, drawn ahead by threads: the same batches whatever their number."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice

from .windows import PLAIN, Choice, Trials, Windows, draw_windows

AHEAD = 2  # batches for each thread: one that it draws, one that is there when it is asked for


def load_batches(
    trials: Trials,
    *,
    window_ms: int,
    batch: int,
    seeds: Sequence[int],
    steps: range,
    share: slice = slice(None),
    threads: int = 0,
    choice: Choice = PLAIN,
) -> Generator[list[Windows], None, None]:
    """The batches of training steps, one for each seed.

    Each depends on the trials, the seed and the step's number only. share: of its windows, those that are wanted.
    choice: how they are chosen.
    threads: that draw ahead, worth having for trials that are left on disk (`load_trials(..., from_disk=True)`), since
    reading and unpacking need no Python; memory then holds a few batches, whatever the dataset. 0: each batch is drawn
    when it is asked for.
    """

    def drawn(step: int) -> list[Windows]:
        size = {"window_ms": window_ms, "batch": batch}
        return [draw_windows(trials, **size, seed=seed, step=step, share=share, choice=choice) for seed in seeds]

    if not threads:
        yield from map(drawn, steps)
        return
    with ThreadPoolExecutor(threads) as pool:
        numbers = iter(steps)
        ahead: deque[Future] = deque(pool.submit(drawn, step) for step in islice(numbers, AHEAD * threads))
        try:
            while ahead:
                windows = ahead.popleft().result()
                ahead.extend(pool.submit(drawn, step) for step in islice(numbers, 1))
                yield windows
        finally:
            for future in ahead:
                future.cancel()
