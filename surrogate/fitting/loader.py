"""Training windows, drawn ahead by threads: the same batches whatever their number."""

from __future__ import annotations

from collections.abc import Generator, Sequence

from ..ahead import made_ahead
from .windows import PLAIN, Choice, Trials, Windows, draw_windows


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

    yield from made_ahead(drawn, steps, threads)
