"""Spike-triggered input where the answer is known: volleys at a fixed lag, constant probability, and plain counting."""

from __future__ import annotations

import numpy as np
import pytest

from apical.analysis.inside.spike_triggered import spike_triggered
from apical.analysis.inside.spike_triggered_figure import spike_triggered_figure
from apical.analysis.style import save_figure
from apical.simulate import schema
from apical.simulate.schema import InputError

GROUPS = [("apical", 1), ("basal", 1), ("apical", -1), ("basal", -1)]
SYNAPSES = {
    ("basal", 1): range(4),
    ("apical", 1): range(4, 8),
    ("basal", -1): range(8, 12),
    ("apical", -1): range(12, 16),
}
SPIKES = np.array([650, 800, 1000, 1300])


@pytest.fixture
def volleys(make_dataset):
    """Basal excitation 7 ms before every output spike, apical inhibition 20 ms before; nothing else in two trials."""
    path = make_dataset("volleys.zarr", n_trials=2, silent=True)
    for trial in range(2):
        spikes_st = np.zeros((16, 1500), bool)
        spikes_st[:4, SPIKES - 7] = True
        spikes_st[12:, SPIKES - 20] = True
        times_ms = np.full(200, np.nan)
        times_ms[: SPIKES.size] = SPIKES + 0.75
        schema.write_trial(path, trial, {"input_spikes": spikes_st, "output_spike_time_ms": times_ms})
    return path


def opened(*paths):
    return [schema.open_dataset(path) for path in paths]


@pytest.mark.usefixtures("few_are_enough")
def test_a_volley_before_every_spike_is_found_at_its_lag(volleys, make_prediction):
    """A model that spikes 2 ms late, at half the probability, sees it 2 ms further back, as high."""
    path = make_prediction(volleys, change=lambda _, v_mv, p: (v_mv, 0.5 * np.roll(p, 2)))
    found = spike_triggered(*opened(volleys, path))
    assert list(zip(found["tree"].values.tolist(), found["sign"].values.tolist(), strict=True)) == GROUPS
    for name, later_ms in (("truth_hz", 0), ("model_hz", 2)):
        expected = np.zeros((4, 100))
        expected[1, 7 + later_ms] = expected[2, 20 + later_ms] = 1000  # every synapse, once a bin of 1 ms
        np.testing.assert_allclose(found[name].values, expected, atol=1e-9)
    np.testing.assert_allclose(found["difference_hz"].values, (found["model_hz"] - found["truth_hz"]).values)
    np.testing.assert_allclose(found["low_hz"].values, found["difference_hz"].values, atol=1e-9)  # trials are alike
    np.testing.assert_allclose(found["high_hz"].values, found["difference_hz"].values, atol=1e-9)
    assert found["mean_hz"].values == pytest.approx([0, 4, 4, 0])  # 4 spikes a second of each synapse
    assert (found.attrs["n_trials"], found.attrs["n_spikes"]) == (2, 8)
    assert found.attrs["n_expected_spikes"] == pytest.approx(4)
    assert found["truth_hz"].attrs["units"] == "Hz" and found["lag_ms"].attrs["units"] == "ms"


def test_a_model_that_fires_at_random_sees_the_mean_input(make_dataset, make_prediction):
    truth = make_dataset(n_trials=4, duration_ms=1500)
    path = make_prediction(truth, change=lambda _, v_mv, p: (v_mv, np.full_like(p, 0.01)))
    found = spike_triggered(*opened(truth, path), window_ms=10)
    assert np.abs(found["model_hz"] / found["mean_hz"] - 1).max() < 0.02  # the last 10 of 1,000 bins differ
    ds = schema.open_dataset(truth)
    kept = schema.output_spike_bins(ds).sum(axis=1) <= 24
    inputs = schema.read(ds, "input_spikes")[kept][:, :, 500:]
    assert found["mean_hz"].values == pytest.approx([1000 * inputs[:, SYNAPSES[group]].mean() for group in GROUPS])


@pytest.mark.usefixtures("few_are_enough")
def test_it_equals_plain_counting_over_dense_arrays(make_dataset, make_prediction):
    truth = make_dataset(n_trials=3, duration_ms=900, seed=4)
    rng = np.random.default_rng(0)
    path = make_prediction(truth, change=lambda _, v_mv, p: (v_mv, rng.random(p.shape) ** 8))
    ds, prediction = opened(truth, path)
    found = spike_triggered(ds, prediction, window_ms=30)
    inputs, bins = schema.read(ds, "input_spikes"), schema.output_spike_bins(ds)
    kept = np.flatnonzero(bins.sum(axis=1) <= 24)
    probability = schema.read(prediction, "spike_probability")
    for weights, name in ((bins.astype(float), "truth_hz"), (probability, "model_hz")):
        for at, group in enumerate(GROUPS):
            for lag in (0, 1, 29):
                summed = weighed = 0.0
                for trial in kept:
                    for t in range(500, 900):
                        summed += weights[trial, t] * inputs[trial, SYNAPSES[group], t - lag].mean()
                        weighed += weights[trial, t]
                assert found[name].values[at, lag] == pytest.approx(1000 * summed / weighed, rel=1e-5)
    assert (found["low_hz"] <= found["high_hz"]).all()
    inside = (found["low_hz"] <= found["difference_hz"]) & (found["difference_hz"] <= found["high_hz"])
    assert inside.mean() > 0.9


def test_a_group_is_split_by_distance(volleys, make_prediction):
    """Segments lie 10 to 800 um away, evenly: by hand, 10 and 123 um are nearer than 200, 236 to 800 are not."""
    ds, prediction = opened(volleys, make_prediction(volleys))
    found = spike_triggered(ds, prediction, edges_um=[200])
    told = zip(
        *(found[name].values.tolist() for name in ("tree", "sign", "from_um", "to_um", "n_synapses")), strict=True
    )
    assert list(told) == [
        ("apical", 1, 200, np.inf, 4),
        ("basal", 1, 0, 200, 2),
        ("basal", 1, 200, np.inf, 2),
        ("apical", -1, 200, np.inf, 4),
        ("basal", -1, 0, 200, 2),
        ("basal", -1, 200, np.inf, 2),
    ]
    assert found["truth_hz"].values[1:3, 7] == pytest.approx([1000, 1000])


def test_one_trial_has_no_interval(volleys, make_prediction):
    found = spike_triggered(*opened(volleys, make_prediction(volleys, trials=[1])))
    assert found.attrs["n_trials"] == 1 and np.isnan(found["low_hz"]).all() and np.isnan(found["high_hz"]).all()


def test_what_cannot_be_averaged(volleys, make_dataset, make_prediction):
    silent = make_dataset("silent.zarr", silent=True)
    with pytest.raises(InputError, match=r"silent.zarr: no output spike in the 6 trials that can be scored"):
        spike_triggered(*opened(silent, make_prediction(silent, "silent-prediction.zarr")))
    ds, prediction = opened(volleys, make_prediction(volleys))
    with pytest.raises(InputError, match=r"no output spike in the 2 trials .* 5000 ms of input"):
        spike_triggered(ds, prediction, window_ms=5000)
    for edges_um in ([300, 200], [0], [-5]):
        with pytest.raises(InputError, match=r"edges_um .*: expected distances in um that grow"):
            spike_triggered(ds, prediction, edges_um=edges_um)


@pytest.mark.usefixtures("few_are_enough")
def test_the_figure_is_the_same_each_time(volleys, make_prediction, tmp_path):
    ds, prediction = opened(volleys, make_prediction(volleys))
    for edges_um in ((), (200,)):
        found = spike_triggered(ds, prediction, edges_um=edges_um)
        first, second = (save_figure(spike_triggered_figure(found, "elm-20"), tmp_path / f"{n}.svg") for n in "ab")
        assert first.read_bytes() == second.read_bytes()
        text = first.read_text()
        for words in ("4 apical,", "inhibitory", "Hz per synapse", "before expected spikes of elm-20"):
            assert words in text
        assert ("95% interval over trials" in text) == (not edges_um)
