"""How much of a task N noisy units can carry: a closed form of our own, derived in docs/expressive_networks.md.

I(N, k_e, k_c) = D/2 · log2(1 + N_eff / (D · ν))   bits
N_eff = N / (1 + ρ · (N − 1))                      units that are worth as much as N alike ones
ν = σ² + (κ_e / k_e)^a + (κ_c / k_c)^b             noise of a unit, in parts of its signal

N: units. k_e: states of a unit. k_c: sources that it listens to. D: independent directions that the answer depends on.
ρ: what all units' noise has in common. Where only k_e varies, the part of k_c is within σ².
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ...simulate.schema import InputError

# of each parameter: least, where fits set out, largest
RANGES = {
    "directions": (0.5, (4.0, 30.0), 1e4),
    "noise": (1e-4, (0.05, 1.0), 1e4),
    "states": (1e-2, (2.0, 10.0), 1e4),
    "states_exponent": (0.2, (2.0, 5.0), 20.0),
    "shared": (1e-7, (1e-3, 3e-2), 1.0),
    "sources": (1e-2, (10.0, 100.0), 1e5),
    "sources_exponent": (0.2, (1.0, 3.0), 20.0),
}
BASE = ("directions", "noise", "states", "states_exponent", "shared")


class Units(NamedTuple):
    """Networks at one budget or several, an array each (I,)."""

    n: np.ndarray
    states: np.ndarray
    sources: np.ndarray


class Information(NamedTuple):
    """The closed form's parameters. sources, sources_exponent: 0 and 1 where k_c does not vary."""

    directions: float  # D
    noise: float  # σ²
    states: float  # κ_e
    states_exponent: float  # a
    shared: float  # ρ
    sources: float = 0.0  # κ_c
    sources_exponent: float = 1.0  # b

    def unit_noise(self, units: Units) -> np.ndarray:
        """ν of a unit, (I,)."""
        missed = (self.sources / units.sources) ** self.sources_exponent
        return self.noise + (self.states / units.states) ** self.states_exponent + missed

    def effective(self, units: Units) -> np.ndarray:
        """N_eff, (I,)."""
        return units.n / (1 + self.shared * (units.n - 1))

    def bits(self, units: Units) -> np.ndarray:
        """I, in bits, (I,)."""
        share = self.effective(units) / (self.directions * self.unit_noise(units))
        return self.directions / 2 * np.log2(1 + share)

    def gain(self, units: Units, growth: np.ndarray) -> np.ndarray:
        """d log(N_eff / ν) by d log k_e at a fixed budget, (I,): above 0 where fewer, more complex units carry more.

        growth: d log c by d log k_e of the parameters c that a unit has, (I,). 0 marks the optimum.
        """
        of_states = self.states_exponent * (self.states / units.states) ** self.states_exponent / self.unit_noise(units)
        of_units = (1 - self.shared) / (1 + self.shared * (units.n - 1))
        return of_states - growth * of_units


def right_answers(bits: np.ndarray | float, n_classes: int) -> np.ndarray:
    """Accuracy among so many equally likely classes where an answer carries `bits`, errors being alike.

    Fano's inequality with equality: bits = log2 K − h(e) − e · log2(K − 1), h the binary entropy.

    >>> right_answers([0.0, np.log2(10)], 10).round(6).tolist()
    [0.1, 1.0]
    """
    accuracy = np.linspace(1 / n_classes, 1, 4001)
    error = 1 - accuracy
    with np.errstate(divide="ignore", invalid="ignore"):
        entropy = -np.nan_to_num(error * np.log2(error)) - np.nan_to_num(accuracy * np.log2(accuracy))
    carried = np.log2(n_classes) - entropy - error * np.log2(n_classes - 1)
    return np.interp(np.asarray(bits, float), carried, accuracy)


def fit_information(units: Units, score: Sequence[float], *, n_classes: int | None = None) -> tuple[Information, float]:
    """The closed form nearest to measured scores, and the bits that are there to be had.

    units: I networks. score: accuracies (I,), with n_classes; else bits per character, which are those that are there
    less those carried. Returns the parameters and the bits: log2 of n_classes, or what was fitted.
    Raises InputError for fewer networks than parameters.
    """
    from scipy.optimize import least_squares

    score_i = np.asarray(score, float)
    names = [*BASE, *(("sources", "sources_exponent") if len(set(units.sources)) > 1 else ())]
    free = len(names) + (n_classes is None)
    if len(score_i) < free:
        raise InputError(f"information: {free} parameters take at least as many networks, got {len(score_i)}")
    low, high = (np.log([RANGES[name][side] for name in names]) for side in (0, 2))
    if n_classes is None:
        low, high = np.append(low, np.log(score_i.max())), np.append(high, np.log(score_i.max() + 20))

    def made(of: np.ndarray) -> tuple[Information, float]:
        told = dict(zip(names, np.exp(of).tolist(), strict=False))
        return Information(**told), float(np.log2(n_classes) if n_classes else np.exp(of[-1]))

    def off(of: np.ndarray) -> np.ndarray:
        model, there = made(of)
        return predicted(model, units, there, n_classes) - score_i

    found = []
    for pick in range(2 ** min(len(names), 5)):
        start = [np.log(RANGES[name][1][pick >> at & 1]) for at, name in enumerate(names)]
        if n_classes is None:
            start.append(np.log(score_i.max() + 1))
        found.append(least_squares(off, np.clip(start, low + 1e-6, high - 1e-6), bounds=(low, high)))
    return made(min(found, key=lambda each: each.cost).x)


def predicted(model: Information, units: Units, there: float, n_classes: int | None) -> np.ndarray:
    """Scores (I,) that a fitted form says: accuracies, or bits per character."""
    carried = model.bits(units)
    return there - carried if n_classes is None else right_answers(carried, n_classes)
