"""A run cut into pieces of whole milliseconds, so that recordings take bounded memory; what is kept of its steps."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from .step import Step, times_ms

PIECE_MS = 25.0  # 1000 steps at dt 0.025: beginning one is nothing beside it, and it ends long before a display's limit


class Pieces:
    """steps: of each piece, the last one may have fewer. time_ms (n + 1,): as step.times_ms.

    keep (n,): steps whose ends are kept of the n_coarse coarse voltages. most_kept: of them in a piece.
    """

    def __init__(self, step: Step, n_coarse: int, duration_ms: float) -> None:
        self.time_ms, self._duration_ms = times_ms(step.dt_ms, duration_ms), duration_ms
        self.n_coarse = n_coarse
        self.n = len(self.time_ms) - 1
        self.steps = max(1, round(PIECE_MS / step.dt_ms))
        self.keep = _kept_steps(self.time_ms, duration_ms) if n_coarse else np.zeros(self.n, bool)
        self.most_kept = max(int(self.keep[done : done + steps].sum()) for done, steps in self)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        """The steps before each piece, and those in it."""
        for done in range(0, self.n, self.steps):
            yield done, min(self.steps, self.n - done)

    def at_whole_ms(self, kept_mv: np.ndarray, v_init_mv: float) -> np.ndarray:
        """Voltages at whole ms from 0 (sites, T) of those kept (sites, kept), interpolated where no step is on them."""
        found = np.empty((len(kept_mv), int(self._duration_ms)), "f4")
        if not len(found):
            return found
        times = np.concatenate([[0.0], np.round(self.time_ms[1:], 6)[self.keep]])
        for row, values in zip(found, kept_mv, strict=True):
            row[:] = np.interp(np.arange(found.shape[1]), times, np.concatenate([[v_init_mv], values]))
        return found


def _kept_steps(time_ms: np.ndarray, duration_ms: float) -> np.ndarray:
    """Which steps' ends are needed for voltages at whole ms: those on one, or on both sides of one (steps,)."""
    times = np.round(time_ms, 6)
    after = np.searchsorted(times, np.arange(1, int(duration_ms)))
    needed = np.zeros(len(times), bool)
    needed[after[after < len(times)]] = True
    between = after[after < len(times)]
    needed[between[times[between] != np.round(times[between])] - 1] = True
    return needed[1:]
