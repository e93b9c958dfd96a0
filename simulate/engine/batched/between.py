"""A function that is known at some points, as an expression: on the line between two, at its ends beyond them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from . import expression as x
from .expression import Expression

EVEN = 1e-9  # of a step: how far points may be from where equal steps have them
MOST_UNEVEN = 64  # points, of which the code asks one after another; of even ones it calculates the place


def points(at: Expression, known: Sequence[float], values: Sequence[float]) -> Expression | None:
    """The function at `at`, of its `values` at `known`, which ascends; None where it cannot be said."""
    first, last, n = known[0], known[-1], len(known)
    step = (last - first) / (n - 1)
    if np.abs(np.asarray(known) - np.linspace(first, last, n)).max() <= EVEN * step:
        return x.call("lookup", (at - first) * (1 / step), x.table(values))
    if n > MOST_UNEVEN:
        return None
    inside = _line(at, known, values, 0, n - 1)
    below = x.select(x.call("<=", at, x.constant(first)), x.constant(values[0]), inside)
    return x.select(x.call(">=", at, x.constant(last)), x.constant(values[-1]), below)


def _line(at: Expression, known: Sequence[float], values: Sequence[float], low: int, high: int) -> Expression:
    """Between points `low` and `high`, by halves."""
    if high - low == 1:
        slope = (values[high] - values[low]) / (known[high] - known[low])
        return x.constant(values[low]) + (at - known[low]) * slope
    middle = (low + high) // 2
    lower, upper = _line(at, known, values, low, middle), _line(at, known, values, middle, high)
    return x.select(x.call("<", at, x.constant(known[middle])), lower, upper)
