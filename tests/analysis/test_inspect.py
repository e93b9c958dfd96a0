"""The summary against plain counting over the arrays, and the figures for every kind of dataset."""

from __future__ import annotations

import json

import numpy as np
import pytest

from apical.analysis.inspect import inspect_figure, summary, typical_trial
from apical.analysis.look import save
from apical.analysis.plots import plot_trial
from apical.simulate import schema
from apical.simulate.schema import InputError


def test_the_summary_equals_plain_counting(make_dataset):
    path = make_dataset()
    found = summary(path)
    ds = schema.open_dataset(path)
    inputs, times_ms = schema.read(ds, "input_spikes"), schema.read(ds, "output_spike_time_ms")
    counts = np.isfinite(times_ms).sum(axis=1)
    assert (found["kind"], found["n_trials"], found["n_failed_trials"], found["duration_s"]) == (
        "simulation",
        6,
        0,
        1.5,
    )
    assert found["n_segments"] == {"basal": 4, "apical": 4}
    assert found["n_excitatory_synapses"] == found["n_inhibitory_synapses"] == 8
    assert found["excitatory_spikes_per_trial"] == pytest.approx(inputs[:, :8].sum() / 6)
    assert found["inhibitory_spikes_per_trial"] == pytest.approx(inputs[:, 8:].sum() / 6)
    assert found["excitatory_rate_hz"] == pytest.approx(inputs[:, :8].sum() / 6 / 8 / 1.5)
    assert found["output_rate_hz"]["mean"] == pytest.approx(counts.mean() / 1.5)
    assert found["output_rate_hz"]["max"] == pytest.approx(counts.max() / 1.5)
    assert found["fraction_of_trials_with_spikes"] == np.mean(counts > 0)
    assert found["size_on_disk_bytes"] > inputs.size / 8
    assert found["provenance"] == {"made_by": "tests"}
    assert json.loads(json.dumps(found)) == found


def test_failed_trials_do_not_count(make_dataset):
    path = make_dataset()
    full = summary(path)
    schema.write_trial(path, 0, {"output_spike_time_ms": np.arange(200.0)}, status=schema.FAILED)
    found = summary(path)
    assert found["n_failed_trials"] == 1
    assert found["output_rate_hz"]["max"] <= full["output_rate_hz"]["max"]


def test_the_summary_of_a_prediction_gives_the_expected_rate(make_dataset, make_prediction):
    path = make_prediction(make_dataset(), change=lambda _, v_mv, p: (v_mv, np.full_like(p, 0.004)))
    found = summary(path)
    assert found["output_rate_hz"]["mean"] == pytest.approx(4)
    assert found["config"]["family"] == "elm"
    assert "excitatory_rate_hz" not in found


def test_the_typical_trial_has_the_median_count_of_those_that_spike(make_dataset):
    path = make_dataset()
    for counts, expected in (([0, 9, 2, 0, 5, 0], 4), ([0] * 6, 0)):
        for trial, count in enumerate(counts):
            times_ms = np.where(np.arange(200) < count, 10.0 * np.arange(200), np.nan)
            schema.write_trial(path, trial, {"output_spike_time_ms": times_ms})
        assert typical_trial(schema.open_dataset(path)) == expected


def test_the_figure_of_a_simulation_is_the_same_each_time(make_dataset, tmp_path):
    path = make_dataset(n_trials=2)
    first, second = (inspect_figure(path, tmp_path / f"{name}.svg") for name in ("a", "b"))
    assert first.read_bytes() == second.read_bytes()
    assert len(first.read_bytes()) > 10_000


def test_the_figure_of_any_dataset(make_dataset, make_prediction, tmp_path):
    truth = make_dataset("silent.zarr", n_trials=1, silent=True)
    inspect_figure(truth, tmp_path / "silent.png")
    inspect_figure(make_prediction(truth), tmp_path / "prediction.png", trial=0)
    for trial, out, message in ((7, "a.png", "has no trial 7"), (0, "a.gif", "a figure is written as")):
        with pytest.raises(InputError, match=message):
            inspect_figure(truth, tmp_path / out, trial=trial)


def test_a_trial_beside_its_predictions(make_dataset, make_prediction, tmp_path):
    truth = make_dataset()
    paths = [make_prediction(truth, f"{n}.zarr", change=lambda _, v, p, n=n: (v + n, p / n)) for n in (1, 2)]
    ds, predictions = schema.open_dataset(truth), [schema.open_dataset(path) for path in paths]
    fig = plot_trial(ds, predictions, 3)
    voltage, probability = fig.axes
    lines = [line.get_ydata() for line in voltage.lines]
    np.testing.assert_allclose(lines[0], schema.read(ds, "soma_v_mv", 3))
    assert any(np.array_equal(line, schema.read(predictions[1], "soma_v_mv", 3)) for line in lines)
    assert len(probability.lines) == 2
    assert save(fig, tmp_path / "trial.png").exists()
    with pytest.raises(InputError, match="has no trial 17"):
        plot_trial(ds, predictions, 17)
