"""Trials made live: those of a store of the same configuration, kept or not, and what goes wrong with them."""

from __future__ import annotations

from contextlib import contextmanager
from types import SimpleNamespace

import numpy as np
import pytest

from apical.simulate import preset, schema
from apical.simulate.run import live, worker
from apical.simulate.run.dataset import simulate
from apical.simulate.run.live import HELD_OUT_SEED, LiveTrials
from apical.simulate.schema import InputError


@pytest.fixture
def config():
    quick = preset("lif").model_copy(update={"seconds": 1.0, "seed": 3})
    return quick.model_copy(update={"lif": quick.lif.model_copy(update={"segments": 6})})


@pytest.fixture
def here(monkeypatch):
    """Workers are this process, which makes trials when they are asked for; counts what is begun."""
    begun = []

    class Client:
        def submit(self, function, *arguments, pure):
            begun.append((function.__name__, arguments))
            return SimpleNamespace(result=lambda: function(*arguments))

    @contextmanager
    def connected(workers, scheduler, busy, device):
        yield Client()

    monkeypatch.setattr(live, "connected", connected)
    monkeypatch.setattr(live, "trials_together", lambda *given: SimpleNamespace(trials=4))
    return begun


@pytest.fixture
def told(monkeypatch):
    """Nobody is told how far a batch is."""
    monkeypatch.setattr("distributed.get_worker", lambda: SimpleNamespace(log_event=lambda *given: None))


def assert_those_of(store, numbers, made):
    ds, inputs = schema.open_dataset(store, complete=False), schema.EventStore(store)
    for number, each in zip(numbers, made, strict=True):
        trains, times_ms = inputs.read(number), schema.read(ds, "output_spike_time_ms", number)
        np.testing.assert_array_equal(each.trains.count_t, trains.count_t)
        np.testing.assert_array_equal(each.trains.synapse_n, trains.synapse_n)
        np.testing.assert_array_equal(each.soma_v_mv, schema.read(ds, "soma_v_mv", number))
        np.testing.assert_array_equal(each.output_spike_time_ms, times_ms[np.isfinite(times_ms)])
        assert each.soma_v_mv.dtype == np.float32


def test_they_are_those_of_a_store_with_the_same_id(config, here, told, tmp_path):
    """Batches of any size, written as well or not; what is kept is not made again."""
    kept = LiveTrials(config, workers=2, device="cpu", keep=tmp_path / "kept.zarr")
    with kept:
        kept.prepare(6)
        with_store = [*kept.take(range(3)), *kept.take(range(3, 6))]
    ds = schema.open_dataset(tmp_path / "kept.zarr", "simulation")
    assert ds.attrs["dataset_id"] == kept.dataset_id and ds.trial_seed.values.tolist() == [3] * 6
    assert np.concatenate([each.output_spike_time_ms for each in with_store]).size, "a silent neuron shows nothing"
    assert_those_of(tmp_path / "kept.zarr", range(6), with_store)
    with LiveTrials(config, workers=1, device="cpu") as trials:
        trials.prepare(6)
        assert_those_of(tmp_path / "kept.zarr", range(4), trials.take(range(4)))
    assert trials.dataset_id == kept.dataset_id
    here.clear()
    with LiveTrials(config, workers=2, device="cpu", keep=tmp_path / "kept.zarr") as again:
        again.prepare(6)
        assert_those_of(tmp_path / "kept.zarr", range(6), again.take(range(6)))
    assert [name for name, _ in here] == ["describe"]


def test_batches_are_spread_and_begun_once(config, here):
    with LiveTrials(config, workers=3, device="cpu") as trials:
        trials.start(range(8))
        trials.start(range(8))
        assert len(trials.take(range(8))) == 8
    assert [arguments[1] for name, arguments in here if name == "make_trials"] == [[0, 1, 2], [3, 4, 5], [6, 7]]


def test_one_that_goes_wrong_says_why(config, here, told, tmp_path):
    """A neuron that fires without pause; in a store it is marked."""
    wild = config.lif.model_copy(update={"jump_excitatory_mv": 9000.0, "refractory_ms": 0.0})
    for keep in (None, tmp_path / "kept.zarr"):
        with LiveTrials(config.model_copy(update={"lif": wild}), workers=1, device="cpu", keep=keep) as trials:
            trials.prepare(2)
            said = trials.take(range(2))
        assert all(isinstance(each, str) for each in said)
        assert said[0].endswith("output spikes, more than 250 Hz" if keep is None else "kept.zarr")


def test_a_killed_worker_is_one_line(config, here, monkeypatch):
    from distributed import KilledWorker

    def killed(*given):
        raise KilledWorker("a task", None, 3)

    killed.__name__ = "make_trials"
    monkeypatch.setattr(live, "make_trials", killed)
    with (
        LiveTrials(config, workers=1, device="cpu") as trials,
        pytest.raises(InputError, match=r"trials 0 to 3: they ended their process each time .*; give fewer --w"),
    ):
        trials.take(range(4))


def refused(said):
    return pytest.raises(InputError, match=said)


def test_refused_before_anything_is_made(config, here, told, tmp_path):
    with pytest.raises(InputError, match=f"seed is {HELD_OUT_SEED}, which trials that are held out have"):
        LiveTrials(config.model_copy(update={"seed": HELD_OUT_SEED}))
    with LiveTrials(config, workers=1, device="cpu", keep=tmp_path / "kept.zarr") as trials:
        trials.prepare(2)
    other = config.model_copy(update={"seconds": 2.0})
    said = r"kept\.zarr: was made with other settings \(seconds 1\.0, not 2\.0\)"
    with LiveTrials(other, workers=1, device="cpu", keep=tmp_path / "kept.zarr") as trials, refused(said):
        trials.prepare(2)
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "text").touch()
    with LiveTrials(config, workers=1, device="cpu", keep=tmp_path / "thesis") as trials, refused("thesis"):
        trials.prepare(2)


def test_memory_that_is_free(config):
    assert 10**7 < LiveTrials(config, workers=1, device="cpu").free_bytes() < 10**14


def test_what_a_worker_hands_over_is_small(config):
    """Events in place of booleans, and no padding."""
    (made,) = worker.make_trials(config, [0])
    assert made.trains.count_t.shape == made.soma_v_mv.shape == (1000,)
    assert made.trains.synapse_n.dtype == np.uint8 and np.isfinite(made.output_spike_time_ms).all()


@pytest.mark.slow
def test_with_processes_of_its_own(config, tmp_path):
    """By Dask, beside what `simulate` writes of the same trials."""
    store = simulate(config, tmp_path / "whole.zarr", 6, 1)
    with LiveTrials(config, workers=2, device="cpu") as trials:
        trials.prepare(6)
        assert_those_of(store, range(6), trials.take(range(6)))
    held = schema.open_dataset(LiveTrials(config, workers=1).hold_out(tmp_path / "held.zarr", 2))
    assert held.trial_seed.values.tolist() == [HELD_OUT_SEED] * 2
