"""How a loss falls with the number of parameters: a power law above a floor, fitted to the best of each size.

L(P) = floor + scale · P^(−exponent). L: share of wrong answers, or bits per character. P: trainable parameters.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ...simulate.schema import InputError
from ..scores.uncertainty import Interval, interval_of

LEAST_POINTS = 3  # below which a floor cannot be told from the fall
STARTS = (0.05, 0.2, 0.5, 1.0)  # exponents from which the fit sets out
LARGEST_EXPONENT = 5.0


class PowerLaw(NamedTuple):
    """A fitted law; `at` is what it says of a number of parameters."""

    floor: float
    scale: float
    exponent: float

    def at(self, n_parameters: np.ndarray | float) -> np.ndarray:
        return self.floor + self.scale * np.asarray(n_parameters, float) ** -self.exponent


class FittedLaw(NamedTuple):
    """A law with the interval of its exponent and of its floor over resamples of the scores."""

    law: PowerLaw
    exponent: Interval
    floor: Interval
    points: tuple[int, ...]  # which of the given ones are on the Pareto front


def pareto(n_parameters: Sequence[float], loss: Sequence[float]) -> list[int]:
    """Those that none of as many parameters or fewer does better than, from small to large.

    >>> pareto([1, 2, 3, 3], [0.5, 0.6, 0.3, 0.4])
    [0, 2]
    """
    front: list[int] = []
    for at in sorted(range(len(loss)), key=lambda each: (n_parameters[each], loss[each])):
        if not front or loss[at] < loss[front[-1]]:
            front.append(at)
    return front


def fit_power_law(
    n_parameters: Sequence[float],
    loss: Sequence[float],
    *,
    with_floor: bool = True,
    starts: Sequence[float] = STARTS,
) -> PowerLaw:
    """The law nearest to losses (I,), each difference in parts of its loss.

    with_floor: whether a floor is fitted too; else it is 0. starts: exponents from which the fit sets out.
    Raises InputError for fewer than 3 sizes, or 2 without a floor, or a loss that is not above 0.
    """
    from scipy.optimize import least_squares

    p_i, loss_i = np.asarray(n_parameters, float), np.asarray(loss, float)
    least = LEAST_POINTS if with_floor else LEAST_POINTS - 1
    if len(set(p_i)) < least:
        raise InputError(f"scaling law: takes at least {least} sizes, got {len(set(p_i))}")
    if not (np.isfinite(loss_i).all() and (loss_i > 0).all() and (p_i > 0).all()):
        raise InputError("scaling law: losses and numbers of parameters are above 0")
    middle = float(np.exp(np.log(p_i).mean()))  # where the scale is told, so that it does not hang on the exponent

    def law(of: np.ndarray) -> PowerLaw:
        floor = loss_i.min() / (1 + np.exp(-of[2])) if with_floor else 0.0
        return PowerLaw(float(floor), float(np.exp(of[0]) * middle ** of[1]), float(of[1]))

    def off(of: np.ndarray) -> np.ndarray:
        return np.log(law(of).at(p_i)) - np.log(loss_i)

    found = []
    for exponent in starts:
        start = [np.log(np.median(loss_i)), exponent, 0.0]
        free = 3 if with_floor else 2
        bounds = [(-50, 1e-6, -20)[:free], (50, LARGEST_EXPONENT, 20)[:free]]
        found.append(least_squares(off, start[:free], bounds=bounds))
    return law(min(found, key=lambda each: each.cost).x)


def fitted_law(
    n_parameters: Sequence[float], loss: Sequence[float], resampled_ri: np.ndarray, *, with_floor: bool = True
) -> FittedLaw:
    """The law of the Pareto points, and how sure it is.

    resampled_ri: the losses in each of R resamples (R, I), such as a bootstrap over sequences and seeds; each finds its
    own Pareto points. Raises InputError as `fit_power_law` does.
    """
    front = pareto(n_parameters, loss)
    law = fit_power_law(*_of(front, n_parameters, loss), with_floor=with_floor)
    drawn = []
    for loss_i in resampled_ri:
        points = pareto(n_parameters, loss_i)
        if len(points) >= LEAST_POINTS and min(loss_i) > 0:
            sizes, losses = _of(points, n_parameters, loss_i)
            drawn.append(fit_power_law(sizes, losses, with_floor=with_floor, starts=[law.exponent]))
    if not drawn:
        raise InputError("scaling law: no resample has three sizes, each better than the smaller ones")
    exponents, floors = (np.array([each[field] for each in drawn]) for field in (2, 0))
    return FittedLaw(law, interval_of(exponents), interval_of(floors), tuple(front))


def _of(points: Sequence[int], n_parameters: Sequence[float], loss: Sequence[float]) -> tuple[list, list]:
    return [n_parameters[at] for at in points], [loss[at] for at in points]
