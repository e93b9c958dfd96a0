"""The leaky integrate-and-fire neuron against its closed form, and through the dataset writer without NEURON."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from apical.simulate import presets, schema
from apical.simulate.config import Lif
from apical.simulate.run import dataset
from apical.simulate.trial.experiment import Experiment
from apical.simulate.trial.lif import LifNeuron


def input_of(neuron: LifNeuron, ms: int, events: dict[int, list[int]]) -> np.ndarray:
    """Spikes by synapse: the ms at which each arrives."""
    spikes = np.zeros((2 * neuron.parameters.segments, ms), bool)
    for synapse, times_ms in events.items():
        spikes[synapse, times_ms] = True
    return spikes


def psp_mv(t_ms: np.ndarray, p: Lif, jump_mv: float, tau_ms: float) -> np.ndarray:
    """tau_m dv/dt = -v + jump exp(-t / tau), v(0) = 0, solved by hand; 0 before the spike."""
    t_ms = np.maximum(t_ms, 0)
    return jump_mv * tau_ms / (tau_ms - p.tau_m_ms) * (np.exp(-t_ms / tau_ms) - np.exp(-t_ms / p.tau_m_ms))


def test_below_threshold_it_is_the_closed_form():
    p = Lif()
    neuron = LifNeuron(p)
    found = neuron.respond(input_of(neuron, 200, {3: [10, 31], 99: [31], 100: [40], 199: [12]}))
    t_ms = found.time_ms
    expected_mv = p.v_rest_mv + sum(
        psp_mv(t_ms - at, p, p.jump_excitatory_mv, p.tau_excitatory_ms) for at in (10, 31, 31)
    ) - sum(psp_mv(t_ms - at, p, p.jump_inhibitory_mv, p.tau_inhibitory_ms) for at in (40, 12))  # fmt: skip
    assert expected_mv.max() < p.v_threshold_mv
    assert np.abs(found.v_mv[0] - expected_mv).max() < 1e-10
    assert len(found.spike_time_ms) == 0


def test_it_fires_where_the_closed_form_crosses_and_starts_again_from_reset():
    from scipy.optimize import brentq

    p = Lif(jump_excitatory_mv=400.0, refractory_ms=3.0)
    neuron = LifNeuron(p)
    found = neuron.respond(input_of(neuron, 120, {0: [10]}))
    crossing = brentq(
        lambda t: psp_mv(np.array(t), p, 400.0, p.tau_excitatory_ms) + p.v_rest_mv - p.v_threshold_mv, 0, 3
    )
    assert found.spike_time_ms[0] == pytest.approx(10 + crossing, abs=0.005)
    v_mv, t_ms = found.v_mv[0], found.time_ms
    assert v_mv.max() < p.v_threshold_mv
    silent = (t_ms > found.spike_time_ms[0]) & (t_ms < found.spike_time_ms[0] + p.refractory_ms)
    assert silent.sum() == 24 and (v_mv[silent] == p.v_reset_mv).all()
    # Long after the last spike, its input spent, it relaxes from there with the membrane's time constant.
    assert len(found.spike_time_ms) < 5
    tail = v_mv[t_ms >= 80] - p.v_rest_mv
    assert tail[160] / tail[0] == pytest.approx(np.exp(-20 / p.tau_m_ms), rel=1e-4)


def test_a_steady_drive_fires_at_the_rate_of_theory():
    """Under current I it needs refractory + tau_m ln((I - reset) / (I - threshold)) from spike to spike."""
    p = Lif(segments=400, tau_excitatory_ms=0.5, jump_excitatory_mv=0.5, jump_inhibitory_mv=0.0)
    neuron = LifNeuron(p)
    spikes = np.zeros((800, 3000), bool)
    spikes[:150] = True  # 150 every ms
    found = neuron.respond(spikes)
    current_mv = 150 * 0.5 * p.tau_excitatory_ms / 1.0  # its mean over a ms
    reset_mv, threshold_mv = p.v_reset_mv - p.v_rest_mv, p.v_threshold_mv - p.v_rest_mv
    interval_ms = p.refractory_ms + p.tau_m_ms * np.log((current_mv - reset_mv) / (current_mv - threshold_mv))
    assert np.diff(found.spike_time_ms)[5:].mean() == pytest.approx(interval_ms, rel=0.03)


@pytest.mark.parametrize("bin_ms", [0, 119])
def test_spikes_at_either_end(bin_ms):
    p = Lif(jump_excitatory_mv=400.0)
    neuron = LifNeuron(p)
    found = neuron.respond(input_of(neuron, 120, {synapse: [bin_ms] for synapse in range(100)}))
    assert found.v_mv.shape == (1, 960) and np.isfinite(found.v_mv).all()
    assert found.spike_time_ms[0] == pytest.approx(bin_ms, abs=0.25)


def test_the_preset_fires_like_a_cortical_neuron():
    """0.5 to 2 Hz over 12 trials, unevenly: the range that the cell's presets were chosen for."""
    experiment = Experiment(presets.lif())
    rates_hz = [len(experiment.run(trial).output_spike_times_ms()) / 6 for trial in range(12)]
    assert 0.5 < np.mean(rates_hz) < 2
    assert len(set(rates_hz)) > 4


def test_a_dataset_of_it(tmp_path):
    chosen = presets.lif().model_copy(update={"seconds": 1.0, "record_fine": True})
    ds = schema.open_dataset(dataset.simulate(chosen, tmp_path / "lif.zarr", 3, 1), "simulation")
    assert dict(ds.sizes) | {"spike": 0} == {
        "trial": 3, "time_ms": 1000, "time_fine_ms": 8000, "synapse": 200, "segment": 100, "spike": 0,
    }  # fmt: skip
    assert (ds.soma_v_mv[:, 0] == -76).all() and (ds.soma_v_mv < -55).all()
    assert np.array_equal(ds.soma_v_mv, ds.soma_v_fine_mv[:, ::8])
    assert list(np.unique(ds.segment_type)) == ["apical", "basal"]
    experiment = Experiment(chosen)
    for trial in range(3):
        times_ms = schema.read(ds, "output_spike_time_ms", trial)
        assert np.array_equal(times_ms[np.isfinite(times_ms)], experiment.run(trial).output_spike_times_ms())


def test_it_needs_no_neuron():
    asked = (
        "import sys; from apical.simulate import presets; from apical.simulate.trial.experiment import Experiment; "
        "Experiment(presets.lif()).simulate(0); print('neuron' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True)
    assert done.stdout == "False\n", done.stderr


def test_constants_that_cannot_be():
    with pytest.raises(ValueError, match="tau_m_ms: expected another value than a synapse's"):
        Lif(tau_m_ms=8.0)
    with pytest.raises(ValueError, match="v_threshold_mv: expected a value above rest and reset"):
        Lif(v_threshold_mv=-71.0)
