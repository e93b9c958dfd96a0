"""Batches are those that the training draws, from memory or disk, however many threads draw them."""

from __future__ import annotations

import pytest
import torch

from apical.simulate import schema
from apical.simulate.schema import InputError
from apical.surrogate.fitting.loader import load_batches
from apical.surrogate.fitting.scaling import VoltageScaling
from apical.surrogate.fitting.windows import draw_windows, load_trials
from apical.surrogate.processes import Processes

DRAWN = {"window_ms": 200, "batch": 3}


@pytest.fixture
def ds(make_dataset):
    return schema.open_dataset(make_dataset(n_trials=4))


@pytest.mark.parametrize("threads", [0, 1, 3])
def test_batches_do_not_depend_on_who_draws_them(ds, threads):
    whole, left = (load_trials(ds, [0, 2, 3], VoltageScaling(), from_disk=there) for there in (False, True))
    loaded = list(load_batches(left, **DRAWN, seeds=[7, 9], steps=range(2, 7), threads=threads))
    assert len(loaded) == 5
    for step, batches in enumerate(loaded, start=2):
        for seed, batch in zip((7, 9), batches, strict=True):
            assert batch.events.shape == (3, 200, 16)
            assert_same(batch, draw_windows(whole, **DRAWN, seed=seed, step=step))


def test_processes_share_a_batch_out(ds):
    trials = load_trials(ds, [0, 2, 3], VoltageScaling())
    whole = draw_windows(trials, window_ms=200, batch=4, seed=1, step=2)
    shares = [
        draw_windows(trials, window_ms=200, batch=4, seed=1, step=2, share=Processes(rank, 2).share(4))
        for rank in range(2)
    ]
    events = torch.cat([share.events.dense() for share in shares])
    assert torch.equal(events, whole.events.dense())
    assert torch.equal(torch.cat([share.voltage_bw for share in shares]), whole.voltage_bw)
    with pytest.raises(InputError, match="batch is 5: it cannot be shared out evenly among 2"):
        Processes(0, 2).share(5)


def assert_same(batch, expected):
    assert torch.equal(batch.events.dense(), expected.events.dense())
    assert torch.equal(batch.spike_bw, expected.spike_bw) and torch.equal(batch.voltage_bw, expected.voltage_bw)
    assert expected.spike_bw.dtype == expected.voltage_bw.dtype == torch.float32


def test_windows_are_the_dense_spikes_with_their_signs(ds):
    trials = load_trials(ds, [1], VoltageScaling(), from_disk=True)
    batch = next(load_batches(trials, window_ms=1000, batch=1, seeds=[0], steps=range(1)))[0]
    signed = (ds.input_spikes.values[1] * ds.synapse_sign.values[:, None]).T
    starts = [t for t in range(500, 501) if (batch.events.dense()[0].numpy() == signed[t : t + 1000]).all()]
    assert starts == [500], "the only place where a window of 1,000 ms fits into 1,500 after the first 500"


def test_nothing_of_the_trials_is_held(ds, monkeypatch):
    """Left on disk, a trial is read for every window that is drawn from it."""
    trials, read = load_trials(ds, [0, 1, 2, 3], VoltageScaling(), from_disk=True), []
    once = schema.EventStore.read
    monkeypatch.setattr(schema.EventStore, "read", lambda self, at: read.append(at) or once(self, at))
    list(load_batches(trials, **DRAWN, seeds=[7], steps=range(6)))
    assert len(read) == 6 * DRAWN["batch"]
