"""Networks of neurons at fixed budgets: where the best split lies, and what the closed form and a scaling law say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ...simulate.schema import InputError
from ..scores.uncertainty import Interval, interval_of
from .information import Information, Units, fit_information, predicted
from .measure import BITS, Measure
from .measured import Measured
from .scaling_law import FittedLaw, fitted_law

ALIKE = 1.15  # networks belong to one budget where none has so many times the parameters of the next smaller one


class Budget(NamedTuple):
    """Networks of about as many parameters, in the order of their memory units."""

    n_parameters: int  # the median
    networks: tuple[Measured, ...]

    @property
    def units(self) -> Units:
        return units_of(self.networks)

    @property
    def value(self) -> np.ndarray:
        """Accuracy, or bits per character, of each."""
        return np.array([each.mean for each in self.networks])

    @property
    def measure(self) -> Measure:
        return self.networks[0].measure

    @property
    def n_classes(self) -> int | None:
        """Of the answers, as the closed form takes them; None of text, whose score is in bits already."""
        return None if self.measure is BITS else self.networks[0].first.n_classes


class Optimum(NamedTuple):
    """Of a budget: the memory units of its best network, and between which ones resamples have it."""

    d_m: int
    interval: Interval


class HeldOut(NamedTuple):
    """What the closed form says of a budget that it was not fitted to."""

    budget: Budget
    said: np.ndarray


def are_networks(found: Sequence[Measured]) -> bool:
    """Whether these are networks whose neurons have several sizes."""
    sizes = {each.first.d_m for each in found}
    return None not in sizes and len(sizes) > 1


def units_of(networks: Sequence[Measured]) -> Units:
    """Neurons, memory units and synapses of each, as the closed form takes them."""
    numbers = [(each.first.size, each.first.d_m or 1, each.first.n_sources or 1) for each in networks]
    return Units(*np.array(numbers, float).T)


def budgets(found: Sequence[Measured]) -> list[Budget]:
    """Networks by their parameters, from the smallest budget to the largest."""
    ordered = sorted(found, key=lambda each: each.first.n_parameters)
    groups: list[list[Measured]] = []
    for each in ordered:
        if groups and each.first.n_parameters < ALIKE * groups[-1][-1].first.n_parameters:
            groups[-1].append(each)
        else:
            groups.append([each])
    return [
        Budget(
            int(np.median([each.first.n_parameters for each in group])),
            tuple(sorted(group, key=lambda each: (each.first.d_m or 0, each.first.n_sources or 0))),
        )
        for group in groups
    ]


def optimum(budget: Budget) -> Optimum:
    """Where a budget's best network lies; resamples of sequences, or text, and seeds, alike for all, say how sure."""
    states, measure = budget.units.states.astype(int), budget.measure
    resampled_ri = np.stack([each.resampled_r for each in budget.networks], 1)
    counted = np.isfinite(resampled_ri).all(1)
    best_r = states[measure.best(resampled_ri[counted], 1)].astype(float)
    return Optimum(int(states[measure.best(budget.value)]), interval_of(best_r))


def law_of(found: Sequence[Measured]) -> FittedLaw:
    """The power law of the share of wrong answers, or of bits per character.

    Raises InputError for fewer than three sizes on the front.
    """
    measure = found[0].measure
    lost = measure.loss(np.array([each.mean for each in found]))
    resampled_ri = measure.loss(np.stack([each.resampled_r for each in found], 1))
    return fitted_law(
        [each.first.n_parameters for each in found], lost.tolist(), resampled_ri[np.isfinite(resampled_ri).all(1)]
    )


def closed_form(given: Sequence[Budget]) -> tuple[Information, np.ndarray]:
    """The form fitted to all networks of these budgets, and the scores that it says of them, in order.

    Raises InputError for fewer networks than parameters.
    """
    model, there = _fitted(given)
    units = units_of([each for budget in given for each in budget.networks])
    return model, predicted(model, units, there, given[0].n_classes)


def _fitted(given: Sequence[Budget]) -> tuple[Information, float]:
    """The form, and the bits that are there to be had."""
    networks = [each for budget in given for each in budget.networks]
    units, n_classes = units_of(networks), given[0].n_classes
    return fit_information(units, [each.mean for each in networks], n_classes=n_classes)


def held_out(given: Sequence[Budget]) -> list[HeldOut]:
    """What the form, fitted to all other budgets, says of each. Raises InputError as `closed_form` does."""
    if len(given) < 2:
        raise InputError("held-out budgets: takes at least 2 budgets, got 1")
    found = []
    for at, budget in enumerate(given):
        model, there = _fitted([*given[:at], *given[at + 1 :]])
        found.append(HeldOut(budget, predicted(model, budget.units, there, budget.n_classes)))
    return found
