"""Rates held over intervals, smoothed over time by a Gaussian window: as a matrix product instead of a convolution.

A held rate is a box, and a smoothed box is the difference of two running sums of the window. Few holds reach a block of
bins, so that the product takes a tenth of the time of a convolution (measured), however long the trial is.

H hold intervals, T bins of 1 ms.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

BINS = 512  # of a block


class Block(NamedTuple):
    """Bins of a trial, the holds that reach them, and what each of those adds to each bin, (holds, bins)."""

    bins: slice
    holds: slice
    share: np.ndarray


def blocks(hold_ms: int, sigma_ms: int, duration_ms: int) -> list[Block]:
    """All bins of a trial, block after block. rates (…, H) of the holds are smoothed by `rates[…, holds] @ share`.

    The window has 7 sigma + 1 bins; past the ends of the trial the rate is 0.
    Source: Beniaguev et al. 2021; equal to SciPy's `convolve` of the held rates, mode 'same'.
    """
    from scipy.signal.windows import gaussian

    window = gaussian(7 * sigma_ms + 1, sigma_ms)
    ahead = (len(window) - 1) // 2  # bins that it sees of what is to come
    running = np.concatenate([[0.0], np.cumsum(window / window.sum())])
    edge = np.minimum(np.arange(-(-duration_ms // hold_ms) + 1) * hold_ms, duration_ms)
    found = []
    for first in range(0, duration_ms, BINS):
        bins = slice(first, min(first + BINS, duration_ms))
        seen = first + ahead + 1 - len(window), bins.stop + ahead
        holds = slice(max(seen[0], 0) // hold_ms, min(-(-seen[1] // hold_ms), len(edge) - 1))
        after = np.arange(bins.start, bins.stop) + ahead + 1 - edge[holds.start : holds.stop + 1, None]
        below = running[np.clip(after, 0, len(window))]  # the window's part that lies behind each edge
        found.append(Block(bins, holds, below[:-1] - below[1:]))
    return found
