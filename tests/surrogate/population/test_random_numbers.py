"""Numbers that depend on what they are for alone: against Random123's known answers, and the laws they follow."""

import numpy as np
import pytest
from scipy import stats

from apical.surrogate.population.random_numbers import Poisson, philox, uniform

PI = (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344), 0x299F31D0_A4093822
KNOWN = [  # Random123 1.09, tests/kat_vectors, philox4x32 10
    ((0, 0, 0, 0), 0, (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((2**32 - 1,) * 4, 2**64 - 1, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (*PI, (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1)),
]


@pytest.mark.parametrize("counter, seed, words", KNOWN)
def test_known_answers(counter, seed, words):
    assert tuple(int(word) for word in philox(counter, seed)) == words


def test_a_neuron_draws_the_same_whoever_is_beside_it():
    many = uniform(1000, group=0, t_ms=7, seed=5)
    assert np.array_equal(uniform(37, group=0, t_ms=7, seed=5), many[:37])
    for other in ({"t_ms": 8}, {"group": 1}, {"seed": 6}, {"seed": 5 + 2**40}):
        assert (uniform(1000, **{"group": 0, "t_ms": 7, "seed": 5} | other) == many).mean() < 0.005


def test_uniform():
    drawn = np.concatenate([uniform(1000, group=0, t_ms=t, seed=0) for t in range(50)])
    assert stats.kstest(drawn, "uniform").pvalue > 0.001
    by_bin = drawn.reshape(50, 1000)
    assert abs(np.corrcoef(by_bin[:-1].ravel(), by_bin[1:].ravel())[0, 1]) < 0.02
    assert abs(np.corrcoef(by_bin[:, :-1].ravel(), by_bin[:, 1:].ravel())[0, 1]) < 0.02


RATES = [np.full(16, 5.0), np.arange(16) ** 2.0, np.r_[0, 0, 4000, np.zeros(13)], np.zeros(16), np.full(1, 300.0)]


@pytest.mark.parametrize("rate_hz_s", RATES)
def test_the_tables_have_the_rates(rate_hz_s):
    poisson, n = Poisson.of(rate_hz_s), len(rate_hz_s)
    accept = poisson.accept_s / 2**32
    chance_s = (accept + np.bincount(poisson.other_s, 1 - accept, minlength=n)) / n
    if rate_hz_s.any():
        np.testing.assert_allclose(chance_s, rate_hz_s / rate_hz_s.sum(), atol=1e-9)
    expected = stats.poisson.cdf(np.arange(len(poisson.count_c)), rate_hz_s.sum() / 1000)
    np.testing.assert_allclose(poisson.count_c / 2**32, expected, atol=1e-9)
    assert not rate_hz_s.any() or poisson.count_c[-1] >= 2**32 - 2  # none is left out


def test_poisson_spikes_have_rate_and_variance_of_each_synapse():
    rate_hz_s, n, bins = np.arange(16) * 20.0, 200, 40
    poisson, counts = Poisson.of(rate_hz_s), np.zeros((bins, n, 16))
    for t in range(bins):
        np.add.at(counts[t], poisson.draw(n, group=1, t_ms=t, seed=3), 1)
    mean_s, many = rate_hz_s / 1000, n * bins
    assert (abs(counts.mean((0, 1)) - mean_s) <= 4.5 * np.sqrt(mean_s / many)).all()
    total = counts.sum(2)
    assert total.var() == pytest.approx(mean_s.sum(), rel=4.5 * np.sqrt(2 / many) + 0.01)  # as its mean
    assert abs(np.corrcoef(counts[:, :, 14].ravel(), counts[:, :, 15].ravel())[0, 1]) < 4.5 / np.sqrt(many)


def test_no_rate_no_spikes():
    assert [each.size for each in Poisson.of(np.zeros(4)).draw(100, 0, 0, 0)] == [0, 0]
