"""Batches are those that the training draws, from memory or disk, however many threads draw them."""

from __future__ import annotations

import pytest
import torch

from apical.simulate import schema
from apical.surrogate.loader import load_batches
from apical.surrogate.scaling import VoltageScaling
from apical.surrogate.windows import draw_windows, load_trials

DRAWN = {"window_ms": 200, "batch": 3, "seed": 7}


@pytest.fixture
def ds(make_dataset):
    return schema.open_dataset(make_dataset(n_trials=4))


@pytest.mark.parametrize("threads", [1, 3])
def test_batches_do_not_depend_on_who_draws_them(ds, threads):
    whole, left = (load_trials(ds, [0, 2, 3], VoltageScaling(), from_disk=there) for there in (False, True))
    loaded = list(load_batches(left, **DRAWN, steps=5, threads=threads))
    assert len(loaded) == 5
    for step, batch in enumerate(loaded):
        expected = draw_windows(whole, **DRAWN, step=step)
        assert batch.events.shape == (3, 200, 16)
        assert torch.equal(batch.events.dense(), expected.events.dense())
        assert torch.equal(batch.spike_bw, expected.spike_bw) and torch.equal(batch.voltage_bw, expected.voltage_bw)


def test_windows_are_the_dense_spikes_with_their_signs(ds):
    trials = load_trials(ds, [1], VoltageScaling(), from_disk=True)
    batch = next(load_batches(trials, window_ms=1000, batch=1, seed=0, steps=1))
    signed = (ds.input_spikes.values[1] * ds.synapse_sign.values[:, None]).T
    starts = [t for t in range(500, 501) if (batch.events.dense()[0].numpy() == signed[t : t + 1000]).all()]
    assert starts == [500], "the only place where a window of 1,000 ms fits into 1,500 after the first 500"


def test_nothing_of_the_trials_is_held(ds, monkeypatch):
    """Left on disk, a trial is read for every window that is drawn from it."""
    trials, read = load_trials(ds, [0, 1, 2, 3], VoltageScaling(), from_disk=True), []
    once = schema.EventStore.read
    monkeypatch.setattr(schema.EventStore, "read", lambda self, at: read.append(at) or once(self, at))
    list(load_batches(trials, **DRAWN, steps=6))
    assert len(read) == 6 * DRAWN["batch"]
