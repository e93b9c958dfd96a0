"""The scaling law: what it is fitted to comes back, and resamples say how sure it is."""

import numpy as np
import pytest

from apical.analysis.sequences.scaling_law import PowerLaw, fit_power_law, fitted_law, pareto
from apical.simulate.schema import InputError

SIZES = np.array([1e3, 3e3, 1e4, 1e5, 1e6])


@pytest.mark.parametrize("law", [PowerLaw(0.1, 20.0, 0.4), PowerLaw(1.6, 300.0, 0.7), PowerLaw(0.02, 1.0, 0.1)])
def test_a_law_comes_back(law):
    found = fit_power_law(SIZES, law.at(SIZES))
    np.testing.assert_allclose(found, law, rtol=1e-3)


def test_a_law_without_a_floor():
    law = PowerLaw(0.0, 5.0, 0.3)
    np.testing.assert_allclose(fit_power_law(SIZES[:2], law.at(SIZES[:2]), with_floor=False), law, rtol=1e-6)


def test_the_exponent_s_interval_holds_the_true_one_about_as_often_as_it_says():
    law, random, held = PowerLaw(0.1, 20.0, 0.4), np.random.default_rng(0), 0
    n_tries, deviation = 30, 0.01
    for _ in range(n_tries):
        seen = law.at(SIZES) * np.exp(deviation * random.standard_normal(len(SIZES)))
        resampled = seen * np.exp(deviation * random.standard_normal((40, len(SIZES))))
        exponent = fitted_law(SIZES, seen, resampled).exponent
        held += exponent.low <= law.exponent <= exponent.high
    assert 0.8 * n_tries <= held <= n_tries


def test_only_the_best_of_each_size_count():
    law = PowerLaw(0.1, 20.0, 0.4)
    sizes, loss = [*SIZES, 1e4, 1e6], [*law.at(SIZES), 0.9, 0.5]
    found = fitted_law(sizes, loss, np.tile(loss, (3, 1)))
    assert found.points == tuple(range(5)) == tuple(pareto(sizes, loss))
    np.testing.assert_allclose(found.law, law, rtol=1e-3)
    np.testing.assert_allclose(found.exponent, 0.4, rtol=1e-3)


@pytest.mark.parametrize(
    "sizes, loss, told",
    [
        ([1, 2], [0.5, 0.4], "at least 3 sizes, got 2"),
        ([1, 1, 2], [0.5, 0.4, 0.3], "at least 3 sizes, got 2"),
        ([1, 2, 3], [0.5, 0.4, 0.0], "above 0"),
        ([1, 2, 3], [0.5, 0.4, float("nan")], "above 0"),
    ],
)
def test_what_has_no_law(sizes, loss, told):
    with pytest.raises(InputError, match=told):
        fit_power_law(sizes, loss)
