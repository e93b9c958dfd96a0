"""Replaying the input spikes of published-script trials gives the published output."""

from __future__ import annotations

import numpy as np
import pytest

from apical.simulate import presets, schema
from apical.simulate.engine.interface import Integration
from apical.simulate.neuronio.importing import import_neuronio
from apical.simulate.trial.experiment import Experiment

FILES = ("nmda_4_trials.p", "nmda_dendrites_1_trial.p")


@pytest.fixture(scope="module")
def published(shared, tmp_path_factory):
    out = tmp_path_factory.mktemp("neuronio")
    return [
        schema.open_dataset(import_neuronio([shared(f"data/neuronio/{name}")], out / f"{name}.zarr")) for name in FILES
    ]


@pytest.fixture(scope="module")
def experiment(shared):
    hay = presets.nmda().model_copy(update={"morphology": str(shared("data/hay2011/cell1.asc"))})
    experiment = Experiment(hay)
    yield experiment
    experiment.close()


@pytest.mark.slow
def test_default_engine_reproduces_every_published_trial(published, experiment):
    replayed = 0
    for ds in published:
        for trial in range(ds.sizes["trial"]):
            ours = experiment.replay(schema.read(ds, "input_spikes", trial))
            spikes = np.isfinite(schema.read(ds, "output_spike_time_ms", trial)).sum()
            assert abs(len(ours.output_spike_times_ms()) - spikes) <= 1
            v_mv, ours_mv = schema.read(ds, "soma_v_mv", trial), ours.sampled_mv(1)
            assert np.median(np.abs(v_mv - ours_mv)) <= 0.2
            clipped = np.minimum(v_mv, -55) - np.minimum(ours_mv, -55)
            assert np.sqrt(np.mean(clipped**2)) <= 0.5
            replayed += 1
    assert replayed == 5


def test_a_published_trial_begins_as_published(published, experiment):
    """The first second of the trial with 2 output spikes, one of them at 585 ms."""
    ds = published[1]
    ours = experiment.replay(schema.read(ds, "input_spikes", 0)[:, :1000])
    assert ours.output_spike_times_ms() == pytest.approx([585.25], abs=1.0)
    assert np.median(np.abs(schema.read(ds, "soma_v_mv", 0)[:1000] - ours.sampled_mv(1))) <= 0.2


def test_engines_agree_on_synaptic_input(published, experiment):
    """CoreNEURON and plain NEURON at the same step, across an output spike."""
    spikes = schema.read(published[1], "input_spikes", 0)[:, :620]
    ours = experiment.replay(spikes)
    plain = experiment.replay(spikes, Integration(engine="neuron"))
    assert ours.v_mv.max() > 0
    assert np.abs(ours.v_mv - plain.v_mv).max() <= 1e-6
