"""Networks of neurons at fixed budgets: where the best split lies, and what the closed form and a scaling law say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ...simulate.schema import InputError
from ..scores.uncertainty import Interval, interval_of
from .accuracy import Accuracy
from .information import Information, Units, fit_information, predicted
from .scaling_law import FittedLaw, fitted_law

ALIKE = 1.15  # networks belong to one budget where none has so many times the parameters of the next smaller one


class Budget(NamedTuple):
    """Networks of about as many parameters, in the order of their memory units."""

    n_parameters: int  # the median
    networks: tuple[Accuracy, ...]

    @property
    def units(self) -> Units:
        return units_of(self.networks)

    @property
    def accuracy(self) -> np.ndarray:
        return np.array([each.mean for each in self.networks])


class Optimum(NamedTuple):
    """Of a budget: the memory units of its best network, and between which ones resamples have it."""

    d_m: int
    interval: Interval


class HeldOut(NamedTuple):
    """What the closed form says of a budget that it was not fitted to."""

    budget: Budget
    said: np.ndarray


def are_networks(found: Sequence[Accuracy]) -> bool:
    """Whether these are networks whose neurons have several sizes."""
    sizes = {each.first.d_m for each in found}
    return None not in sizes and len(sizes) > 1


def units_of(networks: Sequence[Accuracy]) -> Units:
    """Neurons, memory units and synapses of each, as the closed form takes them."""
    numbers = [(each.first.size, each.first.d_m or 1, each.first.n_sources or 1) for each in networks]
    return Units(*np.array(numbers, float).T)


def budgets(found: Sequence[Accuracy]) -> list[Budget]:
    """Networks by their parameters, from the smallest budget to the largest."""
    ordered = sorted(found, key=lambda each: each.first.n_parameters)
    groups: list[list[Accuracy]] = []
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
    """Where a budget's best network lies; resamples of sequences and seeds, the same for all, say how sure that is."""
    states = budget.units.states.astype(int)
    resampled_ri = np.stack([each.resampled_r for each in budget.networks], 1)
    counted = np.isfinite(resampled_ri).all(1)
    best_r = states[resampled_ri[counted].argmax(1)].astype(float)
    return Optimum(int(states[budget.accuracy.argmax()]), interval_of(best_r))


def law_of(found: Sequence[Accuracy]) -> FittedLaw:
    """The power law of the share of wrong answers. Raises InputError for fewer than three sizes on the front."""
    wrong = [1 - each.mean for each in found]
    resampled_ri = 1 - np.stack([each.resampled_r for each in found], 1)
    return fitted_law(
        [each.first.n_parameters for each in found], wrong, resampled_ri[np.isfinite(resampled_ri).all(1)]
    )


def closed_form(given: Sequence[Budget]) -> tuple[Information, np.ndarray]:
    """The form fitted to all networks of these budgets, and the accuracies that it says of them, in order.

    Raises InputError for fewer networks than parameters.
    """
    networks = [each for budget in given for each in budget.networks]
    units, n_classes = units_of(networks), networks[0].first.n_classes
    model, there = fit_information(units, [each.mean for each in networks], n_classes=n_classes)
    return model, predicted(model, units, there, n_classes)


def held_out(given: Sequence[Budget]) -> list[HeldOut]:
    """What the form, fitted to all other budgets, says of each. Raises InputError as `closed_form` does."""
    if len(given) < 2:
        raise InputError("held-out budgets: takes at least 2 budgets, got 1")
    found = []
    for at, budget in enumerate(given):
        model, _ = closed_form([*given[:at], *given[at + 1 :]])
        n_classes = budget.networks[0].first.n_classes
        found.append(HeldOut(budget, predicted(model, budget.units, float(np.log2(n_classes)), n_classes)))
    return found
