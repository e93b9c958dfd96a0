"""Linear equations of states in INITIAL, which are solved in numbers, once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from . import expression as x
from .expression import Expression


def solution(state: str) -> str:
    """The symbol of what a state then is."""
    return f"{state} that is solved for"


def solved(
    matrix: Sequence[Expression], right: Sequence[Expression], numbers: Mapping[str, np.ndarray]
) -> list[np.ndarray]:
    """What n unknowns are at each place (I,): matrix, row by row, times them, and `right`, are 0.

    Not a number where there is no solution, or more than one.
    """
    n, places = len(right), max(len(each) for each in numbers.values())
    found = np.array([np.broadcast_to(each, places) for each in x.evaluate([*matrix, *right], numbers)], float)
    of_place = np.moveaxis(found[: n * n].reshape(n, n, places), -1, 0)
    try:
        return [*np.linalg.solve(of_place, -found[n * n :].T[..., None])[..., 0].T]
    except np.linalg.LinAlgError:
        return [np.full(places, np.nan)] * n
