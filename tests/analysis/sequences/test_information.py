"""The closed form: its limits, of what it is a bound, and what it makes of scores of its own and of published ones."""

import numpy as np
import pytest

from apical.analysis.sequences.information import Information, Units, fit_information, predicted, right_answers
from apical.analysis.sequences.published import published_networks
from apical.simulate.schema import InputError


def units(n, states, sources=100.0):
    return Units(*(np.atleast_1d(np.asarray(each, float)) for each in np.broadcast_arrays(n, states, sources)))


def test_it_is_a_bound_of_what_units_that_share_no_noise_carry():
    """log det of random directions: never above the closed form, and near it where units are many."""
    random, model = np.random.default_rng(0), Information(6.0, 0.5, 1.0, 2.0, 0.0)
    for n in (2, 6, 30, 300):
        w_nd = random.standard_normal((n, 6))
        w_nd *= np.sqrt(n / (w_nd**2).sum())  # a signal of 1 in the mean of units
        noise = model.unit_noise(units(n, 4))[0]
        carried = np.linalg.slogdet(np.eye(6) + w_nd.T @ w_nd / noise)[1] / 2 / np.log(2)
        (bound,) = model.bits(units(n, 4))
        assert carried <= bound
    assert carried > 0.98 * bound


def test_both_ends():
    model = Information(5.0, 0.5, 3.0, 4.0, 0.02)
    assert model.bits(units(1e9, 50))[0] == pytest.approx(2.5 * np.log2(1 + 50 / (5 * 0.5)), rel=1e-3)  # redundancy
    assert model.unit_noise(units(1, 1e6))[0] == pytest.approx(0.5)  # what no complexity removes
    few, many = Information(500.0, 1e-3, 3.0, 4.0, 0.02).bits(units(10, [1, 2]))
    assert many / few == pytest.approx(2**4, rel=0.01)  # starved of signal: as the noise falls


def test_the_gain_is_the_derivative_at_a_fixed_budget():
    model, budget = Information(5.0, 0.5, 3.0, 4.0, 0.02), 1e4
    for states in (2.0, 5.0, 12.0):
        of = [units(budget / each**1.7, each) for each in (states, states * 1.0001)]
        low, high = (model.effective(each)[0] / model.unit_noise(each)[0] for each in of)
        assert model.gain(of[0], np.array([1.7]))[0] == pytest.approx(np.log(high / low) / np.log(1.0001), rel=1e-3)


def test_accuracy_of_bits():
    assert right_answers(np.array([0.0, np.log2(19), 99]), 19) == pytest.approx([1 / 19, 1, 1], abs=1e-3)
    assert (np.diff(right_answers(np.linspace(0, 4, 50), 19)) > 0).all()


@pytest.mark.parametrize("n_classes", [19, None])
def test_scores_of_a_form_are_fitted_by_it(n_classes):
    states = np.array([2, 3, 5, 8, 12, 20, 30.0])
    at = units(np.concatenate([1e4 / states**1.5, 1e5 / states**1.5]), np.tile(states, 2))
    truth = Information(6.0, 0.6, 4.0, 3.0, 0.01)
    there = np.log2(19) if n_classes else 9.0
    score = predicted(truth, at, there, n_classes)
    model, found = fit_information(at, score, n_classes=n_classes)
    assert np.abs(predicted(model, at, found, n_classes) - score).max() < 2e-3


def test_connections_that_vary_are_fitted_too():
    sources, states = (each.ravel() for each in np.meshgrid([30, 100, 300, 1000], [2, 4, 9, 20]))
    at = units(1e6 / (sources + 8.0 * states**2), states, sources)
    truth = Information(6.0, 0.6, 4.0, 3.0, 0.01, 120.0, 1.5)
    score = predicted(truth, at, np.log2(19), 19)
    model, there = fit_information(at, score, n_classes=19)
    assert model.sources > 0 and np.abs(predicted(model, at, there, 19) - score).max() < 2e-3
    with pytest.raises(InputError, match="7 parameters"):
        fit_information(units(at.n[:6], states[:6], sources[:6]), score[:6], n_classes=19)


def test_the_published_tables():
    rows = [row for row in published_networks() if row.task == "SHD-Adding"]
    at = units([row.n_neurons for row in rows], [row.d_m for row in rows], 300)
    score = np.array([row.validation_accuracy for row in rows])
    model, there = fit_information(at, score, n_classes=19)
    said = predicted(model, at, there, 19)
    assert np.sqrt(np.mean((said - score) ** 2)) < 0.02 and 3 <= at.states[said.argmax()] <= 9
    rows = [row for row in published_networks() if row.task == "Enwik8"]
    at = units([row.n_neurons for row in rows], [row.d_m for row in rows], 750)
    score = np.array([row.bits_per_character for row in rows])
    model, there = fit_information(at, score)
    said = predicted(model, at, there, None)
    assert np.sqrt(np.mean((said - score) ** 2)) < 0.005 and 15 <= at.states[said.argmin()] <= 35


def test_too_few_networks():
    with pytest.raises(InputError, match="5 parameters take at least as many networks, got 3"):
        fit_information(units([1, 2, 3], 4), [0.1, 0.2, 0.3], n_classes=10)
