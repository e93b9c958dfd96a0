"""A sum over another, where there may be nothing to divide by."""

from __future__ import annotations

import numpy as np


def ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """part / whole, of the broadcast shape; NaN where the whole is 0: there was nothing to score.

    >>> ratio(np.array([[2.0, 3.0], [1.0, 0.0]]), np.array([[4.0], [0.0]]))
    array([[0.5 , 0.75],
           [ nan,  nan]])
    """
    out = np.full(np.broadcast_shapes(np.shape(part), np.shape(whole)), np.nan)
    return np.divide(part, whole, out=out, where=np.asarray(whole) > 0)
