"""benchmarks/population_truth.py: delays and weights of NEURON's network mean what a Population's do; its measures."""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
import pytest

from apical.simulate import presets
from apical.simulate.engine.interface import Integration
from apical.surrogate import Population, Surrogate

FOLDER = Path(__file__).parents[2] / "benchmarks"
DURATION_MS = 60
TABLE = {"pre": [0, 0], "post": [1, 1], "synapse": [3, 7], "weight": [1.0, 2.0], "delay_ms": [5, 9]}


@pytest.fixture
def truth(monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)
    return importlib.import_module("population_truth")


@pytest.fixture
def network(truth):
    config = presets.preset("ball-and-stick").model_copy(update={"integration": Integration(engine="neuron")})
    made = truth.NeuronNetwork(config, 2, TABLE)
    yield made
    made.close()


def test_a_spike_arrives_after_its_delay_as_input_spikes_of_its_weight(network):
    """Cell 0 gets a volley. What cell 1 does then it does alone when it is given what its table says."""
    n_synapses = len(network.neurons[1].synapses.sign)
    quiet = np.zeros((n_synapses, DURATION_MS), bool)
    volley = quiet.copy()
    volley[: n_synapses // 2, 20:24] = True
    coupled, apart = (network.respond([volley, quiet], coupled=each) for each in (True, False))
    time_ms, v_mv = coupled[0].time_ms, coupled[0].v_mv
    crossed_ms = time_ms[1:][(v_mv[1:] > -25) & (v_mv[:-1] <= -25)]
    assert len(crossed_ms) == len(coupled[0].output_spike_times_ms()) >= 1
    assert np.array_equal(coupled[0].v_mv, apart[0].v_mv)

    differs_ms = time_ms[coupled[1].v_mv != apart[1].v_mv]
    assert int(differs_ms[0]) == int(crossed_ms[0]) + 5  # in bin t + delay
    events_ms = [np.zeros(0) for _ in range(n_synapses)]
    events_ms[3] = crossed_ms + 5
    events_ms[7] = np.repeat(crossed_ms + 9, 2)  # a weight of 2 is two spikes
    (alone,) = network.neurons[1].respond_to_events([events_ms], DURATION_MS)
    np.testing.assert_allclose(coupled[1].v_mv, alone.v_mv[0], atol=1e-9)
    assert np.ptp(coupled[1].v_mv - apart[1].v_mv) > 0.1


def test_a_population_reads_the_same_table_so():
    """Neuron 0 spikes where its volley makes it most likely; neuron 1 does what spikes from outside make one do."""
    neuron = Surrogate.load("mc-nmda")
    driven = {"time_ms": np.full(100, 20), "neuron": np.zeros(100, int), "synapse": np.arange(100)}
    alone = Population(neuron, 1).run(DURATION_MS, driven, record=[0]).spike_probability.values[0]
    threshold = float(alone.max()) - 1e-6
    fired_ms = np.flatnonzero(alone >= threshold)
    assert fired_ms[0] >= 20 and fired_ms[-1] < DURATION_MS - 9
    coupled = Population(neuron, 2, TABLE, threshold=threshold).run(DURATION_MS, driven, record=[0, 1])
    assert coupled.spike_time_ms[coupled.spike_neuron == 0].values.tolist() == fired_ms.tolist()
    spikes = {
        "time_ms": np.concatenate([fired_ms + 5, fired_ms + 9]),
        "neuron": np.zeros(2 * len(fired_ms), int),
        "synapse": np.repeat([3, 7], len(fired_ms)),
        "weight": np.repeat([1.0, 2.0], len(fired_ms)),
    }
    given = Population(neuron, 1, threshold=threshold).run(DURATION_MS, spikes, record=[0])
    assert np.array_equal(given.soma_v_mv[0], coupled.soma_v_mv[1])
    assert np.ptp(given.soma_v_mv.values[0, fired_ms[0] + 5 :]) > 0.01


def test_measures_of_a_case_worked_by_hand(truth):
    """Cell 0 at 200 and 700 ms, cell 1 at 205 and 1,500 ms; 1,850 ms count."""
    found = truth.sums(["100 200 700|205 1500|"])
    assert (found.spikes, found.seconds) == (4, pytest.approx(3 * 1.85))
    assert (found.near, found.chance) == (pytest.approx(1 / (1 - 5 / 1850)), pytest.approx(4 * 21 / 1850))
    assert found.around_l.nonzero()[0].tolist() == [5]
    assert truth.correlogram_hz(found)[5] == pytest.approx(1000 / 8, rel=0.01)


def test_measures_of_equal_and_of_independent_trains(truth):
    random = np.random.default_rng(0)

    def train():
        return " ".join(map(str, np.flatnonzero(random.random(2000) < 0.02)))

    same = [train() for _ in range(30)]
    rate, correlation, _ = truth.quantities(truth.sums(["|".join([each] * 3) for each in same]))
    assert rate == pytest.approx(20, rel=0.05) and correlation == pytest.approx(1)
    _, correlation, coincidences = truth.quantities(
        truth.sums(["|".join(train() for _ in range(3)) for _ in range(90)])
    )
    assert abs(correlation) < 0.03 and coincidences == pytest.approx(1, abs=0.05)


def test_intervals_are_told_of_twenty_trials_and_not_of_fewer(truth, tmp_path, monkeypatch):
    monkeypatch.setattr(truth, "RESAMPLES", 100)
    random = np.random.default_rng(0)
    rows = []
    for trial in range(20):
        for network, coupled in truth.ORDER:
            trains = [" ".join(map(str, np.flatnonzero(random.random(2000) < 0.01))) for _ in range(3)]
            cells = network, 40 * coupled, trial, 0, "|".join(trains)
            rows.append(dict(zip(truth.COLUMNS, map(str, cells), strict=True)))
    told = truth.table(truth.by_network(rows)).splitlines()
    assert len(told) == 7 and told[2].startswith("| NEURON | ") and told[6].startswith("| surrogate, not coupled | ")
    assert all(line.count(" to ") == 3 for line in told[2:])
    low, high = truth.intervals(truth.by_network(rows)["NEURON", True], truth.quantities)[1]
    assert (low < [10, 0, 1]).all() and (high > [10, 0, 1]).all()  # independent cells at 10 Hz

    few = [row for row in rows if int(row["trial"]) < 19]
    assert " to " not in truth.table(truth.by_network(few))
    for name, shown in (("all", rows), ("few", few)):
        truth.draw(shown, tmp_path / f"{name}.png")
    assert len({path.read_bytes() for path in tmp_path.iterdir()}) == 2
