"""Windows are excerpts of trials, the same for the same seed; the split is by trial."""

import numpy as np
import pytest
import zarr

from apical.simulate import schema
from apical.simulate.schema import InputError
from apical.surrogate.fitting.scaling import VoltageScaling
from apical.surrogate.fitting.spike_inputs import SpikeInputs, cut
from apical.surrogate.fitting.split import split_trials
from apical.surrogate.fitting.windows import check_window, draw_windows, finished_trials, load_trials


@pytest.mark.parametrize("n_synapses", [1, 8, 13])
def test_spike_inputs_give_back_signed_input(n_synapses):
    rng = np.random.default_rng(0)
    spikes = rng.random((n_synapses, 50)) < 0.3
    sign = rng.choice([-1, 1], n_synapses)
    inputs = SpikeInputs.from_dense(spikes, sign)
    expected = (spikes * sign[:, None]).T
    windows = cut([inputs, inputs], [40, 3], 20).dense().numpy()
    assert windows.shape == (2, 20, n_synapses)
    assert (windows[0, :10] == expected[40:]).all() and not windows[0, 10:].any()
    assert (windows[1] == expected[3:23]).all()


def test_a_window_is_an_excerpt_of_one_trial(make_dataset):
    ds = schema.open_dataset(make_dataset(n_trials=4))
    trials = load_trials(ds, [1, 3], VoltageScaling())
    drawn = draw_windows(trials, window_ms=200, batch=50, seed=3, step=7)
    truth = (ds.input_spikes.values * ds.synapse_sign.values[:, None]).transpose(0, 2, 1)
    starts = []
    for x, spike, voltage in zip(drawn.events.dense(), drawn.spike_bw, drawn.voltage_bw, strict=True):
        found = [
            (trial, start)
            for trial in range(4)
            for start in range(1500 - 200 + 1)
            if (truth[trial, start] == x[0].numpy()).all() and (truth[trial, start : start + 200] == x.numpy()).all()
        ]
        assert len(found) == 1
        trial, start = found[0]
        starts.append(start)
        assert trial in (1, 3)
        assert (spike.numpy() == schema.output_spike_bins(ds)[trial, start : start + 200]).all()
        v_mv = ds.soma_v_mv.values[trial, start : start + 200]
        np.testing.assert_allclose(voltage, (np.minimum(v_mv, -55) + 67.7) / 10, rtol=1e-5)
    assert min(starts) >= 500 and max(starts) <= 1300


def test_batches_follow_seed_and_step(make_dataset):
    trials = load_trials(schema.open_dataset(make_dataset()), [0, 1, 2], VoltageScaling())

    def batch(seed, step):
        return draw_windows(trials, window_ms=100, batch=4, seed=seed, step=step).events.dense()

    assert (batch(1, 5) == batch(1, 5)).all()
    assert (batch(1, 5) != batch(1, 6)).any()
    assert (batch(1, 5) != batch(2, 5)).any()


def test_last_possible_window_is_drawn(make_dataset):
    trials = load_trials(schema.open_dataset(make_dataset()), [0], VoltageScaling())
    whole = draw_windows(trials, window_ms=1000, batch=2, seed=0, step=0)
    assert (whole.voltage_bw.numpy() == trials.voltage_bt[0, 500:]).all()


def test_targets_by_hand():
    scaling = VoltageScaling()
    np.testing.assert_allclose(scaling.to_network(np.array([-67.7, -77.7, -55.0, 30.0])), [0, -1, 1.27, 1.27])
    np.testing.assert_allclose(scaling.to_mv(scaling.to_network(np.array([-70.0, -60.0]))), [-70, -60])


@pytest.mark.parametrize(
    "duration_ms, window_ms, burn_in_ms, message",
    [
        (900, 500, 150, "window_ms is 500, but a trial of 900 ms has 400 ms after its first 500"),
        (6000, 500, 500, "burn_in_ms is 500, window_ms is 500: burn-in must be shorter"),
    ],
)
def test_windows_that_cannot_be(duration_ms, window_ms, burn_in_ms, message):
    with pytest.raises(InputError, match=message):
        check_window(duration_ms, window_ms, burn_in_ms)
    check_window(6000, 500, 150)


def test_failed_trials_are_left_out(make_dataset):
    path = make_dataset(n_trials=5)
    status = zarr.open_group(path, mode="r+")["trial_status"].with_config({"write_empty_chunks": True})
    status[2] = schema.FAILED
    ds = schema.open_dataset(path)
    assert finished_trials(ds).tolist() == [0, 1, 3, 4]
    with pytest.raises(InputError, match="has no finished trial 2"):
        load_trials(ds, [2], VoltageScaling())


def test_split_shares_out_every_trial_once():
    trials = np.arange(100, 150)
    split = split_trials(trials, 0, 0.1, 0.2)
    assert [len(split.train), len(split.validation), len(split.test)] == [35, 5, 10]
    assert sorted(split.train + split.validation + split.test) == trials.tolist()
    assert split == split_trials(trials[::-1], 0, 0.1, 0.2)
    assert split != split_trials(trials, 1, 0.1, 0.2)


def test_split_gives_each_part_a_trial_or_says_that_it_cannot():
    split = split_trials(np.arange(3), 0, 0.01, 0.01)
    assert [len(split.train), len(split.validation), len(split.test)] == [1, 1, 1]
    with pytest.raises(InputError, match="2 finished trials cannot be split"):
        split_trials(np.arange(2), 0, 0.1, 0.1)
