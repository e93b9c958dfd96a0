"""Input spikes left out: each by itself, as often as is asked for, and the same wherever a batch is cut."""

import numpy as np
import pytest
import torch

from apical.surrogate.fitting.input_dropout import thinned
from apical.surrogate.kernels.events import Events

SHAPE = 40, 100, 50  # windows, bins, inputs


@pytest.fixture
def events():
    random = torch.Generator().manual_seed(0)
    x_bws = (torch.rand(SHAPE, generator=random) < 0.1).float() * torch.where(torch.arange(50) < 25, 1.0, -1.0)
    return Events.from_dense(x_bws)


def salt(seed):
    return torch.from_numpy(np.random.default_rng(seed).integers(2**63, size=SHAPE[0]))


@pytest.mark.parametrize("dropout", [0.1, 0.5])
def test_how_many_stay_and_what_they_are_worth(events, dropout):
    """Binomial, within four standard deviations, in all, by window and by input; the mean of the input stays."""
    thin = thinned(events, salt(1), dropout)
    stays = (thin.value_n != 0).numpy()
    for group_n in (np.zeros(len(stays), int), events.row_n.numpy() // SHAPE[1], events.input_n.numpy()):
        n, kept = np.bincount(group_n), np.bincount(group_n, weights=stays)
        z = (kept - n * (1 - dropout)) / np.sqrt(n * dropout * (1 - dropout))
        assert np.abs(z).max() < 4
        assert len(n) == 1 or 0.7 < z.std() < 1.3  # as independent ones are
    assert torch.allclose(thin.value_n[stays] * (1 - dropout), events.value_n[stays])
    assert torch.equal(thin.row_n, events.row_n) and torch.equal(thin.input_n, events.input_n)


def test_another_number_is_another_choice(events):
    one, other = ((thinned(events, salt(seed), 0.5).value_n != 0).double() for seed in (1, 2))
    correlation = torch.corrcoef(torch.stack([one, other]))[0, 1]
    assert abs(correlation) < 4 / np.sqrt(len(one))
    assert torch.equal(thinned(events, salt(1), 0.5).value_n != 0, one > 0)


def test_a_window_is_the_same_among_others_and_with_what_fills_a_batch_up(events):
    """As on a GPU, where the batch ends in events that are none."""
    thin = thinned(events, salt(1), 0.3)
    part = Events.from_dense(events.dense()[7:9])
    assert torch.equal(thinned(part, salt(1)[7:9], 0.3).dense(), thin.dense()[7:9])
    n = 5
    filled = Events(
        torch.cat([events.row_n, torch.full((n,), SHAPE[0] * SHAPE[1], dtype=torch.int32)]),
        torch.cat([events.input_n, torch.zeros(n, dtype=torch.int32)]),
        torch.cat([events.value_n, torch.zeros(n)]),
        SHAPE,
    )
    assert torch.equal(thinned(filled, salt(1), 0.3).trimmed().dense(), thin.dense())


def test_the_mixing_is_that_of_splitmix64():
    """Against the same in Python's whole numbers, which know no overflow."""

    def mixed(x):
        x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
        x = (x ^ (x >> 27)) * 0x94D049BB133111EB % 2**64
        return (x ^ (x >> 31)) >> 11

    salts, inputs = salt(3)[:2], [0, 3, 49]
    rows = [0, 99, 100]
    events = Events(
        torch.tensor(rows, dtype=torch.int32), torch.tensor(inputs, dtype=torch.int32), torch.ones(3), (2, 100, 50)
    )
    for dropout in np.linspace(0.05, 0.95, 19):
        expected = [
            mixed((int(salts[row // 100]) + (row % 100 * 50 + at + 1) * 0x9E3779B97F4A7C15) % 2**64) >= dropout * 2**53
            for row, at in zip(rows, inputs, strict=True)
        ]
        assert (thinned(events, salts, dropout).value_n != 0).tolist() == expected
