"""`ds.apical` says what the functions behind it say, and gives spike trains that other tools take."""

from __future__ import annotations

import numpy as np
import pytest
from elephant.statistics import mean_firing_rate

from apical.analysis.pages.inspect import summary, typical_trial
from apical.simulate import schema
from apical.simulate.schema import InputError


@pytest.fixture
def ds(make_dataset):
    return schema.open_dataset(make_dataset())


def test_the_summary_is_that_of_inspect(ds):
    assert ds.apical.summary() == summary(schema.source(ds))


def test_spike_trains_are_the_finished_trials_output_spikes(make_dataset):
    path = make_dataset()
    schema.write_trial(path, 2, {"output_spike_time_ms": np.full(200, np.nan)}, status=schema.FAILED)
    ds = schema.open_dataset(path)
    trains = ds.apical.spike_trains()
    assert [train.annotations["trial"] for train in trains] == [0, 1, 3, 4, 5]
    for train in trains:
        times_ms = schema.read(ds, "output_spike_time_ms", train.annotations["trial"])
        np.testing.assert_array_equal(train.rescale("ms").magnitude, times_ms[np.isfinite(times_ms)])
        assert mean_firing_rate(train).rescale("Hz").item() == pytest.approx(np.isfinite(times_ms).sum() / 1.5)


def test_a_trial_is_drawn_with_what_was_made_of_it_and_without(ds, make_prediction):
    prediction = schema.open_dataset(make_prediction(schema.source(ds)))
    voltage, probability = ds.apical.plot_trial(3, prediction).axes
    assert [len(axes.lines) for axes in (voltage, probability)] == [3, 1]
    (alone,) = ds.apical.plot_trial().axes
    line, spikes = alone.lines
    np.testing.assert_array_equal(line.get_ydata(), np.minimum(schema.read(ds, "soma_v_mv", typical_trial(ds)), -55))
    assert len(spikes.get_xdata()) > 0


def test_what_cannot_be_is_said(ds, make_prediction):
    with pytest.raises(InputError, match="has no trial 17; it holds 6"):
        ds.apical.plot_trial(17)
    prediction = schema.open_dataset(make_prediction(schema.source(ds)))
    with pytest.raises(InputError, match="is a prediction, which holds no output spike times"):
        prediction.apical.spike_trains()
