"""Batches as tensors are those that the training draws, from memory or disk, however many processes draw them."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from apical.simulate import schema
from apical.surrogate.loader import WindowBatches, load_batches
from apical.surrogate.scaling import VoltageScaling
from apical.surrogate.windows import draw_windows, load_trials

DRAWN = {"window_ms": 200, "batch": 3, "seed": 7}


@pytest.fixture
def ds(make_dataset):
    return schema.open_dataset(make_dataset(n_trials=4))


@pytest.mark.parametrize("workers", [0, 2])
def test_batches_do_not_depend_on_who_draws_them(ds, workers):
    whole, left = (load_trials(ds, [0, 2, 3], VoltageScaling(), from_disk=there) for there in (False, True))
    loaded = list(load_batches(WindowBatches(left, **DRAWN, steps=5), workers))
    assert len(loaded) == 5
    for step, batch in enumerate(loaded):
        expected = draw_windows(whole, **DRAWN, step=step)
        assert batch["x_bws"].dtype.is_signed and batch["x_bws"].shape == (3, 200, 16)
        for name, values in batch.items():
            assert (values.numpy() == getattr(expected, name)).all(), name


def test_windows_are_the_dense_spikes_with_their_signs(ds):
    trials = load_trials(ds, [1], VoltageScaling(), from_disk=True)
    batch = next(load_batches(WindowBatches(trials, window_ms=1000, batch=1, seed=0, steps=1)))
    signed = (ds.input_spikes.values[1] * ds.synapse_sign.values[:, None]).T
    starts = [t for t in range(500, 501) if (batch["x_bws"][0].numpy() == signed[t : t + 1000]).all()]
    assert starts == [500], "the only place where a window of 1,000 ms fits into 1,500 after the first 500"


def test_trials_on_disk_are_small_to_hand_to_a_process(ds):
    trials = load_trials(ds, [0, 1, 2, 3], VoltageScaling(), from_disk=True)
    stored = pickle.loads(pickle.dumps(trials.inputs))
    assert len(pickle.dumps(trials.inputs)) < 2000
    assert (stored[2].trains.synapse_n == trials.inputs[2].trains.synapse_n).all()
    assert np.asarray(stored[3].window(0, 100)).dtype == np.int8
