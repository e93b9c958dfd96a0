"""A run cut into pieces of whole milliseconds: what is recorded takes bounded memory on the device."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .step import Step, times_ms
from .trials import kept_steps

PIECE_MS = 25.0  # 1000 steps at dt 0.025: beginning one is nothing beside it, and it ends long before a display's limit


class Pieces:
    """steps: of each piece, the last one may have fewer. time_ms (n + 1,): as step.times_ms.

    keep (n,): steps whose ends are kept of coarse voltages. most_kept: of them in a piece.
    """

    def __init__(self, step: Step, n_coarse: int, duration_ms: float) -> None:
        self.time_ms = times_ms(step.dt_ms, duration_ms)
        self.n = len(self.time_ms) - 1
        self.steps = max(1, round(PIECE_MS / step.dt_ms))
        self.keep = kept_steps(self.time_ms, duration_ms) if n_coarse else np.zeros(self.n, bool)
        self.most_kept = max(int(self.keep[done : done + steps].sum()) for done, steps in self)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        """The steps before each piece, and those in it."""
        for done in range(0, self.n, self.steps):
            yield done, min(self.steps, self.n - done)
